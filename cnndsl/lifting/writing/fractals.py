"""Fractal blocks, which are written as a whole: their joins and the draw that these share have no word of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, MutableMapping

from cnndsl.elaborate.structures.growing import Fractal
from cnndsl.ir import Graph
from cnndsl.lifting.writing.chains import Unit
from cnndsl.lifting.writing.terms import Argument, Body, Command, Flow
from cnndsl.ops.base import Op
from cnndsl.ops.fractal import FractalJoin
from cnndsl.ops.merge import Mean
from cnndsl.records import dataclass, field, replace

MOST_COLUMNS = 12
ARGUMENTS = {each.name: each for each in Fractal.signature()}


class _Other(Exception):
    """It is no fractal."""


def fold_fractals(graph: Graph, units: MutableMapping[str, Unit]) -> None:
    """Put one unit in the place of each fractal block."""
    uses = Counter(read for unit in units.values() for read in (*unit.sources, *unit.named))
    uses.update(output.node for output in graph.outputs)
    for node in reversed(graph.nodes):
        if node.name in units and isinstance(node.op, (FractalJoin, Mean)):
            try:
                found = _Fractal(graph, units, uses, node.name)
            except _Other:
                continue
            folded = found.unit()
            for name in found.members():
                del units[name]
            units[node.name] = folded


@dataclass
class _Fractal:
    """The block that ends in the join `last`: `chains` are its bodies by row and column, `joins` by row."""

    graph: Graph
    units: Mapping[str, Unit]
    uses: Counter[str]
    last: str
    chains: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    joins: dict[int, str] = field(default_factory=dict)
    entry: str = ""
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        ends = self.units[self.last].sources
        self.total = len(ends)
        self.drop_path = getattr(self.graph[self.last].op, "drop_path", 0.0)
        if not 2 <= self.total <= MOST_COLUMNS:
            raise _Other
        self.entry, self.body = self._first(ends[0])
        self._join(self.last, 1, 2 ** (self.total - 1))
        self._columns(1, ends, self.entry, 0)

    def _first(self, end: str) -> tuple[str, list[str]]:
        """The chain of the first column, which goes back to the first tensor that others read too."""
        names: list[str] = []
        while True:
            unit = self.units.get(end)
            if unit is None or unit.merges or len(unit.sources) != 1 or unit.named:
                raise _Other
            names.insert(0, end)
            (end,) = unit.sources
            if self.uses[end] > 1:
                return end, names

    def _columns(self, first: int, ends: tuple[str, ...], start: str, row: int) -> None:
        """Columns from `first` on that begin at `start` and end in these tensors, below that row."""
        height = 2 ** (self.total - first)
        self._chain(ends[0], start, (row + height, first))
        if first == self.total:
            return
        middle = self._back(ends[1])
        self._columns(first + 1, ends[1:], middle, row + height // 2)
        above: tuple[str, ...] = (middle,)
        if first + 1 < self.total:
            self._join(middle, first + 1, row + height // 2)
            above = self.units[middle].sources
        if len(above) != self.total - first:
            raise _Other
        self._columns(first + 1, above, start, row)

    def _join(self, name: str, first: int, row: int) -> None:
        op: Op = self.graph[name].op if name in self.units else Mean()
        columns = tuple(range(first, self.total + 1))
        wanted: Op = FractalJoin(columns, self.total, self.drop_path) if self.drop_path else Mean()
        if name not in self.units or op != wanted or (name != self.last and self.uses[name] != len(columns)):
            raise _Other
        self.joins[row] = name

    def _back(self, end: str) -> str:
        for _ in self.body:
            unit = self.units.get(end)
            if unit is None or len(unit.sources) != 1:
                raise _Other
            (end,) = unit.sources
        return end

    def _chain(self, end: str, start: str, place: tuple[int, int]) -> None:
        names: list[str] = []
        for wanted in reversed(self.body):
            unit = self.units.get(end)
            if unit is None or unit.merges or unit.named or len(unit.sources) != 1:
                raise _Other
            if unit.command.arguments != self.units[wanted].command.arguments:
                raise _Other
            if unit.command.word != self.units[wanted].command.word or (names and self.uses[end] != 1):
                raise _Other
            names.insert(0, end)
            (end,) = unit.sources
        if end != start:
            raise _Other
        self.chains[place] = names

    def members(self) -> list[str]:
        """All layers in the order in which the elaborator makes them: by row, then by column, and the join."""
        found: list[str] = []
        for row in range(1, 2 ** (self.total - 1) + 1):
            for column in range(1, self.total + 1):
                found += self.chains.get((row, column), [])
            found += [self.joins[row]] if row in self.joins else []
        return found

    def unit(self) -> Unit:
        given = [Argument(ARGUMENTS["columns"], self.total)]
        given += [Argument(ARGUMENTS["drop_path"], self.drop_path)] if self.drop_path else []
        commands = tuple(replace(self.units[name].command, nodes=()) for name in self.body)
        shape = self.graph[self.entry].shape
        body = Body((Flow(commands, entering=shape, leaving=self.graph[self.body[-1]].shape),))
        nodes = tuple(self.members())
        return Unit(
            self.last, Command(Fractal.word, tuple(given), body=body, nodes=nodes, result=self.last), (self.entry,)
        )
