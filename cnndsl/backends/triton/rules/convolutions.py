"""Convolutions and linear layers with what is fused to them, each as one launch of the kernel that fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.plan import Packed, Tensor, View
from cnndsl.backends.triton.rules import scales
from cnndsl.backends.triton.rules.fallback import lower_by_torch
from cnndsl.ir.graph import Node
from cnndsl.ir.recipe import Apply, apply
from cnndsl.kernels.families import conv1x1_pre, conv_gemm, conv_grouped
from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.tails import expression, steps
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Affine, Fused, Subsample
from cnndsl.ops.linear import Linear
from cnndsl.ops.merge import Concat
from cnndsl.ops.pooling import Avgpool, Maxpool, Pool


def lower_fused(building: Building, node: Node) -> None:
    op = node.op
    assert isinstance(op, Fused)
    if isinstance(op.core, Linear):
        _linear(building, node, op)
    elif not isinstance(op.core, Conv):
        lower_by_torch(building, node)
    elif op.prologue:
        lower_prologue(building, node, prologue_problem(building, node))
    elif op.core.groups > 1:
        _grouped(building, node, op, op.core)
    elif (sources := two_sources(building, node)) is not None:
        _two_sources(building, node, op, *sources)
    else:
        _plain(building, node, op, op.core)


def _plain(building: Building, node: Node, op: Fused, core: Conv) -> None:
    x = building.filled(building.input(node))
    shape = (core.filters, *core.kernel, x.channels)
    packed = apply("pixels_last", node.recipe("weight"), x.channels)
    (weight,) = scales.weights(building, node, x.dtype, (packed, shape))
    tensors: dict[str, Tensor | None] = {"x": x, "w": weight}
    problem = plain_problem(building, node)
    building.launch("conv_gemm", problem, {**tensors, **_finish(building, node, op)}, node.name)


def plain_problem(building: Building, node: Node) -> conv_gemm.Problem:
    """That of a convolution alone, ungrouped and of one tensor as it is."""
    op = node.op
    assert isinstance(op, Fused) and isinstance(op.core, Conv)
    return _problem(building, node, op, building.filled(building.input(node)), op.core)


def inner_problem(building: Building, node: Node) -> conv_gemm.Problem:
    """The same of one whose result has no place, since the kernel that computes it goes on with it."""
    op = node.op
    assert isinstance(op, Fused) and isinstance(op.core, Conv)
    filters, bias = op.core.filters, op.core.bias is not False
    finishing = {"y_leading": filters, "bias": bias, "tail": steps(op.tail)}
    return _reading(building, op, building.filled(building.input(node)), op.core, finishing)


def _problem(building: Building, node: Node, op: Fused, x: View, core: Conv) -> conv_gemm.Problem:
    problem = _reading(building, op, x, core, _finishing(building, node, op))
    y, y2, _ = _outputs(building, node)
    residual = building.input(node, 1) if op.adds else None
    return replace(problem, y_dtype=_other(y, x), y2_dtype=_other(y2, x), residual_dtype=_other(residual, x))


def _other(tensor: View | None, x: View) -> Dtype | None:
    """The type of a tensor, if there is one and it is another than that of `x`."""
    return None if tensor is None or tensor.dtype == x.dtype else tensor.dtype


def _reading(building: Building, op: Fused, x: View, core: Conv, finishing: Mapping[str, Any]) -> conv_gemm.Problem:
    return conv_gemm.Problem(
        x.dtype,
        building.batch,
        x.height,
        x.width,
        x.channels,
        core.filters,
        x.leading,
        kernel=core.kernel,
        stride=core.stride,
        sides=core.sides,
        dilation=core.dilation,
        precision=building.products,  # type: ignore[arg-type]
        centred=op.centred,
        pool=op.pooled.kernel if op.pooled else (1, 1),
        **finishing,
    )


def _finishing(building: Building, node: Node, op: Fused) -> dict[str, Any]:
    """Fields of a problem that say how sums are finished and where they go."""
    y, y2, split_at = _outputs(building, node)
    return {
        "y_leading": y.leading,
        "bias": op.core.bias is not False,
        "tail": steps(op.tail),
        "residual_leading": building.input(node, 1).leading if op.adds else None,
        "split_at": split_at,
        "y2_leading": y2.leading if y2 else 0,
    }


def _finish(building: Building, node: Node, op: Fused) -> dict[str, Tensor | None]:
    """The tensors of `_finishing`."""
    y, y2, _ = _outputs(building, node)
    filters = op.core.features if isinstance(op.core, Linear) else op.core.filters
    return {
        "scales": scales.factors(building, node),
        "bias": building.vector(node, "bias", filters) if op.core.bias is not False else None,
        "residual": building.input(node, 1) if op.adds else None,
        "y": y,
        "y2": y2,
    }


def _outputs(building: Building, node: Node) -> tuple[View, View | None, int]:
    """(first output, second output, the first filter of the second or 0)."""
    split = building.split(node.name)
    if split is None:
        return building.view(node.name), None, 0
    return (split.first, split.rest, split.at) if split.rest.channels else (split.first, None, 0)


def _linear(building: Building, node: Node, op: Fused) -> None:
    """A convolution by a kernel as large as the map that it reads."""
    x, core = building.input(node), op.core
    assert isinstance(core, Linear)
    packed = apply("over_map", node.recipe("weight"), *x.size)
    shape = (core.features, *x.size, x.channels)
    (weight,) = scales.weights(building, node, x.dtype, (packed, shape))
    problem = linear_problem(building, node)
    building.launch("conv_gemm", problem, {"x": x, "w": weight, **_finish(building, node, op)}, node.name)


def linear_problem(building: Building, node: Node) -> conv_gemm.Problem:
    """That of a linear layer alone."""
    op = node.op
    assert isinstance(op, Fused) and isinstance(op.core, Linear)
    x = building.input(node)
    conv = Conv(x.size, op.core.features, pad=(0, 0, 0, 0), bias=op.core.bias)
    return _problem(building, node, op, x, conv)


def _grouped(building: Building, node: Node, op: Fused, core: Conv) -> None:
    x = building.input(node)
    problem = _problem(building, node, op, x, core)
    each = x.channels // core.groups
    if each == 1:
        weight, kernel = building.weight(node, "weight", (*core.kernel, core.filters), "taps_first"), "depthwise"
    else:
        together = conv_grouped.bundle_groups(core.groups, each)
        bundled = (core.filters, *core.kernel, together * each)
        weight = building.weight(node, "weight", bundled, "bundle", core.groups, together)
        problem, kernel = conv_grouped.bundled_problem(problem, core.groups), "conv_gemm"
    building.launch(kernel, problem, {"x": x, "w": weight, **_finish(building, node, op)}, node.name)


def prologue_problem(building: Building, node: Node) -> conv1x1_pre.Problem:
    """That of a 1x1 convolution with a prologue."""
    op = node.op
    assert isinstance(op, Fused) and isinstance(op.core, Conv)
    x, core = building.input(node), op.core
    pool = op.prologue[-1] if isinstance(op.prologue[-1], Pool) else None
    pointwise = (each for each in op.prologue if not isinstance(each, Affine | Pool))
    window: dict[str, Any] = {"stride": core.stride}
    if pool is not None:
        window = {"kernel": pool.kernel, "stride": pool.stride, "sides": pool.pad}
    return conv1x1_pre.Problem(
        building.dtype,
        building.batch,
        x.height,
        x.width,
        x.channels,
        core.filters,
        _outputs(building, node)[0].size,
        x.leading,
        affine=isinstance(op.prologue[0], Affine),
        prologue=tuple(map(expression, pointwise)),
        maximum=isinstance(pool, Maxpool),
        count_padding=not isinstance(pool, Avgpool) or pool.counts_padding,
        precision=building.products,  # type: ignore[arg-type]
        **window,
        **_finishing(building, node, op),
    )


def lower_prologue(
    building: Building,
    node: Node,
    problem: conv1x1_pre.Problem,
    *,
    kept: View | None = None,
    beside: tuple[str, ...] = (),
) -> None:
    """A 1x1 convolution with a prologue, perhaps with what that makes stored as `kept` for others."""
    op, x = node.op, building.input(node)
    assert isinstance(op, Fused)
    shape = (problem.filters, 1, 1, x.channels)
    tensors: dict[str, Tensor | None] = {"x": x, "w": building.weight(node, "weight", shape, "pixels_last", x.channels)}
    if problem.affine:
        tensors |= {name: building.vector(node, name, x.channels) for name in ("scale", "shift")}
    tensors |= {**_finish(building, node, op), "kept": kept}
    building.launch("conv1x1_pre", problem, tensors, *beside, node.name)


def two_sources(building: Building, node: Node) -> tuple[Node, Node] | None:
    """The two tensors, a strided look at one perhaps, that a joined projection shortcut reads; see `absorbed`."""
    stack = building.graph[node.inputs[0]] if node.inputs else node
    return None if stack.name in building.layout.views else tuple(building.graph[name] for name in stack.inputs)  # type: ignore[return-value]


def is_stack(concat: Node, readers: tuple[Node, ...]) -> bool:
    """Whether the pass for projection shortcuts made this concat, so that no kernel ever needs it in memory."""
    two = isinstance(concat.op, Concat) and len(concat.inputs) == 2
    return two and len(readers) == 1 and joined(readers[0])


def joined(node: Node) -> bool:
    """Whether a convolution was joined with a projection shortcut, and so has two sources."""
    recipe = node.recipes.get("weight")
    return isinstance(recipe, Apply) and recipe.function == "concat_columns"


def _two_sources(building: Building, node: Node, op: Fused, first: Node, second: Node) -> None:
    x, x2 = (_read(building, each)[0] for each in (first, second))
    w, w2 = joined_weights(building, node, x.dtype, x.channels, x2.channels)
    tensors: dict[str, Tensor | None] = {"x": x, "w": w, "x2": x2, "w2": w2}
    problem = joined_problem(building, node, first, second)
    building.launch("conv_gemm", problem, {**tensors, **_finish(building, node, op)}, node.name)


def joined_problem(building: Building, node: Node, first: Node, second: Node) -> conv_gemm.Problem:
    """That of a convolution of two sources."""
    op = node.op
    assert isinstance(op, Fused) and isinstance(op.core, Conv)
    x, stride = _read(building, first)
    return replace(
        _problem(building, node, op, x, replace(op.core, stride=stride)), second=second_source(building, second)[0]
    )


def second_source(building: Building, node: Node) -> tuple[conv_gemm.Second, View]:
    """A tensor as the second source of a convolution, and where it lies."""
    x, stride = _read(building, node)
    return conv_gemm.Second(x.height, x.width, x.channels, x.leading, stride), x


def joined_weights(building: Building, node: Node, dtype: Dtype, *channels: int) -> list[Packed]:
    """Those of each source, of so many channels, in a type."""
    op, stack = node.op, node.recipe("weight")
    assert isinstance(op, Fused) and isinstance(op.core, Conv)
    packed, start = [], 0
    for count in channels:
        columns = apply("columns", stack, start, start + count)
        packed.append((apply("pixels_last", columns, count), (op.core.filters, 1, 1, count)))
        start += count
    return scales.weights(building, node, dtype, *packed)


def _read(building: Building, node: Node) -> tuple[View, tuple[int, int]]:
    """A tensor and the stride at which it is read."""
    if isinstance(node.op, Subsample) and node.name not in building.layout.views:
        return building.input(node), node.op.stride
    return building.view(node.name), (1, 1)
