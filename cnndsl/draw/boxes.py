"""From a graph to a picture: which boxes there are, which frames stand around them, what wires join them.

Scopes are opened to a depth; a scope of one layer is that layer, and a branch is known by its place and has no frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from cnndsl.analysis.facts import Facts
from cnndsl.analysis.wording import Chain, Entry, lone_chain, shapes_out, show_shapes
from cnndsl.draw.labels import PLAIN, Labels, badge
from cnndsl.draw.model import OUTER, Box, Frame, Mark, Picture, Section, Wire
from cnndsl.draw.shown import Shown
from cnndsl.ir.graph import Graph, Output
from cnndsl.ir.node import MAIN
from cnndsl.ir.tree import Part, fold, tree
from cnndsl.ops.base import show_shape

Marks: TypeAlias = Mapping[str, Mark]
NO_MARKS: Marks = {}
MOST = 60  # boxes; without a depth as many levels are opened as stay within it


def picture(graph: Graph, depth: int | None = None, marks: Marks = NO_MARKS) -> Picture:
    """The picture of `graph` with scopes opened to `depth` levels; 1 shows the outermost scopes as boxes.

    Without a depth it opens as many levels as come to about sixty boxes. `marks` say what became of nodes, by name.
    """
    return Pictures(graph, marks).best(depth)


class Pictures:
    """All pictures of one network."""

    def __init__(self, graph: Graph, marks: Marks = NO_MARKS) -> None:
        facts = Facts(graph)
        self._root = fold(facts.graph.nodes, tree(facts.graph.nodes, facts.graph.scopes))
        self._labels = Labels(facts)
        self._marks = marks

    def at(self, depth: int, also: Collection[str] = ()) -> Picture:
        """With scopes opened to `depth` levels, and those with the paths `also` wherever they stand."""
        return _Painter(self._labels, depth, also, self._marks).paint(self._root)

    def best(self, depth: int | None = None) -> Picture:
        """At a depth, or with about sixty boxes."""
        if depth is not None:
            return self.at(depth)
        *_, deepest = self.levels()
        return deepest

    def levels(self, most: int = MOST) -> Iterator[Picture]:
        """Opened further and further: one level, two, and so on, as long as that is not too many boxes."""
        depth, drawn = 1, self.at(1)
        while True:
            yield drawn
            if drawn.whole:
                return
            depth += 1
            drawn = self.at(depth)
            if len(drawn.boxes) > most:
                return


@dataclass(slots=True)
class _Open:
    """A frame whose items are being collected."""

    part: Part
    level: int
    items: list[str]
    aside: bool


class _Painter:
    """Makes the picture of one network at one depth, frame by frame from the outermost inwards."""

    def __init__(self, labels: Labels, depth: int, also: Collection[str], marks: Marks) -> None:
        self.labels = labels
        self.depth = depth
        self.also = also
        self.marks = marks
        self.graph = labels.graph
        self.shown = Shown(self.graph)
        self.needed = {node.name for node in labels.facts.inference}
        self.owner: dict[int, str] = {}  # the box in which each node that is drawn stands
        self.boxes: dict[str, Box] = {}
        self.opened: dict[str, _Open] = {}
        self.whole = True

    def paint(self, root: Part) -> Picture:
        self.opened[OUTER] = _Open(root, 1, [], False)
        pending = [self.opened[OUTER]]
        while pending:
            pending.extend(self._fill(pending.pop()))
        wires = self._wires()
        ends = [self._end(output) for output in self.graph.outputs]
        frames = {key: self._frame(key, opened) for key, opened in self.opened.items()}
        heading, facts = self.graph.name, self.labels.facts_line()
        return Picture(heading, facts, self._in_order(), frames, (*wires, *ends), self._results(), self.whole)

    def _fill(self, frame: _Open) -> list[_Open]:
        """Give a frame its items; gives the frames that it opens."""
        inner = []
        pending = [(entry, False) for entry in reversed(self._entries(frame.part))]
        while pending:
            entry, shortcut = pending.pop()
            if not isinstance(entry, Part):
                self._layer(entry, frame, shortcut=shortcut)
                continue
            inside = self._entries(entry)
            chain = lone_chain(inside)
            if not self._shows(inside):
                continue
            if chain is not None:
                self._layer(chain, frame, shortcut=shortcut or entry.scope.kind == "shortcut", scope=entry)
            elif entry.count == 1 and entry.scope.kind in PLAIN:
                pending.extend((each, shortcut or entry.scope.kind == "shortcut") for each in reversed(inside))
            elif frame.level >= self.depth and entry.scope.path not in self.also:
                self._closed(entry, frame)
            else:
                inner.append(self._open(entry, frame))
        return inner

    def _entries(self, part: Part) -> list[Entry]:
        return list(self.shown.entries(self.labels.wording.entries(part)))

    def _shows(self, entries: list[Entry]) -> bool:
        """Whether any of them is drawn: where a mistake breaks it off there may be only branches that pass on."""
        pending = [*entries]
        while pending:
            entry = pending.pop()
            if not isinstance(entry, Part):
                return True
            pending.extend(self._entries(entry))
        return False

    def _layer(self, chain: Chain, frame: _Open, *, shortcut: bool, scope: Part | None = None) -> None:
        key = chain[0].name
        self._add(
            frame,
            [self.shown.position[node.name] for node in chain],
            Box(
                key,
                self.labels.sections(chain),
                caption=self.labels.caption(scope) if scope is not None else "",
                badge=self._badge(scope) if scope is not None else "",
                shape=self.labels.shape(chain),
                output=chain[-1].shape,
                detail=self.labels.chain_detail(chain),
                numbers=self.labels.numbers(chain, (chain[-1].shape,)),
                cost=self.labels.cost(chain),
                aside=frame.aside,
                shortcut=shortcut,
            ),
        )

    def _closed(self, part: Part, frame: _Open) -> None:
        self.whole = False
        title, text = self.labels.title(part), self.labels.scope(part)
        aside, nodes = self._aside(part), self.graph.nodes[part.start : part.last.stop]
        self._add(
            frame,
            range(part.start, part.stop),
            Box(
                part.scope.path,
                (Section(text or title, "scope"),),
                caption=title if text else "",
                badge=self._badge(part),
                shape=self._ends(part) or show_shapes(shapes_out(self.graph, part)),
                output=nodes[-1].shape,
                detail=self.labels.scope_detail(part),
                numbers=self.labels.numbers(nodes, shapes_out(self.graph, part)),
                cost=self.labels.cost(nodes),
                aside=aside,
            ),
        )

    def _add(self, frame: _Open, positions: Iterable[int], box: Box) -> None:
        frame.items.append(box.key)
        self.boxes[box.key] = box
        self.owner.update(dict.fromkeys(positions, box.key))

    def _open(self, part: Part, outer: _Open) -> _Open:
        key = part.scope.path
        outer.items.append(key)
        self.opened[key] = _Open(part, outer.level + 1, [], outer.aside or self._aside(part))
        return self.opened[key]

    def _aside(self, part: Part) -> bool:
        return part.scope.kind == "head" and self.graph.nodes[part.stop - 1].name not in self.needed

    def _badge(self, part: Part) -> str:
        if self._aside(part):
            return "training only"
        return badge(part, self.shown.parallel(part))

    def _frame(self, key: str, opened: _Open) -> Frame:
        part = opened.part
        if key == OUTER:
            return Frame(key, "", tuple(opened.items))
        again = "again" if part.scope.again else ""  # a closed box says in words whose weights it has
        return Frame(
            key,
            self.labels.title(part),
            tuple(opened.items),
            badge=f"{again} {self._badge(part)}".strip(),
            shape=self._ends(part),
            detail=self.labels.scope_detail(part),
            aside=opened.aside,
        )

    def _ends(self, part: Part) -> str:
        """What the first and the last of a run put out, if that grows."""
        first, last = (self.graph.nodes[each.stop - 1].shape for each in (part, part.last))
        return f"{show_shape(first)} to {show_shape(last)}" if first != last else ""

    def _wires(self) -> list[Wire]:
        """Between the boxes of nodes that are drawn; what repeats reads as the first of the run does."""
        found: dict[Wire, None] = {}
        for position in sorted(self.owner):
            target = self.owner[position]
            if self.shown.drawn(position) != position:
                continue
            for name in self.graph.nodes[position].sources:
                source = self.owner.get(self.shown.drawn(self.shown.position[name]))
                if source is not None and source != target:
                    found[Wire(source, target)] = None
        return list(found)

    def _end(self, output: Output) -> Wire:
        """A box for a result of the network, last in the frame of its head; gives the wire that leads there."""
        source = self.owner[self.shown.drawn(self.shown.position[output.node])]
        frame = self.opened[self._head_around(source)]
        text = f"{output.name} {show_shape(self.graph[output.node].shape)}"
        key = f":{output.name}"
        frame.items.append(key)
        self.boxes[key] = Box(key, (Section(text, "terminal"),), aside=output.train_only)
        return Wire(source, key)

    def _in_order(self) -> dict[str, Box]:
        """The boxes in definition order, those of results last."""
        keys = dict.fromkeys(key for _, key in sorted(self.owner.items()))
        marks = self._box_marks()
        ordered = (*keys, *(key for key in self.boxes if key not in keys))
        return {key: replace(self.boxes[key], mark=marks.get(key, "")) for key in ordered}

    def _box_marks(self) -> dict[str, Mark]:
        """What became of the nodes that a box stands for; if not the same of all, it is changed."""
        found: defaultdict[str, set[Mark]] = defaultdict(set)
        for position, node in enumerate(self.graph.nodes):
            key = self.owner.get(self.shown.drawn(position))
            if key is not None:
                found[key].add(self.marks.get(node.name, ""))
        partly: Mark = "chosen" if "chosen" in self.marks.values() else "changed"
        return {key: marks.pop() if len(marks) == 1 else partly for key, marks in found.items()}

    def _results(self) -> tuple[str, ...]:
        """The boxes that the network is there for: of its main output, or of all that run outside of training."""
        outputs = [output.name for output in self.graph.outputs if not output.train_only]
        return tuple(f":{name}" for name in outputs if name == MAIN or MAIN not in outputs)

    def _head_around(self, key: str) -> str:
        """The innermost opened head that holds a box, else the whole network."""
        heads = [frame for frame in self.opened if self.opened[frame].part.scope.kind == "head"]
        around = [head for head in heads if key.startswith(f"{head}.")]
        return max(around, key=len, default=OUTER)
