"""The network while it is read: layers in the order of the file, which later steps may still merge, turn or drop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, TypeAlias

from cnndsl.foreign.axes import Axes, plain, sizes, unrepeated
from cnndsl.foreign.draft import Module
from cnndsl.foreign.network import Unread
from cnndsl.foreign.onnx.arrangement import layers
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.activation import LogSoftmax, Pointwise, Prelu, Softmax
from cnndsl.ops.arguments import ArgumentError, Integer, Number
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.ops.convolution import Conv
from cnndsl.ops.linear import Linear
from cnndsl.ops.merge import Add, Concat, Max, Mean, Mul, Sub
from cnndsl.ops.normalization import Bn
from cnndsl.ops.regularization import Dropout
from cnndsl.ops.reshape import ChannelSlice, Flatten
from cnndsl.ops.resize import Upsample
from cnndsl.ops.scale import Scale

Array: TypeAlias = Any  # numpy's, which is imported when a file is read and not before


@dataclass(frozen=True)
class Weight:
    """A tensor of ours: its values, and what the file calls it if it keeps it as it is."""

    values: Array
    source: str = ""


@dataclass(frozen=True)
class Shift(Op):
    """Adds a number to every channel; an own step only until a layer with a bias takes it."""

    word = "shift"

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (inputs[0][0],)}


EITHER = (
    *(Pointwise, Prelu, Softmax, LogSoftmax, Bn, Dropout, Scale, Shift),
    *(Add, Sub, Mul, Max, Mean, Concat, ChannelSlice),
)
"""Layers that are the same for a vector and for an image of one pixel."""


@dataclass(frozen=True)
class Origin:
    """Where a layer comes from: the file's name of the step, its operator, its result, and modules around it.

    Modules stand outermost first; the class of one that the file does not say is `""`.
    """

    operator: str
    name: str
    result: str
    modules: tuple[Module, ...] = ()

    def __str__(self) -> str:
        return f"{self.operator} of {self.name or self.result}"


@dataclass(frozen=True)
class Draft:
    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    origin: Origin
    weights: Mapping[str, Weight] = field(default_factory=dict)
    last: Origin | None = None  # the step whose result it gives, if it took that in

    @property
    def gives(self) -> str:
        return (self.last or self.origin).result


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file: which layer of ours gives it, and how its axes lie on that layer's."""

    node: int
    axes: Axes


