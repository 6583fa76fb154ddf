"""Read the picture in blocks of pixels: a convolution of large stride becomes one of stride 1 on more channels.

    conv(x, 7x7, /2) = conv(pixel_unshuffle(x, 2), 4x4)

A block of 2 x 2 pixels of three colours is twelve channels, which fill vectors where three do not, and neighbouring
windows share what they read, as in networks that begin with space-to-depth (TResNet, Ridnik et al. 2020); here it
computes what the network's own stem does. The kernel is filled up with zeros to whole blocks.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import apply
from cnndsl.ops.convolution import Conv
from cnndsl.ops.images import Pair
from cnndsl.ops.reshape import PixelUnshuffle
from cnndsl.passes.free_name import free_name
from cnndsl.passes.notes import Notes
from cnndsl.records import dataclass, replace

FEW = 4  # channels that do not fill a vector
MOST_ZEROS = 1.5  # times as many products, with those of the zeros


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a kernel: zeros in front of it and behind, its taps and the padding of the map in blocks."""

    front: int
    behind: int
    taps: int
    before: int
    after: int


def blocked_stem(graph: Graph, notes: Notes | None = None) -> Graph:
    """Expects fixed padding of zeros, as `separate_padding` leaves it."""
    notes, taken = notes or Notes(), graph.taken_names()

    def blocked(node: Node) -> Iterator[Node]:
        if not isinstance(node.op, Conv) or not _is_stem(graph, node, node.op):
            yield node
            return
        conv, (shape,) = node.op, graph.input_shapes(node)
        side, sides = conv.stride[0], conv.sides
        rows = _axis(shape[1], node.shape[1], conv.kernel[0], side, (sides[0], sides[1]))
        columns = _axis(shape[2], node.shape[2], conv.kernel[1], side, (sides[2], sides[3]))
        reason = _why_not(conv, (shape[1], shape[2]), rows, columns)
        if reason is not None:
            notes.declined(node.name, reason)
            yield node
            return
        op = PixelUnshuffle(side)
        blocks = Node(free_name(f"{node.name}_blocks", taken), op, node.inputs, op.output(shape), node.span)
        weight = apply("blocked", node.recipe("weight"), side, rows.front, rows.behind, columns.front, columns.behind)
        pad = (rows.before, rows.after, columns.before, columns.after)
        core = replace(conv, kernel=(rows.taps, columns.taps), stride=(1, 1), pad=pad)
        notes.fused(node.name, node.name, how=f"reads blocks of {side}x{side} pixels")
        yield blocks
        yield replace(node, op=core, inputs=(blocks.name,), recipes={**node.recipes, "weight": weight})

    return graph.rewrite(part for node in graph for part in blocked(node))


def _is_stem(graph: Graph, node: Node, conv: Conv) -> bool:
    """Whether it reads, with a stride, a picture of few channels, which nothing else reads."""
    source = graph[node.inputs[0]]
    alone = graph.consumers(source.name) == (node,) and not graph.is_output(source.name)
    return source.op.arity == 0 and alone and len(source.shape) == 3 and source.shape[0] <= FEW and max(conv.stride) > 1


def _axis(size: int, positions: int, kernel: int, side: int, padding: Pair) -> Axis:
    """The window at 0 begins `padding` before the map, and so in the block that many blocks, rounded up, before it."""
    before = -(-padding[0] // side)
    front = before * side - padding[0]
    taps = -(-(front + kernel) // side)
    return Axis(front, taps * side - front - kernel, taps, before, positions + taps - 1 - size // side - before)


def _why_not(conv: Conv, size: Pair, rows: Axis, columns: Axis) -> str | None:
    side = conv.stride[0]
    if conv.stride != (side, side) or conv.dilation != (1, 1) or conv.groups > 1:
        return "its stride is not square, or its kernel dilated or grouped"
    if size[0] % side or size[1] % side:
        return f"blocks of {side} x {side} pixels do not tile a {size[0]} x {size[1]} picture"
    if rows.taps * columns.taps * side**2 > MOST_ZEROS * conv.kernel[0] * conv.kernel[1]:
        return f"its kernel in blocks of {side} x {side} pixels would be mostly zeros"
    return None
