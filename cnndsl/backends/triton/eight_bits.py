"""Which tensors have 8 bits at such a precision, and what says their ranges.

A tensor has 8 bits where what writes it and all that read it know them: convolutions and linear layers of one group
that read their input as it is, sums that are added to these, pools, and concats that need no copy. All that lies in one
buffer is of one type. A number stands for so many steps, and the size of a step follows from the largest magnitude that
a tensor had while pictures went through the network: its range, which a recipe reads beside the weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.backends.triton.plan import View
from cnndsl.backends.triton.tensor_layout import TensorLayout
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Original
from cnndsl.kernels.precision import LARGEST
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused, Subsample
from cnndsl.ops.linear import Linear
from cnndsl.ops.merge import Concat
from cnndsl.ops.pooling import AdaptiveMaxpool, AdaptivePool, GlobalMaxpool, GlobalPool, Maxpool, Pool
from cnndsl.ops.reshape import ChannelSlice, Flatten

RANGE = "range of "  # the name of a tensor follows; no weight is called so


def eight_bit_buffers(graph: Graph, layout: TensorLayout) -> set[str]:
    """The buffers in which everything can have 8 bits."""
    found = {view.buffer for node in graph for view in layout.places(node.name)}
    found -= {buffer for node in graph for buffer in _refused(graph, layout, node)}
    pairs = [pair for node in graph if (pair := _operands(graph, layout, node)) and len(pair) == 2]
    while uneven := [pair for pair in pairs if len(found.intersection(pair)) == 1 and pair[0] != pair[1]]:
        found -= {buffer for pair in uneven for buffer in pair}
    return found


def _refused(graph: Graph, layout: TensorLayout, node: Node) -> Iterator[str]:
    """The buffers that a node writes or reads as wide numbers alone."""
    own = [view.buffer for view in layout.places(node.name)]
    if node.op.arity == 0 or graph.is_output(node.name):
        yield from own
    if isinstance(node.op, Concat) and own:
        yield from _copied(graph, layout, node)
    elif not _knows(layout, node):
        yield from own
        yield from (layout.views[name].buffer for name in sources(graph, layout, *node.inputs))


def _knows(layout: TensorLayout, node: Node) -> bool:
    """Whether a node reads and writes values of 8 bits as well, or moves none."""
    op, placed = node.op, bool(layout.places(node.name))
    if isinstance(op, Fused):
        plain = isinstance(op.core, Linear) or (isinstance(op.core, Conv) and op.core.groups == 1)
        return plain and not op.prologue
    if isinstance(op, Pool | GlobalPool | AdaptivePool):
        return placed and node.inputs[0] in layout.views
    if isinstance(op, Flatten):
        return placed and layout.views[node.name] == layout.views.get(node.inputs[0])
    # What has no place of its own is read by a convolution of two sources, or inside of another kernel.
    return isinstance(op, ChannelSlice) or (isinstance(op, Concat | Subsample) and not placed)


def _copied(graph: Graph, layout: TensorLayout, node: Node) -> Iterator[str]:
    """The buffers of a concat and its input where that one does not lie in the concat."""
    whole, start = layout.views[node.name], 0
    for name in node.inputs:
        found = layout.views[name]
        if found != whole.part(start, start + found.channels):
            yield from (whole.buffer, found.buffer)
        start += found.channels


def sources(graph: Graph, layout: TensorLayout, *names: str) -> list[str]:
    """The tensors that are read where these are, through those that have no place."""
    found = []
    for name in names:
        found += [name] if name in layout.views else sources(graph, layout, *graph[name].inputs)
    return found


def _operands(graph: Graph, layout: TensorLayout, node: Node) -> list[str]:
    """The buffers of what a convolution multiplies: two if it was joined with a projection shortcut."""
    names = sources(graph, layout, node.inputs[0]) if isinstance(node.op, Fused) else []
    return [layout.views[name].buffer for name in names]


# --- ranges


def range_of(graph: Graph, layout: TensorLayout, name: str) -> str:
    """The tensor whose largest magnitude is the range of this one: another where both share their steps."""
    op = graph[name].op
    if name in layout.views and isinstance(graph[layout.views[name].buffer].op, Concat):
        return layout.views[name].buffer
    if isinstance(op, Flatten | Maxpool | GlobalMaxpool | AdaptiveMaxpool):
        return range_of(graph, layout, graph[name].inputs[0])
    if isinstance(op, ChannelSlice) and not parts(graph, graph[name].inputs[0]):
        return range_of(graph, layout, graph[name].inputs[0])
    return name


def parts(graph: Graph, name: str) -> list[Node]:
    """The slices of a convolution, in order, if these alone read it and each channel is in one of them; else none."""
    slices = sorted(graph.consumers(name), key=lambda node: getattr(node.op, "start", 0))
    start = 0
    for node in slices:
        if not isinstance(node.op, ChannelSlice) or node.op.start != start:
            return []
        start = node.op.stop
    return slices if isinstance(graph[name].op, Fused) and start == graph[name].shape[0] else []


def stretches(graph: Graph, layout: TensorLayout, name: str) -> list[tuple[int, str | None]]:
    """The channels of a tensor in order: how many have a range together, and whose; None where they are wide."""
    slices = parts(graph, name)
    places = [(layout.views[each.name], each.name) for each in slices] or [(view, name) for view in layout.places(name)]
    return [
        (view.channels, (_range_at(graph, layout, view, each) if view.dtype in LARGEST else None))
        for view, each in places
        if view.channels
    ]


def _range_at(graph: Graph, layout: TensorLayout, view: View, name: str) -> str:
    return view.buffer if isinstance(graph[view.buffer].op, Concat) else range_of(graph, layout, name)


def range_recipe(tensor: str) -> Original:
    """The range of a tensor, which stands among the weights."""
    return Original(RANGE + tensor)
