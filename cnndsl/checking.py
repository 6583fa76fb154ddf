"""Checks a file or one of its networks: parse, elaborate, claims, warnings, all into one report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cnndsl.analysis.claims import hold, look_over
from cnndsl.analysis.facts import Facts
from cnndsl.analysis.lint import lint
from cnndsl.diagnostics import Report, did_you_mean
from cnndsl.diagnostics.wording import few
from cnndsl.elaborate import Elaboration, Loader, Module, elaborate_network
from cnndsl.elaborate.causes.search import Search
from cnndsl.elaborate.context import MAX_NODES, Budget
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.elaborate.uncalled import check_uncalled
from cnndsl.elaborate.unused import definitions, report_unread_labels, report_unused, report_unused_allowances
from cnndsl.errors import Error, ModelError
from cnndsl.models import Model
from cnndsl.records import dataclass, field, replace
from cnndsl.shipped import is_shipped
from cnndsl.source import Source
from cnndsl.syntax import tree

_LETTERS_PER_LAYER = 15  # of text, which take as long


def _go_on() -> None:
    """Nobody gives up."""


@dataclass
class Checked:
    """A checked file: what was asked of it, its report, and what each network that was looked at came to.

    search  for repairs of what is found about shapes; None if nobody asks for any
    unset   networks that could not be, and are the base of no variant, with their parameters that have no value
    """

    module: Module
    request: Request
    report: Report
    search: Search | None = None
    networks: dict[str, Elaboration] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    unset: dict[str, list[str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How much was looked at: layers, and text that takes as long."""
        layers = sum(len(done.graph) for done in self.networks.values())
        return layers + len(self.module.source.text) // _LETTERS_PER_LAYER


@dataclass(frozen=True)
class Request:
    """What to check and how: parameters and input shapes as a caller sets them.

    files   what stands in place of files that others use, by resolved path: texts that are not written yet
    advice  codes of what is found only where it is asked for
    between is called before every network; who no longer needs an answer raises an exception there
    """

    parameters: Mapping[str, object] = field(default_factory=dict)
    input: GivenInputs | None = None
    max_nodes: int = MAX_NODES
    files: Mapping[Path, Source] = field(default_factory=dict)
    advice: frozenset[str] = frozenset()
    between: Callable[[], None] = _go_on

    def instead(self, edited: Mapping[Source, Source]) -> Request:
        """The same with these sources in place of those."""
        paths = {old.path.resolve(): new for old, new in edited.items() if old.path is not None}
        return replace(self, files={**self.files, **paths})


def check_request(model: Model, request: Request) -> Checked:
    """Check the whole file, or one network of it if that, its parameters or an input were named."""
    request = _settled(model, request)
    if model.network is None and not request.parameters and request.input is None:
        return check_file(model.source, request)
    return check_model(model, request)


def check_file(source: Source, request: Request | None = None) -> Checked:
    """Check all networks of a file that have everything they need, and the blocks that none of them calls."""
    return _with_tried_fixes(_check_file, source, request or Request())


def _check_file(source: Source, request: Request, search: Search | None) -> Checked:
    checked, budget = _load(source, request, search), Budget.of(request.max_nodes)
    bases = {each.base.id for each in checked.module.file.networks if isinstance(each, tree.VariantDefinition)}
    for name, definition in checked.module.networks.items():
        unset = _unset(definition, request)
        if budget.spent:  # which was reported
            break
        if not unset:
            _check_network(checked, name, request, budget)
        elif name not in bases:
            checked.unset[name] = unset
    ran: set[int] = set().union(*(done.ran for done in checked.networks.values()))
    for each in definitions(checked.module):
        if id(each.body) not in ran and each.name.id not in checked.networks:
            check_uncalled(each, checked.module, checked.report)
    _add_lint(checked)
    _add_unused(checked)
    if not request.parameters and request.input is None:
        report_unused_allowances(checked.module, ran, checked.request.advice, checked.report)
    return _in_order(checked)


def check_model(model: Model, request: Request | None = None) -> Checked:
    """Check one network: the one named, or the file's main one."""

    def check(source: Source, request: Request, search: Search | None) -> Checked:
        return _check_network_of(source, model.network, request, search)

    return _with_tried_fixes(check, model.source, _settled(model, request or Request()))


def check_at_once(model: Model, request: Request | None = None) -> Checked:
    """As `check_model`, but nobody looks for repairs, which takes longer than the check."""
    request = _settled(model, request or Request())
    checked = _load(model.source, request, Search())
    return _check_one(replace(checked, search=None), model.network, request)


def _settled(model: Model, request: Request) -> Request:
    """The request, with what the model brings of itself where a caller says nothing else."""
    parameters, files = {**model.parameters, **request.parameters}, {**model.files, **request.files}
    return replace(request, parameters=parameters, input=request.input or model.input, files=files)


