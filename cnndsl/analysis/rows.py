"""The rows of a network's table: one for each layer and scope, neighbours that are the same folded into one.

A layer and what merely follows it (`conv 3x3, 64 -> bn -> relu`) share a row, as they do in a paper's table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from cnndsl.analysis.cost import Cost, costs, total
from cnndsl.analysis.facts import Facts
from cnndsl.analysis.memory import Memory
from cnndsl.analysis.receptive import Axes
from cnndsl.analysis.windows import Slide, slide
from cnndsl.analysis.wording import Chain, Entry, Wording, lone_chain, shapes_out
from cnndsl.ir.node import Node
from cnndsl.ir.tree import Part, fold, tree
from cnndsl.ops.base import Shape
from cnndsl.records import dataclass

Runs = Literal["always", "training", "never"]


class Floor(NamedTuple):
    """The least seconds that something takes on a GPU, and those of them in which memory is what it waits for."""

    seconds: float = 0.0
    on_memory: float = 0.0

    def __add__(self, other: object) -> Floor:
        assert isinstance(other, Floor)
        return Floor(self.seconds + other.seconds, self.on_memory + other.on_memory)

    @property
    def bound(self) -> str:
        """What most of the time is spent on."""
        if not self.seconds:
            return ""
        return "memory" if 2 * self.on_memory > self.seconds else "compute"


Floors = Mapping[str, tuple[Floor, Floor]]
"""Of layers by name: each a kernel of its own, and as launches of a plan."""


@dataclass(frozen=True, slots=True)
class Row:
    """A layer with its followers, or a scope, or `count` equal scopes in a row, `name` to `last`.

    Costs are sums over what is in the row and runs as it does: a train-only head inside a scope is not part of the
    scope's. `memory` is by the summary's rule, in bytes, and `memory_of_all` that of the row in all equal scopes around
    it. `unfused` and `fused` are the least times on a GPU, if they were asked for. `slide` is the window of a row's
    first layer. `shape`, `receptive_field` and `jump` are those of its last node; `bundle` are the shapes of all
    tensors that flow out, if they are several. Field and jump are None after a layer that sees the whole input, and the
    field is a bound unless it is exact. `runs` is "training" for what only a train-only head needs and "never" for what
    no output needs; totals leave both out. The rows inside several equal scopes are those of the first.
    """

    level: int
    name: str
    last: str
    block: str | None
    layer: str
    count: int
    slide: Slide | None
    shape: Shape
    params: int
    macs: int
    memory: int
    memory_of_all: int
    receptive_field: Axes | None
    receptive_field_exact: bool
    jump: Axes | None
    runs: Runs
    bundle: tuple[Shape, ...] = ()
    unfused: Floor | None = None
    fused: Floor | None = None


class Place(NamedTuple):
    """Where rows are: how deep, and how far from them their likes stand, in nodes, in equal scopes around."""

    level: int
    shifts: tuple[int, ...]

    def within(self, part: Part) -> Place:
        steps = [each.start - part.start for each in (part, *part.repeats)]
        return Place(self.level + 1, tuple(shift + step for shift in self.shifts for step in steps))


class Rows:
    """Makes the rows of the folded scope tree."""

    def __init__(self, facts: Facts, memory: Memory, floors: Floors | None = None) -> None:
        self.facts, self.memory, self.floors = facts, memory, floors
        self.graph = facts.graph
        self.wording = Wording(self.graph)
        self.position = {node.name: position for position, node in enumerate(self.graph)}
        self.costs = costs(self.graph)

    def all(self) -> Iterator[Row]:
        """All rows at all levels, in definition order; a scope around a single row is that row."""
        root = fold(self.graph.nodes, tree(self.graph.nodes, self.graph.scopes))
        pending = [(Place(0, (0,)), entry) for entry in reversed(self.wording.entries(root))]
        while pending:
            place, entry = pending.pop()
            if isinstance(entry, Part):
                inside = self.wording.entries(entry)
                yield self._scope_row(place, entry, inside)
                if entry.scope.block is not None or lone_chain(inside) is None:
                    pending.extend((place.within(entry), inner) for inner in reversed(inside))
            else:
                yield self._layer_row(place, entry)

    def _scope_row(self, place: Place, part: Part, inside: list[Entry]) -> Row:
        alone = lone_chain(inside) if part.scope.block is None else None
        return self._row(
            place,
            self.graph.nodes[part.start : part.last.stop],
            names=(part.scope.path, part.last.scope.path),
            layer=self.wording.scope(part.scope, inside),
            first=alone[0] if alone else None,
            block=part.scope.block,
            count=part.count,
            shapes=shapes_out(self.graph, part),
        )

    def _layer_row(self, place: Place, chain: Chain) -> Row:
        name = chain[0].name
        return self._row(place, chain, names=(name, name), layer=self.wording.chain(chain), first=chain[0])

    def _row(
        self,
        place: Place,
        nodes: tuple[Node, ...],
        *,
        names: tuple[str, str],
        layer: str,
        first: Node | None,
        block: str | None = None,
        count: int = 1,
        shapes: tuple[Shape, ...] = (),
    ) -> Row:
        end = nodes[-1]
        field = self.facts.fields[end.name]
        runs = self._runs(nodes)
        counted = [node.name for node in nodes if self._counts(node, runs)]
        cost = total([Cost(), *map(self.costs.__getitem__, counted)])
        return Row(
            level=place.level,
            name=names[0],
            last=names[1],
            block=block,
            layer=layer,
            count=count,
            slide=slide(first.op, *self.graph.input_shapes(first)) if first is not None else None,
            shape=end.shape,
            params=cost.params,
            macs=cost.macs,
            memory=self._memory(nodes, runs, (0,)),
            memory_of_all=self._memory(nodes, runs, place.shifts),
            receptive_field=None if field.everywhere else field.size,
            receptive_field_exact=field.exact,
            jump=None if field.everywhere else field.jump,
            runs=runs,
            bundle=shapes if len(shapes) > 1 else (),
            unfused=self._floor(nodes, 0),
            fused=self._floor(nodes, 1),
        )

    def _memory(self, nodes: tuple[Node, ...], runs: Runs, shifts: tuple[int, ...]) -> int:
        positions = [self.position[node.name] for node in nodes]
        counted = [self.graph.nodes[at + shift] for shift in shifts for at in positions]
        if self.memory.rule == "maps":
            counted = [node for node in counted if self._counts(node, runs)]
        return self.memory.of([node.name for node in counted])

    def _floor(self, nodes: tuple[Node, ...], way: int) -> Floor | None:
        if self.floors is None:
            return None
        none = Floor(), Floor()
        return sum((self.floors.get(node.name, none)[way] for node in nodes), Floor())

    def _runs(self, nodes: tuple[Node, ...]) -> Runs:
        """As what runs most often of it."""
        if any(node.name in self.facts.inference for node in nodes):
            return "always"
        return "training" if any(node.name in self.facts.used for node in nodes) else "never"

    def _counts(self, node: Node, runs: Runs) -> bool:
        if runs == "always":
            return node.name in self.facts.inference
        return runs == "never" or node.name in self.facts.used