class Drafts:
    """All layers read so far, by number. `batch` is the size that the file's batch axis has."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.nodes: dict[int, Draft] = {}
        self.curves: dict[int, dict[int, Array]] = {}
        self._moved: dict[tuple[int, Axes], int] = {}

    def __getitem__(self, node: int) -> Draft:
        return self.nodes[node]

    def add(self, op: Op, inputs: Sequence[int], origin: Origin, weights: Mapping[str, Weight] | None = None) -> int:
        """Raises `Unreadable` if the layer does not take such inputs, or its weights are of another shape."""
        shapes = [self.nodes[source].shape for source in inputs]
        _check_arguments(op)
        try:
            shape = op.output(*shapes)
        except LayerError as error:
            raise Unreadable(str(error)) from error
        weights = dict(weights or {})
        for name, expected in op.parameters(*shapes).items():
            if weights[name].values.shape != expected:
                raise Unreadable(f"its {name} is {weights[name].values.shape} and not {expected}")
        return self._append(Draft(op, tuple(inputs), shape, origin, weights))

    def _append(self, draft: Draft) -> int:
        self.nodes[len(self.nodes)] = draft
        return len(self.nodes) - 1

    def unread(self, inputs: Sequence[int], origin: Origin, dims: Sequence[int], why: str) -> int:
        shape = tuple(dims[1:])
        return self._append(Draft(Unread(origin.operator, origin.name, shape, why), tuple(inputs), shape, origin))

    def dims(self, node: int) -> tuple[int, ...]:
        """The shape of a layer's result with its batch."""
        return (self.batch, *self.nodes[node].shape)

    def tensor(self, node: int) -> Tensor:
        """A layer's result as it is."""
        return Tensor(node, plain(self.dims(node)))

    def whole(self, node: int, axis: int) -> Axes:
        """All of one axis of a layer's result, as a list of one axis."""
        return (plain(self.dims(node))[axis],)

    def image(self, tensor: Tensor, origin: Origin) -> int:
        """The layer that gives a tensor of four axes as an image."""
        if len(tensor.axes) != 4:
            raise Unreadable(f"it takes {len(tensor.axes)} axes, and an image has four")
        if len(self.nodes[tensor.node].shape) == 1 and tensor.axes[:2] == plain(self.dims(tensor.node)):
            self.make_image(tensor.node)
            return tensor.node
        return self.moved(tensor, origin)

    def vector(self, tensor: Tensor, origin: Origin) -> int:
        """The layer that gives a tensor of two axes, as a vector or as an image of one pixel."""
        if len(tensor.axes) != 2:
            raise Unreadable(f"it takes {len(tensor.axes)} axes, and a vector has two")
        if self.is_pixel(tensor.node) and tensor.axes == plain(self.dims(tensor.node))[:2]:
            return tensor.node
        return self.moved(tensor, origin)

    def strict(self, tensor: Tensor, origin: Origin) -> int:
        """The layer that gives exactly that tensor."""
        if len(tensor.axes) == 4:
            return self.image(tensor, origin)
        node = self.vector(tensor, origin)
        return node if len(self.nodes[node].shape) == 1 else self.add(Flatten(), (node,), origin)

    def is_pixel(self, node: int) -> bool:
        return self.nodes[node].shape[1:] == (1, 1)

    def moved(self, tensor: Tensor, origin: Origin) -> int:
        """The layer behind those that move values to where they lie in the file."""
        key = tensor.node, tensor.axes
        if key not in self._moved:
            node, once = tensor.node, unrepeated(tensor.axes)
            for op in layers(once, self.dims(node)):
                node = self.add(op, (node,), origin)
            self._moved[key] = node if once == tensor.axes else self._repeated(node, sizes(tensor.axes), origin)
        return self._moved[key]

    def _repeated(self, node: int, dims: Sequence[int], origin: Origin) -> int:
        """An image, of which one channel, row or column may stand for all of them, in full size."""
        channels, *size = self.nodes[node].shape
        if len(dims) != 4 or len(size) != 2:
            raise Unreadable("no layer repeats values so")
        if dims[1] != channels:
            node = self.add(Concat(), (node,) * dims[1], origin)
        rows, columns = (now // before for now, before in zip(dims[2:], size, strict=True))
        return node if (rows, columns) == (1, 1) else self.add(Upsample((rows, columns)), (node,), origin)

    def make_image(self, node: int) -> None:
        """Make a vector an image of one pixel, with all that hangs on it: a `linear` becomes a `conv 1x1`."""
        if len(self.nodes[node].shape) == 3:
            return
        for each in sorted(self._vectors(node)):
            draft, weights = self.nodes[each], dict(self.nodes[each].weights)
            op = draft.op
            if isinstance(op, Linear):
                weights["weight"] = Weight(weights["weight"].values[:, :, None, None])
                op = Conv((1, 1), op.features, bias=op.bias)
            self.nodes[each] = replace(draft, op=op, shape=(*draft.shape, 1, 1), weights=weights)

    def _vectors(self, node: int) -> set[int]:
        """The layers that have to give images if one does."""
        found, pending = set[int](), [node]
        while pending:
            at = pending.pop()
            if at in found or len(self.nodes[at].shape) == 3:
                continue
            draft = self.nodes[at]
            if not isinstance(draft.op, (Linear, *EITHER)) or self._is_flattened(draft):
                raise Unreadable("no layer makes an image of a vector")
            found.add(at)
            readers = (other for other, each in self.nodes.items() if at in each.inputs)
            pending += [*draft.inputs, *(each for each in readers if not isinstance(self.nodes[each].op, Linear))]
        return found

    def _is_flattened(self, draft: Draft) -> bool:
        """Whether it is a `linear` of an image of more than one pixel."""
        return any(len(self.nodes[each].shape) == 3 and not self.is_pixel(each) for each in draft.inputs)

    def finish(self, outputs: Sequence[int]) -> Iterator[tuple[int, Draft]]:
        """The layers that outputs need, with vectors where only vectors are taken."""
        for node in sorted(self.needed(outputs)):
            draft = self.nodes[node]
            shapes = [self.nodes[source].shape for source in draft.inputs]
            yield node, replace(draft, shape=draft.op.output(*shapes))

    def needed(self, outputs: Sequence[int]) -> set[int]:
        found, pending = set[int](), list(outputs)
        while pending:
            node = pending.pop()
            if node not in found:
                found.add(node)
                pending.extend(self.nodes[node].inputs)
        return found

    def readers(self, outputs: Sequence[int]) -> dict[int, list[int]]:
        """Which layers that are needed read each of them."""
        found: dict[int, list[int]] = {node: [] for node in sorted(self.needed(outputs))}
        for node in found:
            for source in dict.fromkeys(self.nodes[node].inputs):
                found[source].append(node)
        return found

    def alike(self, tensors: Sequence[Tensor], origin: Origin) -> tuple[list[int], Axes]:
        """Layers that give these in one arrangement, and that arrangement; axes of size 1 fit all."""
        rank = max(len(tensor.axes) for tensor in tensors)
        arranged = [unrepeated(((),) * (rank - len(tensor.axes)) + tensor.axes) for tensor in tensors]
        nodes = [tensor.node for tensor in tensors]
        if not _agree(arranged):
            if any(len(tensor.axes) != rank for tensor in tensors):
                raise Unreadable("its inputs lie differently in memory")
            nodes = [self.strict(tensor, origin) for tensor in tensors]
            arranged = [plain(self.dims(node)) for node in nodes]
            if not _agree(arranged):
                raise Unreadable("its inputs have different shapes")
        if len({len(self.nodes[node].shape) for node in nodes}) > 1:
            for node in nodes:
                self.make_image(node)
        return nodes, tuple(
            max(each, key=lambda axis: prod(a.size for a in axis)) for each in zip(*arranged, strict=True)
        )

    def grown(self, nodes: Sequence[int], origin: Origin) -> list[int]:
        """Images of one row, column or pixel as large as the others."""
        sizes = [self.nodes[node].shape[1:] for node in nodes]
        if len(set(sizes)) == 1 or () in sizes:
            return list(nodes)
        height, width = (max(each) for each in zip(*sizes, strict=True))
        return [
            node
            if size == (height, width)
            else self.add(Upsample((height // size[0], width // size[1])), (node,), origin)
            for node, size in zip(nodes, sizes, strict=True)
        ]


def _agree(arranged: Sequence[Axes]) -> bool:
    return all(len(set(axes) - {()}) <= 1 for axes in zip(*arranged, strict=True))


def _check_arguments(op: Op) -> None:
    """Raises `Unreadable` for numbers that no text could say."""
    for parameter in op.signature():
        value = getattr(op, parameter.name)
        if value is not None and isinstance(parameter.kind, (Integer, Number)):
            try:
                parameter.kind.accept(value)
            except ArgumentError as error:
                raise Unreadable(f"its {parameter.name}: {error}") from error
