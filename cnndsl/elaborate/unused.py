"""Warnings about what nothing uses: parameters, `let`s, imports, labels, and comments that allow warnings."""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from cnndsl.diagnostics import Diagnostic, Report
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import names_in, parts_of
from cnndsl.elaborate.place import LabelUse
from cnndsl.elaborate.removals import allowance_removed, import_removed, label_removed, statement_removed
from cnndsl.source import Span
from cnndsl.syntax import tree

Definition = tree.BlockDefinition | tree.NetworkDefinition


def definitions(module: Module) -> list[Definition]:
    """The blocks and networks that have a body of their own in this file, in the order of the file."""
    found: list[Definition] = [*module.file.blocks]
    found += [network for network in module.file.networks if isinstance(network, tree.NetworkDefinition)]
    return sorted(found, key=lambda definition: definition.span.start)


def report_unused(module: Module, report: Report) -> None:
    """W602 for parameters, W606 for `let`s, W607 for imports that nothing reads.

    Nothing is said where there are errors: what is mended there may use the name.
    """
    errors = sorted(finding.span.start for finding in report.errors if finding.span.source is module.source)
    for definition in definitions(module):
        at = bisect_left(errors, definition.span.start)
        if at == len(errors) or errors[at] > definition.body.span.end:
            _report_unused_in(definition, report)
    if errors:
        return
    _report_unused_in_functions(parts_of(module.file.values), report)
    text = (module.file.values, module.file.blocks, module.file.networks) if module.file.uses else ()
    everything = {name.id for name in names_in(text)}
    for use in module.file.uses:
        for name in use.names:
            if name.id not in everything:
                message = f"`{name.id}` is imported but never used"
                report.add(Diagnostic("W607", message, name.span, fixes=(import_removed(use, name),)))


def _report_unused_in(definition: Definition, report: Report) -> None:
    parts = [*parts_of((definition.parameters, definition.body))]
    read = read_in(parts)
    _report_unused_parameters(definition, read, report)
    for statement in parts:
        names = bound_by(statement)
        for name in names:
            if name.id not in read:
                fixes = (statement_removed(statement.span),) if len(names) == 1 else ()
                report.add(Diagnostic("W606", f"`{name.id}` is never used", name.span, fixes=fixes))
    _report_unused_in_functions(parts, report)


def read_in(parts: Iterable[object]) -> set[str]:
    """The names that some syntax reads."""
    return {part.id for part in parts if isinstance(part, tree.Name)}


def _report_unused_parameters(
    definition: Definition | tree.FunctionDefinition, read: AbstractSet[str], report: Report
) -> None:
    for parameter in definition.parameters:
        if parameter.name.id not in read:
            message = f"parameter `{parameter.name.id}` of `{definition.name.id}` is never used"
            report.add(Diagnostic("W602", message, parameter.name.span))


def bound_by(part: object) -> tuple[tree.Name, ...]:
    """The names that a `let` binds."""
    if isinstance(part, tree.Let):
        return part.names
    return (part.name,) if isinstance(part, tree.FunctionDefinition) else ()


def _report_unused_in_functions(parts: Iterable[object], report: Report) -> None:
    for function in parts:
        if isinstance(function, tree.FunctionDefinition):
            read = {name.id for name in names_in((function.parameters, function.value))}
            _report_unused_parameters(function, read, report)


def report_unused_allowances(module: Module, ran: AbstractSet[int], advice: AbstractSet[str], report: Report) -> None:
    """W608 for a comment that allows what does not come up there.

    Nothing is said where there are errors, nor on the lines of bodies that were not run: what they would warn of is
    not known. Nor is what advice would be given that is not asked for.
    """
    if report.errors:
        return
    bodies = [part for part in parts_of((module.file.blocks, module.file.networks)) if isinstance(part, tree.Body)]
    asleep = [body.span.lines for body in bodies if id(body) not in ran]
    for code in report.unused_allowances(module.source):
        unasked = code.text.startswith("W7") and code.text not in advice
        if not unasked and not any(code.line in lines for lines in asleep):
            help = "a warning is allowed on its own line, or on that of a block call which leads to it"
            if code.text.startswith("E"):
                help = "errors cannot be allowed"
            message, fixes = f"nothing here needs `allow {code.text}`", allowance_removed(code)
            report.add(Diagnostic("W608", message, code, help=help, fixes=fixes))


def report_unread_labels(labels: Iterable[LabelUse], module: Module, report: Report) -> None:
    """W601 for a label of this file that is not read and has no other use.

    A label is of use if `from` reads it, or if it names weights or a result of the network. One that is of use for its
    name alone is still suspect when those of the numbers next to it are read (`enc1` and `enc3` are, `enc2` is not).
    The first and the last of a kind are not: there a U turns round, and a pyramid ends.
    """
    merged: dict[Span, LabelUse] = {}
    for label in labels:
        if label.name.span.source is module.source:
            known = merged.setdefault(label.name.span, LabelUse(label.name))
            known.read |= label.read or label.name.id in module.file.lost
            known.names_weights |= label.names_weights or label.names_result
    starts = [definition.span.start for definition in definitions(module)]
    home = {place: bisect(starts, place.start) for place in merged}  # the block or network: no other sees the label
    read = {(home[place], label.name.id) for place, label in merged.items() if label.read}
    for place, label in merged.items():
        neighbours = [(home[place], each) for each in _neighbours(label.name.id)]
        siblings_are_read = bool(neighbours) and read.issuperset(neighbours)
        if not label.read and (siblings_are_read or not label.names_weights):
            message = f"the label `{label.name.id}` is never read"
            why = "others of its kind are read with `from`" if siblings_are_read else "and it names no weights"
            fixes = () if siblings_are_read else label_removed(label.name.span)
            report.add(Diagnostic("W601", message, label.name.span, label=why, fixes=fixes))


def _neighbours(label: str) -> list[str]:
    """The labels of the numbers before and after: `enc1` and `enc3` for `enc2`; none without a number."""
    stem = label.rstrip("0123456789")
    digits = label.removeprefix(stem)
    return [f"{stem}{int(digits) + step}" for step in (-1, 1)] if 0 < len(digits) < 10 else []
