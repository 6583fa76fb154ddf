"""Checks a file or one of its networks: parse, elaborate, claims, warnings, all into one report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cnndsl.analysis.claims import hold
from cnndsl.analysis.facts import Facts
from cnndsl.analysis.lint import lint
from cnndsl.diagnostics import Report, closest
from cnndsl.elaborate import Elaboration, Loader, Module, elaborate_network
from cnndsl.elaborate.context import MAX_NODES
from cnndsl.elaborate.elaborator import LabelUse
from cnndsl.elaborate.static import (
    definitions,
    report_cycles,
    report_unknown,
    report_unread_labels,
    report_unused,
)
from cnndsl.models import Model, ModelError
from cnndsl.ops.base import Shape
from cnndsl.source import Source, Span
from cnndsl.syntax import tree


@dataclass
class Checked:
    """A checked file: its report, and what each network that was looked at came to."""

    module: Module
    report: Report
    networks: dict[str, Elaboration] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What to check and how: parameters and input shape as a caller sets them."""

    parameters: Mapping[str, object] = field(default_factory=dict)
    input: Shape | None = None
    max_nodes: int = MAX_NODES


def check_file(source: Source, request: Request | None = None) -> Checked:
    """Check all networks of a file that have everything they need, and the blocks that none of them calls."""
    checked, request = _load(source), request or Request()
    if not checked.module.file.complete:
        return checked
    for name, definition in checked.module.networks.items():
        if _is_complete(definition, request):
            _check_network(checked, name, request)
    _check_rest(checked)
    return checked


def check_model(model: Model, request: Request | None = None) -> Checked:
    """Check one network: the one named, or the file's main one."""
    checked, request = _load(model.source), request or Request()
    name = main_network(checked.module, model.network)
    _check_network(checked, name, request)
    if checked.module.file.complete:
        report_unused(checked.module, checked.report)
        report_unread_labels(checked.networks[name].labels, model.source, checked.report)
    return checked


def _load(source: Source) -> Checked:
    report = Report()
    return Checked(Loader(report).load_root(source), report)


def _is_complete(definition: tree.NetworkDefinition | tree.VariantDefinition, request: Request) -> bool:
    """Whether a network has a value for each of its parameters (a base for variants need not)."""
    if isinstance(definition, tree.VariantDefinition):
        return True
    return all(p.default is not None or p.name.id in request.parameters for p in definition.parameters)


def _check_network(checked: Checked, name: str, request: Request) -> None:
    report = checked.report
    done = elaborate_network(
        checked.module,
        name,
        report,
        parameters=request.parameters,
        input=request.input,
        max_nodes=request.max_nodes,
    )
    checked.networks[name] = done
    checked.facts[name] = Facts(done.graph)
    if done.complete:
        hold(done.claims, checked.facts[name])
        for warning in lint(done.graph):
            report.add(warning)


def _check_rest(checked: Checked) -> None:
    """What is said of the file as a whole."""
    module, report = checked.module, checked.report
    report_cycles(module, report)
    report_unused(module, report)
    labels: list[LabelUse] = [label for done in checked.networks.values() for label in done.labels]
    report_unread_labels(labels, module.source, report)
    called: set[Span] = set().union(*(done.called for done in checked.networks.values()))
    for definition in definitions(module):
        if definition.span not in called and definition.name.id not in checked.networks:
            report_unknown(definition, module, report)


def main_network(module: Module, wanted: str | None) -> str:
    """The network a MODEL means: the one named, else that of the file's name, else the only one.

    Raises `ModelError` with the known names.
    """
    names = list(module.networks)
    where = module.source.name
    if wanted is not None:
        if wanted in names:
            return wanted
        guess = closest(wanted, names)
        hint = f"did you mean {guess}?" if guess else f"it has {', '.join(names)}" if names else "it has no networks"
        raise ModelError(f"there is no network {wanted} in {where}; {hint}")
    stem = module.source.path.stem if module.source.path else ""
    if stem in names:
        return stem
    if len(names) == 1:
        return names[0]
    if not names:
        raise ModelError(f"there is no network in {where}")
    raise ModelError(f"{where} has several networks; name one: {', '.join(f'{where}:{name}' for name in names)}")
