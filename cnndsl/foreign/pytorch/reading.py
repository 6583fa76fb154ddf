"""A recorded program while it is read: what its nodes stand for, and how that becomes what a layer takes.

A node stands for a `Flow` (values of a step, however they lie), a `Curve` (a function of one, not yet known as a
layer), a `Kept` tensor, a number, or a list of those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any

from cnndsl.errors import reason
from cnndsl.foreign import axes as lying
from cnndsl.foreign.axes import Axes
from cnndsl.foreign.curves import grid, recognized
from cnndsl.foreign.draft import Draft, Kept, Place
from cnndsl.foreign.pixels import Pixel
from cnndsl.foreign.pytorch.program import arguments, word
from cnndsl.foreign.turning import turned, with_first
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.ops.merge import Concat
from cnndsl.ops.reshape import Flatten
from cnndsl.ops.resize import Upsample

if TYPE_CHECKING:
    from torch import Tensor, fx, nn


class NoLayer(Exception):
    """What a node computes is no layer of the language; the text says why."""


@dataclass(frozen=True)
class Flow:
    """The values of a step, in axes that are made of those of the step's tensor."""

    step: int
    axes: Axes


@dataclass(frozen=True, eq=False)
class Curve:
    """A function of each value by itself.

    node   the operator that made it
    roots  what it is a function of, the first step first, and its values at `grid()` for that
    given  the operator's arguments, as they were before it, which may have changed them
    """

    node: fx.Node
    roots: Mapping[Flow | Curve, Tensor]
    given: Mapping[str, Value]


Value = Any  # Flow | Curve | Kept | float | list[Value]
# Operators that are activations by themselves.
ACTIVATIONS = frozenset(
    {
        "relu",
        "relu6",
        "hardtanh",
        "leaky_relu",
        "elu",
        "selu",
        "gelu",
        "silu",
        "mish",
        "softplus",
        "softsign",
        "sigmoid",
    }
    | {"hardsigmoid", "hardswish", "tanh"}
)


