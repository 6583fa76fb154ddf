"""Where every tensor of a graph lies: in a buffer of its own, in a slice of a concat's, or as part of another.

A concat is one buffer that its inputs write into. A channel slice and a flatten in front of a linear layer are other
looks at a tensor that is there. Of merged siblings that one convolution computes, the first can lie in a concat and
the rest apart, as its kernel has two outputs.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from cnndsl.backends.triton.plan import View
from cnndsl.ir.graph import Graph, Node
from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.ops.base import Shape
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused
from cnndsl.ops.linear import Linear
from cnndsl.ops.merge import Concat
from cnndsl.ops.reshape import ChannelSlice, Flatten, PixelUnshuffle
from cnndsl.passes.placement import Slice, concat_slices

VECTOR = 16  # bytes that one thread moves at once
NARROW = 8  # bytes of a pixel of few channels, such as a picture's three


@dataclass(frozen=True)
class Types:
    """The type of every buffer: `usual` but for `others`."""

    usual: Dtype
    others: Mapping[str, Dtype] = field(default_factory=dict)

    def of(self, buffer: str) -> Dtype:
        return self.others.get(buffer, self.usual)


@dataclass(frozen=True)
class Split:
    """A convolution whose channels before `at` lie in `first`, and the others in `rest`."""

    at: int
    first: View
    rest: View


@dataclass(frozen=True)
class TensorLayout:
    """The view of every tensor by its node's name; `splits` are those that lie in two places and have none."""

    views: Mapping[str, View]
    splits: Mapping[str, Split]

    def places(self, name: str) -> tuple[View, ...]:
        """Where the values of a node are stored: in one place, or two, or none."""
        if name in self.splits:
            return self.splits[name].first, self.splits[name].rest
        return (self.views[name],) if name in self.views else ()


def lay_out_tensors(graph: Graph, types: Types, absorbed: Container[str]) -> TensorLayout:
    """`absorbed` nodes have no tensor: another kernel computes them on the way."""
    slices = concat_slices(graph, leave_out=absorbed)
    views: dict[str, View] = {}
    splits: dict[str, Split] = {}
    for node in graph:
        if node.name in absorbed:
            continue
        if isinstance(node.op, ChannelSlice):
            views[node.name] = _part(node.inputs[0], node.op, views, splits)
        elif is_relabelled(graph, node, slices):
            views[node.name] = views[node.inputs[0]]
        elif (split := _split(graph, node, slices, types, absorbed)) is not None:
            splits[node.name] = split
        else:
            views[node.name] = _own(graph, node.name, slices, types)
    return TensorLayout(views, splits)


def is_relabelled(graph: Graph, node: Node, slices: Container[str] = ()) -> bool:
    """Whether a flatten only gives its input another shape: one pixel, or read by linear layers alone."""
    if not isinstance(node.op, Flatten) or node.name in slices:
        return False
    shape = graph[node.inputs[0]].shape
    if len(shape) == 1 or shape[1:] == (1, 1):
        return True
    if node.op.order != "chw":
        return False
    readers = graph.consumers(node.name)
    linear = (isinstance(reader.op, Fused) and isinstance(reader.op.core, Linear) for reader in readers)
    return all(linear) and not graph.is_output(node.name)


def packed_as(graph: Graph, given: Node) -> Node:
    """What an input of the network is brought into the kernels' order as: itself, or the blocks that alone are read.

    Not blocks that lie in a concat, where the zeros that fill up a pixel would be written over what is beside.
    """
    readers = graph.consumers(given.name)
    if len(readers) != 1 or not isinstance(readers[0].op, PixelUnshuffle) or graph.is_output(given.name):
        return given
    copied = any(isinstance(each.op, Concat) for each in graph.consumers(readers[0].name))
    return given if copied else readers[0]


def extent(shape: Shape) -> tuple[int, int, int]:
    """(channels, height, width), where a vector is one pixel."""
    return (shape[0], 1, 1) if len(shape) == 1 else (shape[0], shape[1], shape[2])


def leading(channels: int, dtype: Dtype) -> int:
    """Channels of a buffer: filled up so that every pixel starts where a vector can be read."""
    unit = VECTOR // SIZES[dtype]
    narrow = NARROW // SIZES[dtype]
    return narrow if channels <= narrow else -(-channels // unit) * unit


def _own(graph: Graph, name: str, slices: Mapping[str, Slice], types: Types) -> View:
    """Its place in the outermost concat that it lies in, or a buffer of its own."""
    channels, height, width = extent(graph[name].shape)
    root, start = name, 0
    while root in slices:
        root, start = slices[root].concat, start + slices[root].start
    dtype = types.of(root)
    return View(root, start, height, width, channels, leading(graph[root].shape[0], dtype), dtype)


def _part(name: str, op: ChannelSlice, views: Mapping[str, View], splits: Mapping[str, Split]) -> View:
    if name in views:
        return views[name].part(op.start, op.stop)
    split = splits[name]
    if op.start < split.at:
        return split.first.part(op.start, op.stop)
    return split.rest.part(op.start - split.at, op.stop - split.at)


def _split(
    graph: Graph, node: Node, slices: Mapping[str, Slice], types: Types, absorbed: Container[str]
) -> Split | None:
    """The place of merged siblings of which the first, alone or several in a row, belong into one concat."""
    parts = graph.consumers(node.name)
    if not isinstance(node.op, Fused) or not isinstance(node.op.core, Conv) or node.op.core.groups > 1:
        return None
    if graph.is_output(node.name) or not all(isinstance(part.op, ChannelSlice) for part in parts):
        return None
    found: View | None = None
    at = 0
    for part in sorted(parts, key=_start):
        home = _home(graph, part, slices, types, absorbed)
        if home is None or _start(part) != at or (found is not None and not _continues(found, home)):
            break
        at += home.channels
        found = replace(found or home, channels=at)
    if found is None or any(part.op.start < at < part.op.stop for part in parts if isinstance(part.op, ChannelSlice)):
        return None  # a slice that an author wrote may want channels of both
    channels, height, width = extent(node.shape)
    rest, dtype = channels - at, types.of(node.name)
    return Split(at, found, View(node.name, 0, height, width, rest, leading(max(rest, 1), dtype), dtype))


def _start(part: Node) -> int:
    assert isinstance(part.op, ChannelSlice)
    return part.op.start


def _continues(one: View, other: View) -> bool:
    return one.buffer == other.buffer and one.start + one.channels == other.start


def _home(graph: Graph, part: Node, slices: Mapping[str, Slice], types: Types, absorbed: Container[str]) -> View | None:
    """Where a concat wants this slice, if a concat alone reads it, and once."""
    readers = graph.consumers(part.name)
    if graph.is_output(part.name) or len(readers) != 1 or not isinstance(readers[0].op, Concat):
        return None
    concat = readers[0]
    if concat.name in absorbed or concat.inputs.count(part.name) > 1:
        return None
    start = sum(graph[name].shape[0] for name in concat.inputs[: concat.inputs.index(part.name)])
    return _own(graph, concat.name, slices, types).part(start, start + part.shape[0])
