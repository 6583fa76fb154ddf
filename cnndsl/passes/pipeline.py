"""The order of the passes, and the one loop that runs them: rewrite, verify, show.

A pass is a function from graph to graph; it is called by the name it is defined under.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cnndsl.ir.graph import Graph
from cnndsl.ir.verify import VerificationError, verify
from cnndsl.passes.drop_identity import drop_identity
from cnndsl.passes.settle_bias import settle_bias

Pass = Callable[[Graph], Graph]
Observer = Callable[[str, Graph], None]

PIPELINE: tuple[Pass, ...] = (
    settle_bias,  # first: it completes what the author wrote, so it must see exactly that (`conv -> identity -> bn`)
    drop_identity,  # then relations between neighbours hold without looking through identities
)


def run(graph: Graph, passes: Iterable[Pass] = PIPELINE, *, observe: Observer | None = None) -> Graph:
    """Apply `passes` in order, each followed by `verify`; a `VerificationError` names the pass at fault.

    `observe` is called with each pass's name and the graph it made.
    """
    for rewrite in passes:
        graph = rewrite(graph)
        try:
            verify(graph)
        except VerificationError as error:
            raise VerificationError(f"{graph.name} after {rewrite.__name__}", error.problems) from error
        if observe is not None:
            observe(rewrite.__name__, graph)
    return graph
