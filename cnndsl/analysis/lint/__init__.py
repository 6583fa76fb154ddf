"""Warnings where a careful reviewer of the network would speak up: nothing is wrong, but something is wasted.

Only what is certain: a rule asks the layers for their facts and says nothing where somebody may mean what stands there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from cnndsl.analysis.lint.constants import constants, squashed_twice
from cnndsl.analysis.lint.finding import Rule
from cnndsl.analysis.lint.linear_maps import linear_maps
from cnndsl.analysis.lint.no_effect import layers_without_effect
from cnndsl.analysis.lint.norms import foreign_momentum, norms_of_norms, useless_biases
from cnndsl.analysis.lint.order import channels_behind, numbers_out_of_order
from cnndsl.analysis.lint.padding import kernels_on_padding, padded_twice
from cnndsl.analysis.lint.strides import skipped_pixels
from cnndsl.analysis.lint.unused_results import unused_results
from cnndsl.diagnostics import Diagnostic
from cnndsl.diagnostics.wording import way
from cnndsl.ir.graph import Graph, Node
from cnndsl.records import replace
from cnndsl.source import Span

RULES: tuple[Rule, ...] = (
    useless_biases,
    skipped_pixels,
    unused_results,
    constants,
    kernels_on_padding,
    foreign_momentum,
    padded_twice,
    channels_behind,
    numbers_out_of_order,
)
# Of a layer in a block or loop these hold only if they do each time: elsewhere it may have its use.
RULES_OF_PLACES: tuple[Rule, ...] = (layers_without_effect, norms_of_norms, linear_maps, squashed_twice)


def lint(*graphs: Graph, advice: Collection[str] = ()) -> list[Diagnostic]:
    """All warnings about the networks of a file as the author wrote them, rule by rule in definition order.

    Of `advice` only those with these codes: they are arguments, and others may weigh more.
    """
    found: list[Diagnostic] = []
    advised = _advising(advice)
    for rule in (*RULES, *RULES_OF_PLACES, *advised):
        findings = [(graph, *finding) for graph in graphs for finding in rule(graph)]
        always = _each_time(graphs, [node for _, node, _ in findings])
        for graph, node, warning in findings:
            if _place(node) in always and node.span.source is graph.scopes[""].span.source:
                found.append(_reached(graph, node, warning))
            elif _place(node) in always or rule not in RULES_OF_PLACES:
                found.append(_reached(graph, node, _without_fixes(warning)))
    return found


def _advising(codes: Collection[str]) -> list[Rule]:
    if not codes:
        return []
    from cnndsl.analysis.lint.advice import ADVICE  # which a check without it does not import

    return [rule for code, rule in ADVICE.items() if code in codes]


def _place(node: Node) -> tuple[Span, str]:
    return node.span, node.op.word


def _each_time(graphs: tuple[Graph, ...], found: list[Node]) -> set[tuple[Span, str]]:
    """The places in the file that give these nodes and no others."""
    if not found:
        return set()
    runs, hits = Counter(_place(node) for graph in graphs for node in graph), Counter(map(_place, found))
    return {place for place in hits if hits[place] == runs[place]}


def _without_fixes(warning: Diagnostic) -> Diagnostic:
    """The same with advice for fixes, where an edit would reach more: another call that is in order, another file."""
    advice = [*(fix.title for fix in warning.fixes), *([warning.help] if warning.help else [])]
    return replace(warning, fixes=(), help="\n".join(advice) or None)


def _reached(graph: Graph, node: Node, finding: Diagnostic) -> Diagnostic:
    """The finding with the block calls that led to its node, innermost first."""
    calls = [scope for scope in graph.scopes_around(node.name) if scope.block is not None and scope.path]
    notes = way([(scope.block, scope.span) for scope in calls], graph.name, graph.scopes[""].span.source)
    return replace(finding, calls=tuple(scope.span for scope in calls), notes=notes)
