"""One step of a file with all that its reader asks for: attributes, constants, tensors, and where new layers go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from cnndsl.foreign.axes import CHANNEL, Digit, Group, plain, sizes
from cnndsl.foreign.onnx.arrangement import spread
from cnndsl.foreign.onnx.drafts import Array, Drafts, Origin, Tensor, Weight
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.foreign.turning import with_first
from cnndsl.ops.base import Op

Value: TypeAlias = Tensor | Weight
"""What a name of the file stands for: a tensor that flows, or a constant."""


@dataclass(frozen=True)
class Step:
    """`inputs` are in the order of the file, None where one is left out; `opset` is the version of its operators.

    `makers` are the steps before it by their results' names, `readers` the operators that read its first result; `half`
    says that the file's numbers have 16 bits.
    """

    node: Any
    attributes: Mapping[str, Any]
    inputs: tuple[Value | None, ...]
    results: int
    opset: int
    drafts: Drafts
    origin: Origin
    makers: Mapping[str, Step]
    readers: Sequence[str] = ()
    half: bool = False

    @property
    def operator(self) -> str:
        return str(self.node.op_type)

    def attribute(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def number(self, name: str, default: float) -> float:
        return shortest(self.attributes.get(name, default))

    def pair(self, name: str, default: tuple[int, int]) -> tuple[int, int]:
        given = tuple(self.attributes.get(name, default))
        if len(given) != 2:
            raise Unreadable(f"its {name} are {len(given)} numbers, and images have two axes")
        if min(given) < min(default):
            raise Unreadable(f"its {name} are {given[0]} and {given[1]}")
        return given[0], given[1]

    def has(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] is not None

    def tensor(self, index: int = 0) -> Tensor:
        value = self.inputs[index] if self.has(index) else None
        if not isinstance(value, Tensor):
            raise Unreadable(f"its input {index} is a constant")
        return value

    def weight(self, index: int) -> Weight:
        value = self.inputs[index] if self.has(index) else None
        if not isinstance(value, Weight):
            raise Unreadable(f"its input {index} is worked out while the network runs")
        return value

    def constant(self, index: int) -> Array:
        return self.weight(index).values

    def whole_numbers(self, attribute: str, index: int) -> tuple[int, ...] | None:
        """What newer files have as an input and older ones as an attribute; None where it is left out."""
        if self.has(index):
            return tuple(int(each) for each in self.constant(index).reshape(-1))
        given = self.attributes.get(attribute)
        return None if given is None else tuple(given)

    def scalar(self, index: int) -> float:
        return float(self.constant(index).reshape(()))

    @property
    def dims(self) -> tuple[int, ...]:
        """The sizes of the first input's axes."""
        return sizes(self.tensor().axes)

    def axis(self, given: int, rank: int) -> int:
        """An axis counted from the front. Raises `Unreadable` for one that is not there."""
        if not -rank <= given < rank:
            raise Unreadable(f"it has no axis {given}")
        return given % rank

    def image(self, index: int = 0) -> int:
        return self.drafts.image(self.tensor(index), self.origin)

    def add(self, op: Op, *nodes: int, weights: Mapping[str, Weight] | None = None) -> Tensor:
        """The result of a new layer, as it is."""
        return self.drafts.tensor(self.drafts.add(op, nodes, self.origin, weights))

    def within(self, op: Op, tensor: Tensor, weights: Mapping[str, Weight] | None = None) -> Tensor:
        """The result of a new layer that leaves all values in their places."""
        return Tensor(self.drafts.add(op, (tensor.node,), self.origin, weights), tensor.axes)

    def places(self, tensor: Tensor) -> tuple[int, ...]:
        """Which axis of the file is each of ours: batch, channels, height, width. `Unreadable` if it is no image."""
        if len(tensor.axes) == 4:
            self.drafts.make_image(tensor.node)
            whole = plain(self.drafts.dims(tensor.node))
            for order in ((0, 1, 2, 3), (0, 3, 1, 2)):
                if tuple(tensor.axes[index] for index in order) == whole:
                    return order
        raise Unreadable("it is no image")

    def replaced(self, op: Op, tensor: Tensor) -> Tensor:
        """The result of a new layer of an image, with the axes in the order of the file."""
        places = self.places(tensor)
        return self.lying(self.drafts.add(op, (tensor.node,), self.origin), places)

    def lying(self, node: int, places: tuple[int, ...]) -> Tensor:
        """The result of a layer with its axes in these places of the file."""
        whole = plain(self.drafts.dims(node))
        return Tensor(node, tuple(whole[places.index(index)] for index in range(len(whole))))

    def outermost(self, tensor: Tensor, digit: Digit) -> Tensor:
        """The same values of a layer that shuffles its channels, so that this digit of theirs is the first."""
        found = with_first(tensor.axes, digit, self.drafts.dims(tensor.node))
        if found is None:
            raise Unreadable("it takes some values of an axis that others are made of")
        order, axes = found
        return Tensor(self.drafts.moved(Tensor(tensor.node, order), self.origin), axes)

    def channel_axis(self, tensor: Tensor, axis: int) -> None:
        """Raises `Unreadable` unless an axis of the file is all channels of ours."""
        if tensor.axes[axis] != self.channels(tensor.node):
            raise Unreadable(f"its axis {axis} is not the channels")

    def channels(self, node: int) -> Group:
        """All channels of a layer's result."""
        return plain(self.drafts.dims(node))[CHANNEL]

    def per_channel(self, tensor: Tensor, values: Array) -> Array:
        """A constant that is broadcast to a tensor, as numbers of our channels. Raises `Unreadable` if it is none."""
        import numpy as np

        dims = sizes(tensor.axes)
        if values.ndim > len(dims) or np.broadcast_shapes(values.shape, dims) != dims:
            raise Unreadable("a constant makes it larger")
        values = values.reshape((1,) * (len(dims) - values.ndim) + values.shape)
        varied = tuple(
            axis if size > 1 else tuple(digit for digit in axis if digit.axis == CHANNEL)
            for axis, size in zip(tensor.axes, values.shape, strict=True)
        )
        lying = spread(varied, values, self.drafts.dims(tensor.node)[CHANNEL])
        if not (lying == lying[:, :1]).all():
            raise Unreadable("it has a constant for every pixel")
        return np.array(lying[:, 0])


def shortest(value: float) -> float:
    """A number as its author wrote it, of which files keep 32 bits."""
    import numpy as np

    return float(str(np.float32(value)))
