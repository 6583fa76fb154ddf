"""Layers that treat every element alike, merges of them, and what a concat has to copy: the `pointwise` kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.plan import Packed, View
from cnndsl.backends.triton.rules.fallback import lower_by_torch
from cnndsl.ir.graph import Node
from cnndsl.kernels.families import pointwise
from cnndsl.kernels.tails import expression
from cnndsl.ops.activation import Prelu
from cnndsl.ops.base import Op
from cnndsl.ops.fused import Affine, FusedPointwise
from cnndsl.ops.merge import Add, Max, Mean, Merge, Mul, Sub
from cnndsl.ops.scale import Scale

Source = View | Packed
NAMES = pointwise.ARGUMENTS

# How two tensors become one, as PyTorch does it with NaN too.
MERGED: Mapping[type[Op], str] = {
    Add: "{0} + {1}",
    Mean: "{0} + {1}",
    Mul: "{0} * {1}",
    Sub: "{0} - {1}",
    Max: "tl.where(({0} > {1}) | ({0} != {0}), {0}, {1})",
}


def lower_pointwise(building: Building, node: Node) -> None:
    size = building.view(node.name).size
    sources: list[Source] = [building.view(name) for name in node.inputs]
    if any(view.size not in (size, (1, 1)) for view in map(building.view, node.inputs)):
        lower_by_torch(building, node)  # a gate of one row or column
        return
    if isinstance(node.op, Merge):
        _merge(building, node, sources)
        return
    steps = node.op.steps if isinstance(node.op, FusedPointwise) else (node.op,)
    if any(isinstance(step, Affine) for step in steps):
        channels = building.view(node.name).channels
        sources += [building.vector(node, name, channels) for name in ("scale", "shift")]
    launch(building, node, sources, _expressions(steps, len(node.inputs)))


def _expressions(steps: tuple[Op, ...], inputs: int) -> tuple[str, ...]:
    """Expressions of steps in turn: further inputs come first among the names, then an affine's scale and shift."""
    others = iter(NAMES[1:inputs])
    found = []
    for step in steps:
        if isinstance(step, Add | Mul):
            found.append(f"x {'+' if isinstance(step, Add) else '*'} {next(others)}")
        elif isinstance(step, Affine):
            found.append(f"x * {NAMES[inputs]} + {NAMES[inputs + 1]}")
        else:
            found.append(expression(step))
    return tuple(found)


def _merge(building: Building, node: Node, sources: list[Source]) -> None:
    """A merge of any number of tensors: what one kernel cannot read at once goes on from the last result.

    A mean divides what it adds before that is rounded, as a sum of many may be too large for half precision.
    """
    step = MERGED[type(node.op)]
    share = f" * {1 / len(sources)}" if isinstance(node.op, Mean) else ""
    done, waiting = sources[: len(NAMES)], sources[len(NAMES) :]
    launch(building, node, done, (f"({_joined(step, NAMES[: len(done)])}){share}",))
    count = len(NAMES) - 1
    for start in range(0, len(waiting), count):
        more = waiting[start : start + count]
        names = [f"{name}{share}" for name in NAMES[1 : len(more) + 1]]
        launch(building, node, [building.view(node.name), *more], (_joined(step, ["x", *names]),))


def _joined(step: str, names: Sequence[str]) -> str:
    """The expression that merges these in turn."""
    return reduce(lambda one, other: step.format(one, other), names)


def lower_scale(building: Building, node: Node) -> None:
    """A number per channel: PReLU's slope, or a learned scale."""
    if isinstance(node.op, Scale) and not node.op.learned:
        lower_pointwise(building, node)
        return
    channels = 1 if isinstance(node.op, Scale) and node.op.per == "tensor" else building.view(node.name).channels
    weight = building.vector(node, "weight", channels)
    text = "tl.where(x > 0.0, x, x * x1)" if isinstance(node.op, Prelu) else "x * x1"
    launch(building, node, [building.input(node), weight], (text,))


def lower_concat(building: Building, node: Node) -> None:
    """Copy what is not there already: what its makers could not write into it."""
    whole, start = building.view(node.name), 0
    for name in node.inputs:
        found = building.view(name)
        wanted = whole.part(start, start + found.channels)
        start += found.channels
        if found != wanted:
            building.notes.declined(node.name, f"{name} lies elsewhere too and is copied")
            launch(building, node, [found], (), wanted)


def launch(building: Building, node: Node, sources: list[Source], tail: tuple[str, ...], y: View | None = None) -> None:
    y = y or building.view(node.name)
    steps = tuple(_source(building, source, y) for source in sources)
    problem = pointwise.Problem(building.dtype, building.batch, y.pixels, y.channels, y.leading, steps, tail)
    tensors: Mapping[str, Source] = dict(zip(NAMES, sources, strict=False))
    building.launch("pointwise", problem, {**tensors, "y": y}, node.name)


def _source(building: Building, source: Source, y: View) -> pointwise.Source:
    """How an input steps along with the output; it stands still along an axis where it has one value."""
    if isinstance(source, Packed):
        return pointwise.Source(source.dtype, 0, 0, 0 if source.shape == (1,) else 1)
    image = source.pixels * source.leading
    spread = source.size == y.size and source.pixels > 1
    return pointwise.Source(
        building.dtype,
        image if building.batch > 1 else 0,
        source.leading if spread else 0,
        1 if source.channels > 1 else 0,
    )
