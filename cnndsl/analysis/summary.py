"""The table of a network: a row for each layer and scope, neighbours that are the same folded into one.

A layer and what merely follows it (`conv 3x3, 64 -> bn -> relu`) share a row, as they do in a paper's table. Rows are
plain data; `render` makes text, JSON and CSV of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from operator import add, sub
from typing import Literal

from cnndsl.analysis.cost import Cost, costs
from cnndsl.analysis.facts import Facts
from cnndsl.analysis.memory import Peak
from cnndsl.analysis.receptive import Axes
from cnndsl.analysis.wording import Chain, Entry, Wording, lone_chain, shapes_out
from cnndsl.ir.graph import Graph, Output
from cnndsl.ir.tree import Part, fold, tree
from cnndsl.ops.base import Shape
from cnndsl.records import dataclass, replace

SCREEN = 36  # rows; without a depth as many levels are shown as stay within it

Runs = Literal["always", "training", "never"]


@dataclass(frozen=True, slots=True)
class Row:
    """A layer with its followers, or a scope, or `count` equal scopes in a row, `name` to `last`.

    Costs are sums over everything in the row, for one sample in float32. `shape`, `receptive_field` and `jump` are
    those of its last node; `bundle` are the shapes of all tensors that flow out, if they are several. Field and jump
    are None after a layer that sees the whole input, and the field is a bound unless it is exact. `runs` is "training"
    for what only a train-only head needs and "never" for what no output needs; totals leave both out. The rows inside
    several equal scopes are those of the first.
    """

    level: int
    name: str
    last: str
    block: str | None
    layer: str
    count: int
    shape: Shape
    params: int
    macs: int
    activation_bytes: int
    receptive_field: Axes | None
    receptive_field_exact: bool
    jump: Axes | None
    runs: Runs
    bundle: tuple[Shape, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """The table of a network and its totals; `depth` is the number of levels that the rows show.

    `receptive_field` is a bound, which nothing exceeds, unless `receptive_field_exact`.
    `complete` is false for a graph that was broken off at a mistake; the totals then are of what is there.
    """

    network: str
    inputs: tuple[Shape, ...]
    outputs: tuple[tuple[Output, Shape], ...]
    rows: tuple[Row, ...]
    depth: int
    complete: bool
    cost: Cost
    training_cost: Cost
    weighted_layers: int
    receptive_field: tuple[int, int]
    receptive_field_exact: bool
    peak: Peak


def summarize(graph: Graph, depth: int | None = None) -> Summary:
    """The table of `graph` with scopes opened to `depth` levels (1 shows the outermost rows only).

    Without a depth it opens as many levels as fit on a screen.
    """
    facts = Facts(graph)
    rows = list(_Table(facts).rows())
    shown = _fitting(rows) if depth is None else depth
    return Summary(
        network=graph.name,
        inputs=tuple(node.shape for node in graph.inputs),
        outputs=tuple((output, graph[output.node].shape) for output in graph.outputs),
        rows=tuple(_cut(rows, shown)),
        depth=shown,
        complete=bool(graph.outputs),
        cost=facts.cost,
        training_cost=facts.training_cost,
        weighted_layers=facts.depth,
        receptive_field=facts.field.size,
        receptive_field_exact=facts.field.exact,
        peak=facts.peak,
    )


def _fitting(rows: list[Row]) -> int:
    """The most levels whose rows fit on a screen; at least one."""
    at_level = Counter(row.level for row in rows)
    below = accumulate(at_level[level] for level in range(len(at_level)))
    return max(1, sum(count <= SCREEN for count in below))


def _cut(rows: list[Row], depth: int) -> Iterator[Row]:
    """The rows of the outer `depth` levels. A scope whose rows follow needs no list of what is in it."""
    kept = [row for row in rows if row.level < depth]
    for row, following in zip(kept, [*kept[1:], None], strict=False):
        opened = following is not None and following.level > row.level
        yield replace(row, layer="") if opened and row.block is None else row


class _Table:
    """Makes rows of the folded scope tree; their sums are differences of running totals, as scopes are intervals."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.graph = facts.graph
        self.wording = Wording(self.graph)
        self.position = {node.name: position for position, node in enumerate(self.graph)}
        self.running = list(accumulate(costs(self.graph).values(), _plus, initial=Cost()))

    def rows(self) -> Iterator[Row]:
        """All rows at all levels, in definition order; a scope around a single row is that row."""
        root = fold(self.graph.nodes, tree(self.graph.nodes, self.graph.scopes))
        pending = [(0, entry) for entry in reversed(self.wording.entries(root))]
        while pending:
            level, entry = pending.pop()
            if isinstance(entry, Part):
                inside = self.wording.entries(entry)
                yield self._scope_row(level, entry, inside)
                if entry.scope.block is not None or lone_chain(inside) is None:
                    pending.extend((level + 1, inner) for inner in reversed(inside))
            else:
                yield self._layer_row(level, entry)

    def _scope_row(self, level: int, part: Part, inside: list[Entry]) -> Row:
        return self._row(
            level,
            nodes=(part.start, part.last.stop),
            names=(part.scope.path, part.last.scope.path),
            layer=self.wording.scope(part.scope, inside),
            block=part.scope.block,
            count=part.count,
            shapes=shapes_out(self.graph, part),
        )

    def _layer_row(self, level: int, chain: Chain) -> Row:
        start = self.position[chain[0].name]
        return self._row(
            level,
            nodes=(start, start + len(chain)),
            names=(chain[0].name, chain[0].name),
            layer=self.wording.chain(chain),
        )

    def _row(
        self,
        level: int,
        *,
        nodes: tuple[int, int],
        names: tuple[str, str],
        layer: str,
        block: str | None = None,
        count: int = 1,
        shapes: tuple[Shape, ...] = (),
    ) -> Row:
        start, stop = nodes
        cost = Cost(*map(sub, self.running[stop], self.running[start]))
        end = self.graph.nodes[stop - 1]
        field = self.facts.fields[end.name]
        return Row(
            level=level,
            name=names[0],
            last=names[1],
            block=block,
            layer=layer,
            count=count,
            shape=end.shape,
            params=cost.params,
            macs=cost.macs,
            activation_bytes=cost.activation_bytes,
            receptive_field=None if field.everywhere else field.size,
            receptive_field_exact=field.exact,
            jump=None if field.everywhere else field.jump,
            runs=self._runs(end.name),
            bundle=shapes if len(shapes) > 1 else (),
        )

    def _runs(self, name: str) -> Runs:
        if name in self.facts.inference:
            return "always"
        return "training" if name in self.facts.used else "never"


def _plus(one: Cost, other: Cost) -> Cost:
    return Cost(*map(add, one, other))