@dataclass
class Reading:
    """A program, half read. `last_step` makes steps of a function that no layer is, from what its operator reads."""

    module: nn.Module
    last_step: Callable[[Reading, Curve], Flow]
    batch: int
    draft: Draft = field(default_factory=Draft)
    values: dict[fx.Node, Value] = field(default_factory=dict)
    places: dict[fx.Node, Place] = field(default_factory=dict)
    moved: dict[Flow, Place] = field(default_factory=dict)  # where values came to lie so
    settled: dict[Curve, Flow] = field(default_factory=dict)
    arranged: dict[tuple[Flow, int], int] = field(default_factory=dict)

    def given(self, node: fx.Node) -> dict[str, Value]:
        """The arguments of an operator by name, each as what it stands for."""
        from torch.fx.node import map_arg

        return {name: map_arg(value, lambda each: self.values[each]) for name, value in arguments(node).items()}

    def add(self, node: fx.Node, op: Op, *steps: int, tensors: Mapping[str, Kept | None] | None = None) -> Flow:
        """A layer for a node. Raises `NoLayer` if it does not take its inputs."""
        kept = {name: tensor for name, tensor in (tensors or {}).items() if tensor is not None}
        try:
            step = self.draft.add(op, steps, self.places[node], kept)
        except LayerError as error:
            raise NoLayer(str(error)) from error
        return self.plain(step)

    def note_move(self, node: fx.Node, given: dict[str, Value], result: Flow) -> None:
        """Remember where values came to lie so: at this node, or where an argument did that lies alike."""
        alike = (each for each in flows_in(given) if isinstance(each, Flow) and each.axes == result.axes)
        place = next((self.moved.get(each) for each in alike), self.places[node])
        if place is not None:
            self.moved[result] = place

    def plain(self, step: int) -> Flow:
        return Flow(step, lying.standard(self.batch, self.draft.shape(step)))

    def shape(self, flow: Flow) -> Shape:
        return self.draft.shape(flow.step)

    def flow(self, value: Value) -> Flow:
        """The values themselves."""
        if isinstance(value, Curve):
            if value not in self.settled:
                self.settled[value] = self._settle(value)
            return self.settled[value]
        if not isinstance(value, Flow):
            raise NoLayer("a tensor that does not come from the input stands where one is expected")
        return value

    def outermost(self, flow: Flow, digit: lying.Digit) -> Flow:
        """The same values of a step whose channels are shuffled, so that this digit of theirs is the first."""
        found = with_first(flow.axes, digit, (self.batch, *self.shape(flow)))
        if found is None:
            raise NoLayer("no layer takes these values of an axis")
        order, axes = found
        return Flow(self.step(Flow(flow.step, order), len(order)), axes)

    def _settle(self, curve: Curve) -> Flow:
        """A function as layers: as known ones, or by its last step alone.

        An activation of what is known is one by itself, even if both together are another: a `relu` of a `relu`.
        """
        roots = [*curve.roots.items()]
        if word(curve.node) in ACTIVATIONS and _is_known(roots[-1][0]):
            roots.reverse()
        for root, points in roots:
            ops = recognized(points)
            if ops is not None:
                flow = self.flow(root)
                for op in ops:
                    flow = Flow(self.add(curve.node, op, flow.step).step, flow.axes)
                return flow
        return self.last_step(self, curve)

    def step(self, value: Value, axes: int = 4) -> int:
        """A step whose tensor is an image (4 axes, with the batch) or a vector (2) as the value lies."""
        flow = self.flow(value)
        if (flow, axes) not in self.arranged:
            self.arranged[flow, axes] = self._arranged(flow, axes)
        return self.arranged[flow, axes]

    def _arranged(self, flow: Flow, axes: int) -> int:
        if len(flow.axes) == axes and flow.axes == lying.standard(self.batch, self.shape(flow)):
            return flow.step
        if len(flow.axes) != axes:
            raise NoLayer(f"{len(flow.axes)} axes stand where {axes} are expected")
        return self._vector(flow) if axes == 2 else self._image(flow)

    def _place(self, flow: Flow) -> Place:
        """Of what is moved: behind the step that made it, in the module that moves it."""
        made = self.draft.steps[flow.step].place
        return replace(made, modules=self.moved[flow].modules if flow in self.moved else made.modules[:-1])

    def _vector(self, flow: Flow) -> int:
        shape = self.shape(flow)
        order = "".join("?chw"[axis] for axis in (lying.whole(each, shape) for each in _digits(flow.axes[1])) if axis)
        if len(shape) != 3 or flow.axes[0] != lying.standard(self.batch, shape)[0]:
            raise NoLayer("a vector of values that no `flatten` puts in this order")
        missing = [axis for axis, size in zip("chw", shape, strict=True) if size == 1 and axis not in order]
        if len(order) + len(missing) != 3:
            return self._vector(self.plain(self._image(_unflattened(flow, shape, self.batch))))
        op = Flatten(order=_with_single(order, missing))
        return self.draft.add(op, (flow.step,), self._place(flow))

    def _image(self, flow: Flow) -> int:
        once = lying.unrepeated(flow.axes)
        if once != flow.axes and all(not group or group == all_ for group, all_ in zip(once, flow.axes, strict=True)):
            small = self._arranged(Flow(flow.step, once), 4)
            sizes, before = lying.sizes(flow.axes), self.draft.shape(small)
            if sizes[1] != before[0]:
                small = self.draft.add(Concat(), (small,) * sizes[1], self._place(flow))
            scale = (sizes[2] // before[1], sizes[3] // before[2])
            return small if scale == (1, 1) else self.draft.add(Upsample(scale), (small,), self._place(flow))
        step, axes = flow.step, flow.axes
        if len(self.draft.shape(step)) == 1 and axes[2:] == ((), ()):
            step = self.draft.add(Pixel(), (step,), self._place(flow))
        ops = turned(axes, self.draft.shape(step))
        if ops is None:
            raise NoLayer("values are put in an order that no layer makes")
        for op in ops:
            step = self.draft.add(op, (step,), self._place(flow))
        return step


def _is_known(value: Flow | Curve) -> bool:
    return isinstance(value, Flow) or any(recognized(points) is not None for points in value.roots.values())


def _digits(group: lying.Group) -> Iterator[lying.Group]:
    return ((digit,) for digit in group)


def _with_single(order: str, missing: list[str]) -> str:
    """An order with axes of one pixel where they stand anyway, if they can."""
    for axis in missing:
        place = next((at for at, other in enumerate(order) if "chw".index(other) > "chw".index(axis)), len(order))
        order = order[:place] + axis + order[place:]
    return order


def _unflattened(flow: Flow, shape: Shape, batch: int) -> Flow:
    """The image that a vector was, if its last two axes are those of the step."""
    height, width = shape[1:]
    channels = prod(digit.size for digit in flow.axes[1]) // (height * width)
    axes = lying.reshaped(flow.axes, (batch, channels, height, width))
    if axes is None:
        raise NoLayer("a vector of values that no `flatten` puts in this order")
    return Flow(flow.step, axes)


def flows_in(value: Value) -> Iterator[Flow | Curve]:
    """What flows among arguments."""
    if isinstance(value, Flow | Curve):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from flows_in(each)
    elif isinstance(value, dict):
        yield from flows_in(list(value.values()))


def kept_in(value: Value) -> Iterator[Kept]:
    """What is kept among arguments."""
    if isinstance(value, Kept):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from kept_in(each)
    elif isinstance(value, dict):
        yield from kept_in(list(value.values()))


def pair(value: Any) -> tuple[int, int]:
    values = list(value) if isinstance(value, list | tuple) else [value]
    return int(values[0]), int(values[-1])


def curve_of(reading: Reading, node: fx.Node) -> Curve | None:
    """The function that an operator makes of what it reads, if all of that is a function of one tensor."""
    given = reading.given(node)
    read = list(dict.fromkeys(flows_in(given)))
    choices = [_roots(each) for each in read]
    common = [root for root in choices[0] if all(root in other for other in choices[1:])]
    if not common or (len(read) > 1 and any(_axes(reading, each) != _axes(reading, read[0]) for each in read)):
        return None
    roots = {}
    for root in common:
        points = {each: at[root] for each, at in zip(read, choices, strict=True)}
        roots[root] = _computed(reading, node, points)
    return Curve(node, roots, given)


def _axes(reading: Reading, value: Flow | Curve) -> Axes:
    while isinstance(value, Curve):
        value = next(iter(value.roots))
    return value.axes


def _roots(value: Flow | Curve) -> dict[Flow | Curve, Tensor]:
    """What a value is a function of: what it was made of, and itself, unless it is what holds or not."""
    made = value.roots if isinstance(value, Curve) else {}
    numbers = all(points.is_floating_point() for points in made.values())
    return {**made, value: grid()} if numbers else {**made}


def _computed(reading: Reading, node: fx.Node, points: Mapping[Flow | Curve, Tensor]) -> Tensor:
    """What an operator makes of these values."""
    from torch.fx.node import map_arg

    def value(each: fx.Node) -> Any:
        known = reading.values[each]
        if known is None:
            raise NoLayer("it reads a number that depends on the image")
        return points[known].clone() if isinstance(known, Flow | Curve) else plain_value(known)

    try:
        result: Tensor = node.target(*map_arg(node.args, value), **map_arg(node.kwargs, value))  # type: ignore[operator]
    except Exception as error:  # whatever an operator raises
        raise NoLayer(f"`{word(node)}` fails: {reason(error)}") from error
    return result.double() if result.is_floating_point() else result  # of a comparison, whether it holds


def plain_value(value: Value) -> Any:
    """A value that does not flow, as PyTorch has it; tensors of one number without axes."""
    if isinstance(value, Kept):
        return value.value.reshape(()) if value.value.numel() == 1 else value.value
    return [plain_value(each) for each in value] if isinstance(value, list | tuple) else value
