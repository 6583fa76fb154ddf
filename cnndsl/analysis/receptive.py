"""How much of the input each value depends on: receptive field and jump, by axis.

Along a chain of windows, a kernel k and a stride s make of a field r and a jump j

    r' = r + (k - 1) * j        j' = j * s

(Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019). Where maps are
made larger, neighbours no longer see alike: behind `upsample 3`, a kernel of 3 may stand on one coarse pixel or on two.
And where branches meet, each looks to its own side. So what is followed here are not sizes but the pixels themselves:
from which to which a position sees, for as many positions as it takes until the pattern repeats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from math import floor, gcd, lcm
from typing import NamedTuple, TypeAlias, TypeVar

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import Shape
from cnndsl.ops.inputs import Input
from cnndsl.ops.window import HERE, Reach, Taps, Window
from cnndsl.records import dataclass, replace

MOST_PHASES = 256
"""Longer patterns are taken as one: each position then sees what any of them sees."""

Axes: TypeAlias = tuple[float, float]
Number = TypeVar("Number", int, float)
Span: TypeAlias = tuple[Fraction, Fraction] | None  # the first and the last pixel; None sees none


@dataclass(frozen=True, slots=True)
class View:
    """What the positions along one axis see of one input, all channels of a position together.

    Position `p` sees from `p * jump + low` to `p * jump + high`, where (low, high) is `spans[p % len(spans)]`.
    Unless `exact`, it may see less. If channels are `alike`, each of them sees that, else all of them together do.
    """

    jump: Fraction = Fraction(1)
    spans: tuple[Span, ...] = ((Fraction(0), Fraction(0)),)
    exact: bool = True
    alike: bool = True

    @property
    def size(self) -> int:
        """The most pixels that a position sees."""
        return max((floor(high - low) + 1 for low, high in filter(None, self.spans)), default=0)

    def at(self, position: int) -> Span:
        """What a position sees, in pixels of the input."""
        return _moved(self.spans[position % len(self.spans)], position * self.jump)


Views: TypeAlias = tuple[View, View]  # down the rows, across the columns


@dataclass(frozen=True, slots=True)
class Field:
    """What a position of a tensor sees, of each input by name.

    `everywhere` says that it sees the whole input, as after global pooling or a linear layer, whatever its size is;
    the views are then what it sees through windows alone. Fields are not cut at the border of the input.
    """

    views: dict[str, Views]
    everywhere: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels: the most that any position sees of any input."""
        return _most([(0, 0), *((rows.size, columns.size) for rows, columns in self.views.values())])

    @property
    def jump(self) -> Axes:
        """How far from its neighbour a position looks, (height, width) in pixels."""
        return _most([(0, 0), *((_number(rows.jump), _number(columns.jump)) for rows, columns in self.views.values())])

    @property
    def exact(self) -> bool:
        """Whether some position sees that many pixels indeed; else `size` is a bound, and none sees more."""
        return all(view.exact for views in self.views.values() for view in views)


class LargestField(NamedTuple):
    """The receptive field of a network, (height, width) in pixels; a bound unless it is `exact`."""

    size: tuple[int, int]
    exact: bool


def receptive_fields(graph: Graph) -> dict[str, Field]:
    """The receptive field of every node by name."""
    found: dict[str, Field] = {}
    for node in graph:
        if isinstance(node.op, Input):
            found[node.name] = Field({node.name: (View(), View())})
        else:
            shapes = graph.input_shapes(node)
            merged = _merged([found[source] for source in node.sources], shapes[: len(node.sources)], node)
            found[node.name] = _through(node.op.window(*shapes), merged)
    return found


def largest_field(fields: Iterable[Field]) -> LargestField:
    """The most that any of a network's values sees through windows.

    Global pooling and linear layers see the whole input, and say nothing about the convolutions before them, nor do
    gates made of them about the convolutions behind them; so they do not count.
    """
    fields = list(fields)
    most = _most([(1, 1), *(field.size for field in fields)])
    proved = _most([(1, 1), *(field.size for field in fields if field.exact)])
    return LargestField(most, most == proved)


def _most(pairs: Iterable[tuple[Number, Number]]) -> tuple[Number, Number]:
    """The largest along each axis."""
    rows, columns = zip(*pairs, strict=True)
    return max(rows), max(columns)


def _number(value: Fraction) -> float:
    return value.numerator if value.denominator == 1 else float(value)


