"""Let a convolution pad with zeros by a fixed amount or not at all: any other padding is a step before it.

    conv(x, pad_mode=reflect) = conv(pad(x, mode=reflect), pad=0)

Other passes and kernels then know one kind of padding. With `pad=same` and a stride the amount follows the size of the
picture; at stride 1 it does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.convolution import Conv, Depthwise
from cnndsl.ops.resize import Pad, SamePad
from cnndsl.passes.free_name import free_name
from cnndsl.passes.notes import Notes
from cnndsl.records import replace

NONE = (0, 0, 0, 0)


def separate_padding(graph: Graph, notes: Notes | None = None) -> Graph:
    notes, taken = notes or Notes(), graph.taken_names()

    def separated(node: Node) -> Iterator[Node]:
        if not isinstance(node.op, Conv | Depthwise):
            yield node
            return
        (shape,) = graph.input_shapes(node)
        padding = _padding(node.op, shape)
        if isinstance(padding, SamePad | Pad):
            before = Node(free_name(f"{node.name}_pad", taken), padding, node.inputs, padding.output(shape), node.span)
            notes.declined(node.name, "its padding is not of zeros, or follows the picture's size, and is a step alone")
            yield before
            yield replace(node, op=replace(node.op, pad=NONE, pad_mode="zero"), inputs=(before.name,))
        else:
            yield replace(node, op=padding)

    return graph.rewrite(part for node in graph for part in separated(node))


def _padding(op: Conv | Depthwise, shape: Shape) -> Op:
    """The step before a convolution, or the convolution if it needs none."""
    conv = op.conv(shape[0])
    if conv.follows_size:
        return SamePad(conv.kernel, stride=conv.stride, dilation=conv.dilation)
    sides = conv.sides_on((shape[1], shape[2]))
    if conv.pad_mode != "zero" and any(sides):
        return Pad(sides, mode=conv.pad_mode)
    return op if conv.pad_mode == "zero" and not isinstance(op.pad, str) else replace(op, pad=sides, pad_mode="zero")