def _check_network_of(source: Source, network: str | None, request: Request, search: Search | None) -> Checked:
    return _check_one(_load(source, request, search), network, request)


def _check_one(checked: Checked, network: str | None, request: Request) -> Checked:
    name = main_network(checked.module, network)
    _check_network(checked, name, request, Budget.of(request.max_nodes))
    _add_lint(checked)
    _add_unused(checked)
    return _in_order(checked)


def _load(source: Source, request: Request, search: Search | None) -> Checked:
    report = Report() if search is not None else Report(told=0)
    return Checked(Loader(report, request.files).load_root(source), request, report, search)


def _with_tried_fixes(
    look: Callable[[Source, Request, Search | None], Checked], source: Source, request: Request
) -> Checked:
    """What a check of the source finds, with those repairs that hold, as far as trying them takes no long time."""
    search = Search()
    checked = look(source, request, search)
    if not checked.report:
        return checked
    from cnndsl.habits.second_reading import readings  # which a clean file does without
    from cnndsl.repairs import Repairs
    from cnndsl.trials import MOST_WORK, Trials, with_tried_fixes

    limited = replace(request, max_nodes=min(request.max_nodes, MOST_WORK))

    def recheck(
        edited: Mapping[Source, Source], network: str | None, input: GivenInputs | None
    ) -> tuple[Report, int] | None:
        if any(old is not source and is_shipped(old.path) for old in edited):
            return None
        again = replace(limited.instead(edited), input=input or request.input)
        text = edited.get(source, source)
        try:
            found = look(text, again, None) if network is None else _check_network_of(text, network, again, None)
        except Error:  # such as a network that is lost
            return None
        return found.report, found.size

    trials = Trials(checked.report, recheck, MOST_WORK - checked.size)
    report = with_tried_fixes(trials, readings)
    if not search.found and len(report.errors) < 2:
        return replace(checked, report=report)
    return _in_order(replace(checked, report=Repairs(search, trials).settle(report)))


def _unset(definition: tree.NetworkDefinition | tree.VariantDefinition, request: Request) -> list[str]:
    """The parameters of a network that have no value (a base for variants need not have all)."""
    if isinstance(definition, tree.VariantDefinition):
        return []
    return [p.name.id for p in definition.parameters if p.default is None and p.name.id not in request.parameters]


def _check_network(checked: Checked, name: str, request: Request, budget: Budget) -> None:
    report = checked.report
    request.between()
    done = elaborate_network(
        checked.module,
        name,
        report,
        parameters=request.parameters,
        input=request.input,
        max_nodes=request.max_nodes,
        budget=budget,
        search=checked.search,
    )
    checked.networks[name] = done
    checked.facts[name] = Facts(done.graph)
    if done.complete:
        hold(done.claims, checked.facts[name], report, budget)
    else:
        look_over(done.claims, report)


def _add_lint(checked: Checked) -> None:
    """Add what deserves a warning, if nothing is wrong: what is mended first may be what the warning would be about."""
    if checked.report.ok:
        complete = (done.graph for done in checked.networks.values() if done.complete)
        for warning in lint(*complete, advice=checked.request.advice):
            checked.report.add(warning)


def _add_unused(checked: Checked) -> None:
    """Add what is said of names that nothing uses."""
    report_unused(checked.module, checked.report)
    if all(done.complete for done in checked.networks.values()):
        labels = [label for done in checked.networks.values() for label in done.labels]
        report_unread_labels(labels, checked.module, checked.report)


def _in_order(checked: Checked) -> Checked:
    """The same with its findings from top to bottom, its own file before those it uses."""
    sources = {checked.module.source: 0}
    for finding in checked.report:
        sources.setdefault(finding.span.source, len(sources))
    ordered = sorted(checked.report, key=lambda f: (sources[f.span.source], f.span.start, f.span.end))
    return replace(checked, report=checked.report.rewritten(ordered))


def main_network(module: Module, wanted: str | None) -> str:
    """The network a MODEL means: the one named, else that of the file's name, else the only one.

    Raises `ModelError` with the known names.
    """
    names = list(module.networks)
    where = module.source.name
    if wanted is not None:
        if wanted in names:
            return wanted
        hint = did_you_mean(wanted, names, f"it has {few(names)}" if names else "it has no networks")
        raise ModelError(f"there is no network {wanted} in {where}; {hint}")
    stem = module.source.path.stem if module.source.path else ""
    if stem in names:
        return stem
    if len(names) == 1:
        return names[0]
    if not names:
        raise ModelError(f"there is no network in {where}")
    raise ModelError(f"{where} has several networks; name one: {few([f'{where}:{name}' for name in names])}")
