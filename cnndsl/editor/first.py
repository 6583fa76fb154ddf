"""What can be said of a text right after a change: by the network in view, before all of them are looked at."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.analysis.claims import hold
from cnndsl.checking import Request
from cnndsl.diagnostics import Diagnostic, Report
from cnndsl.editor.memory import Change, change, remembered
from cnndsl.editor.view import View, first_view, in_view
from cnndsl.elaborate.context import Budget
from cnndsl.elaborate.networks import own_claims
from cnndsl.errors import ModelError
from cnndsl.source import Source
from cnndsl.syntax import tree


def first_look(before: View, now: Source, request: Request, shown: str = "") -> tuple[View, list[Diagnostic]] | None:
    """One network of a text, and what is found in it; None if only a look at all of it can tell.

    `before` is the last look at all of the text, from which findings elsewhere are kept. While the claims of a variant
    are written no layer changes: they are held against what is known of it, and a small network is looked at instead.
    """
    made = change(before.source, now)
    network = in_view(before, made.start, shown)
    if network is None:
        return None
    claimed = _in_claims_of_variant(before, made)
    view = _view_of(now, [_smallest_like(before, claimed.name.id, shown) if claimed else network], request)
    if view is None:  # it has another name now, or cannot be read
        view = _view_of(now, _by_size(before, before.checked.networks), request)
    if view is None:
        return None
    found = view.checked.report.shown
    if claimed is not None:
        found = [*found, *_claims_again(before, view, claimed.name.id)]
    return view, [*found, *remembered(before, view, made)]


def _in_claims_of_variant(before: View, made: Change) -> tree.VariantDefinition | None:
    """The variant in whose braces all of the change lies, if its numbers are known."""
    definition = before.definition_at(made.start)
    if not isinstance(definition, tree.VariantDefinition) or definition.body is None:
        return None
    body, done = definition.body.span, before.checked.networks.get(definition.name.id)
    inside = body.start < made.start and made.end < body.end
    return definition if inside and done is not None and done.complete else None


def _smallest_like(before: View, name: str, shown: str) -> str:
    """Of the networks in which the same bodies ran the one that is shown, else the smallest."""
    networks = before.checked.networks
    like = [each for each, done in networks.items() if done.ran == networks[name].ran]
    return shown if shown in like else _by_size(before, like)[0]


def _by_size(before: View, names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda each: len(before.checked.networks[each].graph))


def _view_of(now: Source, names: Iterable[str], request: Request) -> View | None:
    """The first of some networks that the text has, as far as it can be read."""
    for name in names:
        try:
            return first_view(now, name, request)
        except ModelError:
            continue
    return None


def _claims_again(before: View, now: View, name: str) -> list[Diagnostic]:
    """What is wrong about a variant's claims as they are written now."""
    variant, report = now.checked.module.networks.get(name), Report()
    if isinstance(variant, tree.VariantDefinition) and name not in now.checked.networks:
        hold(own_claims(now.checked.module, variant), before.checked.facts[name], report, Budget())
    return report.shown
