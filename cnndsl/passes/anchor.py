"""The layer that others are fused to: a convolution or linear layer, which a kernel is built around."""

from __future__ import annotations

from collections.abc import Callable

from cnndsl.ir.graph import Node
from cnndsl.ops.base import Op
from cnndsl.ops.convolution import Conv, ConvTranspose, Depthwise
from cnndsl.ops.fused import Core, Fused
from cnndsl.ops.linear import Linear
from cnndsl.passes.sweep import Sweep

Spelled = Callable[[Op], bool]  # whether what computes the anchor can apply a pointwise layer along with it


def in_triton(op: Op) -> bool:
    return op.pointwise and op.triton is not None


def in_torch(op: Op) -> bool:
    return op.pointwise and op.function is not None


def anchor_of(node: Node, sweep: Sweep) -> Core | None:
    """The layer with weights that a node is or holds; a depthwise conv as the grouped conv it is."""
    if isinstance(node.op, Fused):
        return node.op.core
    if isinstance(node.op, Depthwise):
        return node.op.conv(sweep.made[node.inputs[0]].shape[0])
    return node.op if isinstance(node.op, Conv | ConvTranspose | Linear) else None


def fused(node: Node, sweep: Sweep) -> Fused:
    """The layer of a node that has an anchor as a fused one, to be extended."""
    anchor = anchor_of(node, sweep)
    assert anchor is not None
    return node.op if isinstance(node.op, Fused) else Fused(anchor)
