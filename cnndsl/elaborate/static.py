"""What can be said about definitions without running them: unused names, and unknown ones in blocks nobody calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cnndsl.diagnostics import Diagnostic, Report
from cnndsl.diagnostics.suggest import closest
from cnndsl.elaborate.context import NO_RECURSION
from cnndsl.elaborate.elaborator import LabelUse
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.modules import Module
from cnndsl.elaborate.names import names_in, parts_of
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.values import TYPES
from cnndsl.ops import all_layers, find
from cnndsl.source import Span
from cnndsl.syntax import tree

Definition = tree.BlockDefinition | tree.NetworkDefinition


def definitions(module: Module) -> list[Definition]:
    """The blocks and networks that have a body of their own in this file, in the order of the file."""
    found: list[Definition] = [*module.file.blocks]
    found += [network for network in module.file.networks if isinstance(network, tree.NetworkDefinition)]
    return sorted(found, key=lambda definition: definition.span.start)


def report_unused(module: Module, report: Report) -> None:
    """W602 for parameters, W606 for `let`s, W607 for imports that nothing reads."""
    for definition in definitions(module):
        read = {name.id for name in names_in((definition.parameters, definition.body))}
        for parameter in definition.parameters:
            if parameter.name.id not in read:
                message = f"parameter `{parameter.name.id}` of `{definition.name.id}` is never used"
                report.add(Diagnostic("W602", message, parameter.name.span))
        for statement in parts_of(definition.body):
            for name in statement.names if isinstance(statement, tree.Let) else ():
                if name.id not in read:
                    report.add(Diagnostic("W606", f"`{name.id}` is never used", name.span))
    everything = {name.id for name in names_in((module.file.blocks, module.file.networks))}
    for use in module.file.uses:
        for name in use.names:
            if name.id not in everything:
                report.add(Diagnostic("W607", f"`{name.id}` is imported but never used", name.span))


def report_unread_labels(labels: Iterable[LabelUse], source: object, report: Report) -> None:
    """W601 for a label of this file that is not read and has no other use.

    A label is of use if `from` reads it or if it names weights. One that names weights is still suspect when
    labels that differ only in their number are read (`enc1`, `enc2` are, `enc3` is not).
    """
    merged: dict[Span, LabelUse] = {}
    for label in labels:
        if label.name.span.source is source:
            known = merged.setdefault(label.name.span, LabelUse(label.name))
            known.read |= label.read
            known.names_weights |= label.names_weights
    families = {label.name.id.rstrip("0123456789") for label in merged.values() if label.read}
    for label in merged.values():
        stem = label.name.id.rstrip("0123456789")
        sibling_is_read = stem != label.name.id and stem in families
        if not label.read and (sibling_is_read or not label.names_weights):
            message = f"the label `{label.name.id}` is never read"
            why = "others of its kind are read with `from`" if sibling_is_read else "and it names no weights"
            report.add(Diagnostic("W601", message, label.name.span, label=why))


def report_cycles(module: Module, report: Report) -> None:
    """E310 for blocks of this file that call themselves, whether or not anything calls them."""
    calls = {block.name.id: _called_blocks(block, module) for block in module.file.blocks}
    settled: set[str] = set()
    for start in calls:
        trail: list[tuple[str, Iterator[tree.Name]]] = [(start, iter(calls[start]))]
        while trail and start not in settled:
            onward = next((name for name in trail[-1][1] if name.id not in settled), None)
            names = [name for name, _ in trail]
            if onward is None:
                settled.add(trail.pop()[0])
            elif onward.id in names:
                cycle = [*names[names.index(onward.id) :], onward.id]
                message = f"`{onward.id}` calls itself: {' calls '.join(cycle)}"
                report.add(Diagnostic("E310", message, onward.span, help=NO_RECURSION))
                settled.update(cycle)
                break
            else:
                trail.append((onward.id, iter(calls[onward.id])))


def _called_blocks(block: tree.BlockDefinition, module: Module) -> list[tree.Name]:
    """The commands in a block that are blocks of the same file."""
    own = {definition.name.id for definition in module.file.blocks}
    hidden = {parameter.name.id for parameter in block.parameters}
    commands = [part.name for part in parts_of(block.body) if isinstance(part, tree.Command)]
    return [name for name in commands if name.id in own and name.id not in hidden]


def report_unknown(definition: Definition, module: Module, report: Report) -> None:
    """E301 and E302 in a definition that no network reaches, so that a file of blocks alone is checked too."""
    bound = {parameter.name.id for parameter in definition.parameters}
    for part in parts_of(definition.body):
        if isinstance(part, (tree.Let, tree.For)):
            bound.update(name.id for name in part.names)
    commands = {part.name.span: part.name for part in parts_of(definition.body) if isinstance(part, tree.Command)}
    words = _bare_words(definition)
    for name in names_in((definition.parameters, definition.body)):
        known = name.id in bound or name.id in module.blocks or name.id in module.missing or bool(find(name.id))
        if name.span in commands:
            if not known and name.id not in STRUCTURES:
                guess = closest(name.id, [*STRUCTURES, *bound, *module.blocks, *all_layers()])
                hint = f"did you mean `{guess}`?" if guess else "`cnndsl ops` lists the layers"
                report.add(Diagnostic("E301", f"there is no layer or block `{name.id}`", name.span, help=hint))
        elif not known and name.id not in FUNCTIONS and name.span not in words and name.id not in TYPES:
            guess = closest(name.id, [*bound, *module.blocks, *FUNCTIONS])
            help = f"did you mean `{guess}`?" if guess else None
            report.add(Diagnostic("E302", f"`{name.id}` is not defined", name.span, help=help))


def _bare_words(definition: Definition) -> set[Span]:
    """Argument values that may be choices (`round=ceil`, `head aux1`) rather than names."""
    return {
        argument.value.span
        for part in parts_of(definition.body)
        if isinstance(part, tree.Command)
        for argument in part.arguments
        if isinstance(argument.value, tree.Name) and (argument.name is not None or part.name.id == "head")
    }
