"""The table of a network: its rows down to a level, sorted if need be, and the totals, which are those of the rows.

Rows are plain data; `render` and `columns` make text, JSON and tables of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Literal

from cnndsl.analysis.cost import Cost
from cnndsl.analysis.facts import Facts
from cnndsl.analysis.memory import Memory, Rule, held, kept, learning, maps
from cnndsl.analysis.rows import Floor, Floors, Row, Rows
from cnndsl.ir.graph import Graph, Output
from cnndsl.ops.base import Shape
from cnndsl.records import dataclass, replace

SCREEN = 36  # rows; without a depth as many levels are shown as stay within it

Sort = Literal["params", "macs", "memory"]


@dataclass(frozen=True, slots=True)
class Summary:
    """The table of a network and its totals; `depth` is the number of levels that the rows show.

    `receptive_field` is a bound, which nothing exceeds, unless `receptive_field_exact`. `memory` is by the rule that
    the rows' is by. `complete` is false for a graph that was broken off at a mistake; the totals then are of what is
    there.
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
    memory: Memory
    floors: tuple[Floor, Floor] | None = None


def summarize(
    graph: Graph,
    depth: int | None = None,
    *,
    memory: Rule = "maps",
    sort: Sort | None = None,
    floors: Floors | None = None,
) -> Summary:
    """The table of `graph` with scopes opened to `depth` levels (1 shows the outermost rows only).

    Without a depth it opens as many levels as fit on a screen. With `sort` the rows that nothing is in stand alone,
    the largest first. `floors` are the least times of layers on a GPU.
    """
    facts = Facts(graph)
    taken = _memory(memory, facts)
    rows = list(Rows(facts, taken, floors).all())
    shown = _fitting(rows) if depth is None else depth
    cut = tuple(_cut(rows, shown))
    return Summary(
        network=graph.name,
        inputs=tuple(node.shape for node in graph.inputs),
        outputs=tuple((output, graph[output.node].shape) for output in graph.outputs),
        rows=cut if sort is None else _sorted(cut, sort),
        depth=shown,
        complete=bool(graph.outputs),
        cost=facts.cost,
        training_cost=facts.training_cost,
        weighted_layers=facts.depth,
        receptive_field=facts.field.size,
        receptive_field_exact=facts.field.exact,
        memory=taken,
        floors=None if floors is None else _whole(floors),
    )


def _memory(rule: Rule, facts: Facts) -> Memory:
    """What a network takes by a rule; train-only heads are part of what training takes."""
    if rule == "inference":
        nodes, peak = held(facts.inference), facts.peak
        return Memory(rule, nodes, peak.bytes, peak.node)
    if rule == "maps":
        nodes = maps(facts.graph)
        return Memory(rule, nodes, sum(maps(facts.inference).values()))
    nodes, learned = kept(facts.training), learning(facts.training)
    both = Counter(nodes)
    both.update(learned)
    return Memory(rule, dict(both), sum(both.values()), learned=sum(learned.values()))


def _whole(floors: Floors) -> tuple[Floor, Floor]:
    one, other = zip(*floors.values(), strict=True) if floors else ((), ())
    return sum(one, Floor()), sum(other, Floor())


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


def leaves(rows: tuple[Row, ...]) -> Iterator[Row]:
    """The rows that have no others in them, all at one level. One inside of equal scopes stands for those of all."""
    around: list[Row] = []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        del around[row.level :]
        around.append(row)
        if following is None or following.level <= row.level:
            yield _alone(row, around[:-1])


def _alone(row: Row, around: list[Row]) -> Row:
    """A row at the outermost level."""
    times, last = 1, row.last
    for scope in around:
        times *= scope.count
    for scope in reversed(around):
        last = scope.last + last.removeprefix(scope.name)
    return replace(
        row,
        level=0,
        last=last,
        count=row.count * times,
        params=row.params * times,
        macs=row.macs * times,
        memory=row.memory_of_all,
    )


def _sorted(rows: tuple[Row, ...], sort: Sort) -> tuple[Row, ...]:
    return tuple(sorted(leaves(rows), key=lambda row: -int(getattr(row, sort))))