def _merged(fields: list[Field], shapes: tuple[Shape, ...], node: Node) -> Field:
    """What the inputs of a node see together."""
    if len(fields) == 1:
        return fields[0]
    height, width = _extents(node.shape)
    rows: dict[str, list[View]] = defaultdict(list)
    columns: dict[str, list[View]] = defaultdict(list)
    for field, (high, wide) in zip(fields, map(_extents, shapes), strict=True):
        for name, (down, across) in field.views.items():
            rows[name].append(_spread(down, high, height))
            columns[name].append(_spread(across, wide, width))
    views = {name: (_united(rows[name], height), _united(columns[name], width)) for name in rows}
    return Field(views, any(field.everywhere for field in fields))


def _extents(shape: Shape) -> tuple[int, int]:
    """Height and width; a vector has a single position."""
    return (shape[1], shape[2]) if len(shape) == 3 else (1, 1)


def _spread(view: View, extent: int, wanted: int) -> View:
    """A gate of one position counts for all positions of what it is multiplied with."""
    return replace(view, jump=Fraction(0), spans=view.spans[:1]) if extent == 1 < wanted else view


def _through(window: Window, field: Field) -> Field:
    """What a layer's outputs see, if its inputs see `field`."""
    views = {
        name: (_taken(window, _read(window.rows, rows)), _taken(window, _read(window.columns, columns)))
        for name, (rows, columns) in field.views.items()
    }
    return Field(views, field.everywhere or window.everywhere)


def _taken(window: Window, view: View) -> View:
    """A view of the channels that are taken: some of unlike ones may see less than all of them."""
    if window.channels == "some":
        return replace(view, exact=view.exact and view.alike)
    return replace(view, alike=True) if window.channels == "all" else view


def _read(reach: Reach, view: View) -> View:
    """The view of outputs that each read some positions of `view`."""
    if reach == HERE:
        return view
    phases = reach.outputs * (len(view.spans) // gcd(len(view.spans), reach.step))
    if len(view.spans) > 1 and (phases > MOST_PHASES or not reach.exact):
        return _read(reach, _simplified(view))
    jump = view.jump * reach.step / reach.outputs
    if not reach.exact:
        return replace(view, jump=jump, spans=(_seen(view, reach.taps[0]),), exact=False)
    spans = (_seen(view, reach.reads(output)) for output in range(phases))
    return replace(view, jump=jump, spans=tuple(_moved(span, -output * jump) for output, span in enumerate(spans)))


def _seen(view: View, taps: Taps) -> Span:
    """What the positions there see together: of those that see alike, the first and the last decide."""
    phases = len(view.spans)
    outermost = taps if len(taps) <= 2 * phases else (*taps[:phases], *taps[-phases:])
    return _hull(map(view.at, outermost))


def _united(views: list[View], extent: int) -> View:
    """What positions see that see all of these; a view of nothing says nothing."""
    if all(view == views[0] for view in views):
        return views[0]
    seeing = [view for view in views if any(view.spans)] or [views[0]]
    if len({view.jump for view in seeing}) > 1:
        return _drifting(seeing, extent)
    phases, exact = lcm(*(len(view.spans) for view in seeing)), all(view.exact for view in seeing)
    if phases > MOST_PHASES:
        seeing, phases, exact = [_simplified(view) for view in seeing], 1, False
    spans = (_hull(view.spans[phase % len(view.spans)] for view in seeing) for phase in range(phases))
    return View(seeing[0].jump, tuple(spans), exact, alike=False)


def _drifting(views: list[View], extent: int) -> View:
    """A bound where branches have unequal jumps: they drift apart, most at one end of the `extent` positions.

    What the most distant positions see is taken for all of them, relative to the largest jump.
    """
    jump = max(view.jump for view in views)
    ends = (_moved(_hull(view.spans), end * (view.jump - jump)) for view in views for end in (0, extent - 1))
    return View(jump, (_hull(ends),), exact=False, alike=False)


def _simplified(view: View) -> View:
    """A bound of one phase: each position sees what any phase sees."""
    return replace(view, spans=(_hull(view.spans),), exact=False)


def _hull(spans: Iterable[Span]) -> Span:
    """From the first pixel of all to the last."""
    seen = [span for span in spans if span is not None]
    return (min(low for low, _ in seen), max(high for _, high in seen)) if seen else None


def _moved(span: Span, by: Fraction) -> Span:
    return None if span is None else (span[0] + by, span[1] + by)
