"""Layers on whole maps without products: pools, those that look across channels, and those that only move values."""

from __future__ import annotations

from typing import Any

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.plan import View
from cnndsl.backends.triton.rules.fallback import lower_by_torch
from cnndsl.backends.triton.rules.scales import pool_scale
from cnndsl.backends.triton.tensor_layout import is_relabelled
from cnndsl.ir.graph import Node
from cnndsl.kernels.families import move, pack, pool, softmax
from cnndsl.ops.base import Op
from cnndsl.ops.fused import Subsample
from cnndsl.ops.pooling import AdaptiveMaxpool, Avgpool, GlobalMaxpool, Maxpool, Pool
from cnndsl.ops.reshape import ChannelShuffle, Flatten, ZeroPadShortcut
from cnndsl.ops.resize import Crop, Pad, Resize, Upsample


def lower_pool(building: Building, node: Node) -> None:
    x, y = building.input(node), building.view(node.name)
    tensors = {"x": x, "scale": pool_scale(building, node), "y": y}
    building.launch("pool", pool_problem(building, x, y, node.op), tensors, node.name)


def pool_problem(building: Building, x: View, y: View, op: Op) -> pool.Problem:
    """That of a pool from one tensor to another."""
    shape = (x.dtype, building.batch, x.height, x.width, x.channels, y.size, x.leading, y.leading)
    y_dtype = None if y.dtype == x.dtype else y.dtype
    maximum = isinstance(op, Maxpool | GlobalMaxpool | AdaptiveMaxpool)
    if not isinstance(op, Pool):
        return pool.Problem(*shape, maximum, adaptive=True, y_dtype=y_dtype)
    counted = not isinstance(op, Avgpool) or op.counts_padding
    sides = op.sides((x.channels, x.height, x.width))
    return pool.Problem(*shape, maximum, op.kernel, op.stride, sides, count_padding=counted, y_dtype=y_dtype)


def lower_softmax(building: Building, node: Node) -> None:
    x, y = building.input(node), building.view(node.name)
    problem = softmax.Problem(building.dtype, building.batch * x.pixels, x.channels, x.leading, y.leading)
    building.launch("softmax", problem, {"x": x, "y": y}, node.name)


def lower_flatten(building: Building, node: Node) -> None:
    """Bring the values of a map into the order of a vector, channel by channel, if that is not only a name."""
    if is_relabelled(building.graph, node) and building.view(node.name) == building.input(node):
        return
    x, y = building.input(node), building.view(node.name)
    if x.pixels > 1 and isinstance(node.op, Flatten) and node.op.order != "chw":
        lower_by_torch(building, node)
        return
    from_steps, to_steps = (x.pixels * x.leading, 1, x.leading), (y.leading, x.pixels, 1)
    dtype = building.dtype
    problem = pack.Problem(dtype, dtype, building.batch, x.pixels, x.channels, x.channels, from_steps, to_steps)
    building.launch("pack", problem, {"x": x, "y": y}, node.name)


def lower_move(building: Building, node: Node) -> None:
    x, y = building.input(node), building.view(node.name)
    rule = _rule(node.op, x.size, y.size)
    if rule is None:
        lower_by_torch(building, node)
        return
    shape = (building.dtype, building.batch, x.height, x.width, x.channels, y.size, y.channels, x.leading, y.leading)
    building.launch("move", move.Problem(*shape, **rule), {"x": x, "y": y}, node.name)


def _rule(op: Op, size: tuple[int, int], out: tuple[int, int]) -> dict[str, Any] | None:
    """Where an output value comes from, in the terms of the kernel; None for a layer that it cannot do."""
    match op:
        case Upsample(mode="nearest"):
            return {"scale": op.scale}
        case Resize(mode="nearest") if not (out[0] % size[0] or out[1] % size[1]):
            return {"scale": (out[0] // size[0], out[1] // size[1])}
        case Pad(mode="zero", value=0.0):
            return {"corner": (op.sides[0], op.sides[2])}
        case Crop():
            return {"corner": (-((size[0] - out[0]) // 2), -((size[1] - out[1]) // 2))}
        case ChannelShuffle():
            return {"groups": op.groups}
        case ZeroPadShortcut() | Subsample():
            return {"stride": op.stride}
    return None
