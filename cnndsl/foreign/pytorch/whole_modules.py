"""Modules that are one layer to us and many operators, or none, to PyTorch: known by the name of their class.

A name alone proves nothing, nor does it have to: outputs are compared whenever a network is lifted or weights move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cnndsl.foreign.draft import Kept
from cnndsl.foreign.pixels import reshaped
from cnndsl.foreign.pytorch.reading import Flow, NoLayer, Reading, Value
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.normalization import Grn, Lrn
from cnndsl.ops.pooling import Avgpool, BlurPool
from cnndsl.ops.regularization import Dropout, DropPath
from cnndsl.ops.scale import WeightedAdd

if TYPE_CHECKING:
    from torch import fx, nn

# Whoever writes such a module calls its learned tensors so.
ROLES = {**dict.fromkeys(("weight", "gamma", "g"), "weight"), **dict.fromkeys(("bias", "beta", "b"), "bias")}


def _response_norm(module: Any) -> Op | None:
    return Lrn(module.size, alpha=module.alpha, beta=module.beta, k=module.k)


def _global_response_norm(module: Any) -> Op | None:
    return Grn(eps=getattr(module, "eps", 1e-6))


def _weighted_add(module: Any) -> Op | None:
    return WeightedAdd(normalize=module.normalize)


def _blur_pool(module: Any) -> Op | None:
    """Ours, or timm's if it mirrors its edges as ours does."""
    if getattr(module, "pad_mode", "reflect") != "reflect":
        return None
    kernel = module.kernel_size if hasattr(module, "kernel_size") else module.filt_size
    stride = module.stride
    return BlurPool(kernel, stride=(stride, stride) if isinstance(stride, int) else tuple(stride))


def _same_avgpool(module: Any) -> Op | None:
    counted = None if module.real_pixels else True
    return Avgpool(module.kernel_size, stride=module.stride, pad="same", count_include_pad=counted)


# By the class's name; None says that this one is another layer after all, and is read operator by operator.
ONE_LAYER: Mapping[str, Callable[[Any], Op | None]] = {
    "LocalResponseNorm": _response_norm,
    "GlobalResponseNorm": _global_response_norm,
    "GRN": _global_response_norm,
    "WeightedAdd": _weighted_add,
    "BlurPool": _blur_pool,
    "BlurPool2d": _blur_pool,
    "SameAvgPool2d": _same_avgpool,
}


def layer_of(module: nn.Module) -> Op | None:
    """The layer that a module is as a whole."""
    describe = ONE_LAYER.get(type(module).__name__)
    try:
        return describe(module) if describe else None
    except AttributeError:  # another library's class of that name
        return None


def read_whole(reading: Reading, op: Op, nodes: list[fx.Node], values: list[Value]) -> Flow:
    """All operators of a module as one layer, of what they read from outside."""
    flows = [reading.flow(each) for each in values if not isinstance(each, Kept | int | float)]
    if op.arity == 1:  # others read their one input again and again
        flows = flows[:1]
    shapes = [reading.shape(flow) for flow in flows]
    tensors = _tensors(op, [each for each in values if isinstance(each, Kept)], shapes)
    result = reading.add(nodes[-1], op, *(flow.step for flow in flows), tensors=tensors)
    return Flow(result.step, flows[0].axes) if reading.shape(result) == shapes[0] else result


def _tensors(op: Op, kept: list[Kept], shapes: list[Shape]) -> dict[str, Kept]:
    """Learned tensors by role; what is only computed with, such as a fixed kernel, has none."""
    roles = {ROLES.get(each.name.rpartition(".")[2], ""): each for each in kept}
    try:
        return {name: reshaped(roles[name], shape) for name, shape in op.parameters(*shapes).items()}
    except (LookupError, ValueError) as error:
        raise NoLayer("its learned tensors are not those of the layer that its class is called like") from error


# --- what drops something in training


def dropping(reading: Reading, node: fx.Node, module: nn.Module | None, block: str, value: Value) -> Value:
    """A module that passes its input on: what it does in training."""
    p = next((float(getattr(module, name)) for name in ("p", "drop_prob", "drop_rate") if _number(module, name)), None)
    if p is None:
        raise NoLayer(f"nothing says how much {block} drops")
    if p == 0:
        return value
    if not p < 1:
        raise NoLayer("it drops everything")
    flow = reading.flow(value)
    return Flow(reading.add(node, _drop(module, block.lower(), p), flow.step).step, flow.axes)


def _number(module: nn.Module | None, name: str) -> bool:
    return isinstance(getattr(module, name, None), int | float)


def _drop(module: nn.Module | None, block: str, p: float) -> Op:
    if "block" in block:
        raise NoLayer("no layer drops blocks of pixels")
    if "path" in block or "depth" in block or "connect" in block:
        return DropPath(p, mode="batch" if getattr(module, "mode", "row") == "batch" else "row")
    return Dropout(p, mode="channel" if block.endswith("2d") else "element")


def dropout(reading: Reading, node: fx.Node, given: dict[str, Value]) -> Value:
    """A dropout that is written as a function."""
    if given.get("train") and given["p"]:
        raise NoLayer("it drops values outside of training too")
    flow, p = reading.flow(given.get("input", given.get("self"))), float(given["p"])
    if not 0 < p < 1:
        return flow
    mode = "channel" if "feature" in str(node.target) else "element"
    return Flow(reading.add(node, Dropout(p, mode=mode), flow.step).step, flow.axes)
