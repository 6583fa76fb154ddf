"""How much room the stacks and rows of one frame take, and where lanes run beside them.

Everything here is relative to the axis of its stack or row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, pairwise

from cnndsl.draw.arrange import Arrangement, Plan, Row, Stack
from cnndsl.draw.passing import Step, Way, lanes
from cnndsl.draw.sizes import Extent

COLUMN = 18  # between neighbours in a row
SNAP = 14  # so near to the middle of a row a child stands on its axis

# Heights of the gaps between the children of a stack: around a straight wire, one that bends, and those of a row.
STRAIGHT, BENT, FANNED = 28.0, 38.0, 48.0
# And at the top and the bottom of a frame, where that is.
TOP = {STRAIGHT: 10.0, BENT: 26.0, FANNED: 38.0}
BOTTOM = {STRAIGHT: 18.0, BENT: 26.0, FANNED: 38.0}
LEVEL = 9.0  # between the bends of different tensors that come into a frame
TITLE = 16.0
SHAPE = 16.0  # of a shape under an item, before wires bend to both sides of it or over it
FLAT = 6  # an S this much wider than the way to the next shape has not yet come down below that


class Room:
    """The room that the parts of one frame take, worked out from the innermost outwards.

    extents    of everything in the frame
    lanes      of each stack: how far to the right of its axis each tensor passes
    gaps       of each stack: the height above each child, and at last that below all
    leads      of each stack: how much of each gap is taken by a title or a shape, so that no wire bends there
    """

    def __init__(
        self,
        plan: Plan,
        ways: Iterable[Way],
        items: Mapping[str, Extent],
        merges: Mapping[str, tuple[float, float]],
        shortcuts: set[str],
        shapes: set[str],
        *,
        titled: bool,
        least: float,
        ports: tuple[int, int],
    ) -> None:
        self.title = TITLE if titled else 0.0
        self.least = least  # height
        self.ports = ports  # how many tensors come in and go out
        self.main = plan.main
        self.merges = merges  # and how far from their axis and from their top their sides are
        self.shortcuts = shortcuts
        self.shapes = shapes  # the items under which one stands
        self.extents: dict[Arrangement, Extent] = dict(items.items())
        self.lanes: dict[Stack, dict[str, float]] = {}
        self.gaps: dict[Stack, list[float]] = {}
        self.leads: dict[Stack, list[float]] = {}
        self._through: defaultdict[Stack, list[tuple[Way, Step]]] = defaultdict(list)
        for way in ways:
            for step in way.steps:
                self._through[step.stack].append((way, step))
        for part in (plan.main, *plan.sides):
            self._measure(part)

    def sideways(self, way: Way) -> bool:
        """Whether it ends at the side of a merge: that stands in the stack beside which the wire comes down."""
        stack, _, below = way.steps[-1]
        ends_here = below < len(stack.children) and stack.children[below] == way.segment.end
        return ends_here and way.segment.end in self.merges and bool(way.steps[-1].passes)

    def axes(self, row: Row) -> list[float]:
        """Where the children's axes are: that of the row is in their middle, or in the body that shortcuts pass."""
        children = [self.extents[child] for child in row.children]
        starts = accumulate((child.width + COLUMN for child in children), initial=0.0)
        axes = [start + child.left for start, child in zip(starts, children, strict=False)]
        bodies = [axis for axis, child in zip(axes, row.children, strict=True) if child not in self.shortcuts]
        outer = bodies or axes
        middle = (outer[0] + outer[-1]) / 2
        nearest = min(axes, key=lambda axis: abs(axis - middle))
        zero = nearest if abs(nearest - middle) < SNAP else middle
        return [axis - zero for axis in axes]

    def _measure(self, arranged: Arrangement) -> Extent:
        if arranged not in self.extents:
            assert not isinstance(arranged, str)
            for child in arranged.children:
                self._measure(child)
            self.extents[arranged] = self._row(arranged) if isinstance(arranged, Row) else self._stack(arranged)
        return self.extents[arranged]

    def _row(self, row: Row) -> Extent:
        children = [self.extents[child] for child in row.children]
        axes = self.axes(row)
        height = max(child.height for child in children)
        return Extent(children[0].left - axes[0], axes[-1] + children[-1].right, height)

    def _stack(self, stack: Stack) -> Extent:
        children = [self.extents[child] for child in stack.children]
        self.lanes[stack] = self._lanes(stack, children)
        self.leads[stack] = self._leads(stack)
        self.gaps[stack] = [gap + lead for gap, lead in zip(self._gaps(stack), self.leads[stack], strict=True)]
        right = max([*(child.right for child in children), *self.lanes[stack].values()])
        height = sum(child.height for child in children) + sum(self.gaps[stack])
        if stack is self.main and height < self.least:
            self.gaps[stack][-1] += self.least - height
            height = self.least
        return Extent(max(child.left for child in children), right, height)

    def _lanes(self, stack: Stack, children: list[Extent]) -> dict[str, float]:
        through = self._through[stack]
        passing = [(way.segment.tensor, step, self._beside(way, step)) for way, step in through if step.passes]
        return lanes(passing, [child.right for child in children])

    def _beside(self, way: Way, step: Step) -> bool:
        return step is way.steps[-1] and self.sideways(way)

    def _gaps(self, stack: Stack) -> list[float]:
        rows = [False, *(isinstance(child, Row) for child in stack.children), False]
        bends = self._bends(stack)
        heights = [FANNED if above or below else STRAIGHT for above, below in pairwise(rows)]
        heights = [max(height, BENT) if gap in bends else height for gap, height in enumerate(heights)]
        if stack is not self.main:
            return [0.0, *heights[1:-1], 0.0]
        top = TOP[heights[0] if self.ports[0] else STRAIGHT] + max(0, self.ports[0] - 1) * LEVEL
        return [top, *heights[1:-1], BOTTOM[heights[-1]]]

    def _leads(self, stack: Stack) -> list[float]:
        turns = self._bends(stack) | self._comes_out(stack)
        crowded = [self._crowded(above, below, gap in turns) for gap, (above, below) in _gaps(stack)]
        last = SHAPE if stack is self.main and crowded[-1] else 0.0
        return [self.title if stack is self.main else 0.0, *(SHAPE if each else 0.0 for each in crowded[:-1]), last]

    def _crowded(self, above: Arrangement, below: Arrangement | None, turns: bool) -> bool:
        """Whether wires between two children bend to both sides of a shape that hangs down from one, or come over it.

        turns  whether wires from or to a lane bend there, all of them to the right of the axis
        """
        if not any(item in self.shapes for item in _lowest(above)):
            return False
        if isinstance(above, str):
            return isinstance(below, Row)
        return turns or self._flat(above)

    def _flat(self, above: Row | Stack) -> bool:
        """Whether the wires from outer children are still high where they come over the shapes of inner ones."""
        row = above.children[-1] if isinstance(above, Stack) else above
        if not isinstance(row, Row):
            return False
        for axis, child in zip(self.axes(row), row.children, strict=True):
            extent = self.extents[child]
            if abs(axis) > FLAT * (COLUMN + (extent.left if axis > 0 else extent.right)):
                return True
        return any(isinstance(child, Stack) and not isinstance(child.children[-1], str) for child in row.children)

    def _comes_out(self, stack: Stack) -> set[int]:
        """The gaps in which a wire comes from a lane further inside."""
        return {step.above + 1 for way, step in self._through[stack] if step in way.steps[1 : len(way.outwards) + 1]}

    def _bends(self, stack: Stack) -> set[int]:
        """The gaps in which a wire leaves the axis of the stack or comes back to it."""
        passing = [step for _, step in self._through[stack] if step.passes]
        found = {gap for step in passing for gap in (step.above + 1, step.below)}
        edges = (0, len(stack.children)) if stack is self.main else ()
        return found | {edge for edge, count in zip(edges, self.ports, strict=False) if count > 1}


def _gaps(stack: Stack) -> Iterator[tuple[int, tuple[Arrangement, Arrangement | None]]]:
    """The gaps of a stack but the first, by number, with what stands above and below."""
    yield from enumerate(pairwise((*stack.children, None)), start=1)


def _lowest(arranged: Arrangement) -> Iterator[str]:
    """The items with nothing of the arrangement under them."""
    if isinstance(arranged, str):
        yield arranged
        return
    for child in arranged.children if isinstance(arranged, Row) else arranged.children[-1:]:
        yield from _lowest(child)
