"""PyTorch's operators as units: one small function for each that needs more than its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from cnndsl.alignment import turning, units
from cnndsl.alignment.exported_program import (
    Arguments,
    Held,
    Reading,
    add_any,
    axis_of,
    flowing_in,
    held_in,
    innermost_module,
    listed,
    pair,
    shape_of,
    word,
)
from cnndsl.alignment.one_layer import STANDARDIZED
from cnndsl.alignment.spatial_operators import SPATIAL

if TYPE_CHECKING:
    from torch import fx

Read = Callable[[Reading, "fx.Node", Arguments], Any]

# What hands its input on, perhaps in another shape.
MOVES = turning.TURNS | frozenset(
    {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "expand", "expand_as"}
    | {"contiguous", "clone", "alias", "detach", "to", "_to_copy"}
)


def read_operator(reading: Reading, node: fx.Node, word: str, given: Arguments) -> Any:
    """What a node stands for, after adding the units it needs."""
    flowing = list(flowing_in(given))
    if not flowing:
        return _of_kept(word, node, list(held_in(given)))
    if word in MOVES:
        groups = _shuffled_groups(node)
        description = units.plain("channel_shuffle", {"groups": groups}) if groups else turning.moved(reading, node)
        return reading.add(node, description, (flowing[0],))
    turning.passed_on(reading, node)
    return OPERATORS.get(word, add_any)(reading, node, given)


def _of_kept(word: str, node: fx.Node, held: list[Held]) -> Held:
    """Something made of kept tensors alone; those that are turned are no longer the same."""
    shape = tuple(getattr(node.meta.get("val"), "shape", ()))
    if not held:
        return Held("a constant", shape, computed=True)
    turned = word in turning.TURNS and sum(n > 1 for n in shape) > 1
    return Held(held[0].name, shape, held[0].computed or word not in MOVES or turned)


# --- layers with weights


def _conv(reading: Reading, node: fx.Node, given: Arguments) -> str:
    weight, bias, dilation = given["weight"], given["bias"], pair(given["dilation"])
    rows, columns = pair(_padding(given))
    source, stride, groups = given["input"], pair(given["stride"]), given["groups"]
    if weight.shape[2:] == (1, 1) and not rows and not columns:
        source, stride = reading.builder.unskipped(source, stride)
    source, sides = reading.builder.unpadded(source, (rows, rows, columns, columns))
    size = pair(reading.builder[source].shape[1:])
    description = units.convolution(weight.shape, size, stride, sides, dilation, groups, bias is not None)
    path, kind = innermost_module(node)
    if weight.computed and kind.rpartition(".")[2] in STANDARDIZED:
        description = units.standardized(description, reading.module.get_submodule(path).eps)  # type: ignore[arg-type]
        weight = replace(weight, computed=False)
    return reading.add(node, description, (source,), {"weight": weight, "bias": bias})


def _padding(given: Arguments) -> Any:
    if given["padding"] == "valid":
        return 0
    if given["padding"] == "same":  # an even kernel pads unevenly, and then says so with an operator of its own
        kernel, dilation = given["weight"].shape[2:], pair(given["dilation"])
        return [step * (extent - 1) // 2 for step, extent in zip(dilation, kernel, strict=True)]
    return given["padding"]


def _conv_transpose(reading: Reading, node: fx.Node, given: Arguments) -> str:
    weight, source, bias = given["weight"], given["input"], given["bias"]
    inputs = prod(reading.builder[source].shape)
    stride, pad, output_pad, dilation = (
        pair(given[name]) for name in ("stride", "padding", "output_padding", "dilation")
    )
    description = units.transposed(
        weight.shape, inputs, stride, pad, output_pad, dilation, given["groups"], bias is not None
    )
    return reading.add(node, description, (source,), {"weight": weight, "bias": bias})


def _linear(reading: Reading, node: fx.Node, given: Arguments) -> str:
    weight, bias = given["weight"], given["bias"]
    filters, channels = weight.shape
    description = units.dense(filters, channels, bias is not None)
    return reading.add(node, description, (given["input"],), {"weight": weight, "bias": bias})


def _batch_norm(reading: Reading, node: fx.Node, given: Arguments) -> str:
    numbers = {"eps": given["eps"], "momentum": given["momentum"]}
    held = {role: given[name] for role, name in (("mean", "running_mean"), ("variance", "running_var"))}
    held |= {"weight": given["weight"], "bias": given["bias"]}
    return reading.add(node, units.norm("bn", shape_of(node)[0], numbers), (given["input"],), held)


def _layer_norm(reading: Reading, node: fx.Node, given: Arguments) -> str:
    shape, held = given["normalized_shape"], {"weight": given["weight"], "bias": given["bias"]}
    kind, facts = units.norm("layer_norm", shape[-1], {"eps": given["eps"]})
    facts |= {"over": str(shape)} if len(shape) > 1 else {}
    return reading.add(node, (kind, facts), (given["input"],), held)


def _group_norm(reading: Reading, node: fx.Node, given: Arguments) -> str:
    description = units.norm("group_norm", shape_of(node)[0], {"groups": given["num_groups"], "eps": given["eps"]})
    return reading.add(node, description, (given["input"],), {"weight": given["weight"], "bias": given["bias"]})


def _instance_norm(reading: Reading, node: fx.Node, given: Arguments) -> str:
    held = {"weight": given["weight"], "bias": given["bias"], "mean": given["running_mean"]}
    kind, facts = units.instance_norm(shape_of(node)[0], given["eps"], given["weight"] is not None)
    return reading.add(node, (kind, facts), (given["input"],), held | {"variance": given["running_var"]})


def _conv1d(reading: Reading, node: fx.Node, given: Arguments) -> str:
    """One filter that slides along the channels, where they lie as the one axis of a signal."""
    weight, bias, (padding,) = given["weight"], given["bias"], listed(given["padding"])
    kernel = weight.shape[-1]
    half = kernel // 2 if padding == "same" else padding
    unit = (given["stride"], given["dilation"]) == ([1], [1])
    if weight.shape[:2] != (1, 1) or not unit or kernel != 2 * half + 1:
        return add_any(reading, node, given)
    description, source = units.channel_conv(kernel, bias is not None), given["input"]
    image = reading.builder[source].shape  # which was made a signal, and will be an image again
    return reading.add(node, description, (source,), {"weight": weight, "bias": bias}, shape=image)


def _prelu(reading: Reading, node: fx.Node, given: Arguments) -> str:
    weight = given["weight"]
    return reading.add(
        node, units.plain("prelu", {"channels": prod(weight.shape)}), (given["self"],), {"weight": weight}
    )


# --- merges, and arithmetic with numbers and kept tensors


def _concat(reading: Reading, node: fx.Node, given: Arguments) -> str:
    sources, tensors = tuple(flowing_in(given)), given["tensors"]
    facts = {} if axis_of(node, given["dim"]) == 1 else {"axis": given["dim"]}
    facts |= {"constants": len(tensors) - len(sources)} if len(sources) < len(tensors) else {}
    return reading.add(node, units.plain("concat", facts), sources)


def _arithmetic(kind: str, reading: Reading, node: fx.Node, given: Arguments) -> str:
    """`add`, `sub`, `mul`, `div` of two tensors that flow, of one and a kept one, or of one and a number."""
    one, other = given["self"], given["other"]
    facts = {"alpha": given["alpha"]} if given.get("alpha", 1) != 1 else {}
    if isinstance(one, str) and one == other and kind == "mul":
        return reading.add(node, units.plain("square"), (one,))
    if isinstance(one, str) and isinstance(other, str):
        return reading.add(node, units.plain(kind, facts), (one, other))
    source, operand = (one, other) if isinstance(one, str) else (other, one)
    if isinstance(operand, Held):
        learned = {"mul": "learned_scale", "add": "learned_shift"}.get(kind, f"learned_{kind}")
        description = units.plain(learned, {"channels": prod(operand.shape), **facts})
        return reading.add(node, description, (source,), {"weight": operand})
    if kind == "mul" or (kind == "div" and given.get("rounding_mode") is None):
        return reading.add(node, units.scale(operand if kind == "mul" else 1 / operand), (source,))
    return reading.add(node, units.plain(kind, {"by": operand, **facts}), (source,))


def _stack(reading: Reading, node: fx.Node, given: Arguments) -> Any:
    """Tensors on a new first axis stay a list, since people take the mean over it next."""
    return list(given["tensors"]) if given["dim"] == 0 else add_any(reading, node, given)


def _mean(kind: str, reading: Reading, node: fx.Node, given: Arguments) -> str:
    source, axes = given["self"], sorted(axis % 4 for axis in given["dim"] or [])
    if isinstance(source, list) and axes == [0]:
        total = reading.add(node, units.plain("add"), tuple(source))
        return reading.add(node, units.scale(1 / len(source)), (total,))
    if isinstance(source, str) and len(reading.builder[source].shape) == 3 and axes == [1]:
        one_map = (1, *reading.builder[source].shape[1:])  # whose axis of channels may come later
        pooled = units.plain("channel_max" if kind == "maxpool" else "channel_mean")
        return reading.add(node, pooled, (source,), shape=one_map)
    if isinstance(source, str) and len(reading.builder[source].shape) == 3 and axes == [2, 3]:
        size = pair(reading.builder[source].shape[1:])
        return reading.add(node, units.adaptive(kind, (1, 1), size), (source,))
    return add_any(reading, node, given)


def _max(reading: Reading, node: fx.Node, given: Arguments) -> Any:
    """`torch.max`: of two tensors, or over an axis with the places too."""
    if "other" in given:
        return reading.add(node, units.plain("max"), (given["self"], given["other"]))
    if isinstance(node.meta["val"], list | tuple):
        return [_mean("maxpool", reading, node, given | {"dim": [given["dim"]]}), None]
    return add_any(reading, node, given)


# --- functions of one tensor


def _pow(reading: Reading, node: fx.Node, given: Arguments) -> str:
    if given.get("exponent") == 2:
        return reading.add(node, units.plain("square"), (given["self"],))
    return add_any(reading, node, given)


def _shuffled_groups(node: fx.Node) -> int | None:
    """The groups if this is the last of view, transpose(1, 2), view, with which people shuffle channels."""
    turned: Any = node.args[0]
    while word(turned) in ("contiguous", "clone"):
        turned = turned.args[0]
    if word(turned) != "transpose" or set(turned.args[1:]) != {1, 2} or node.meta["val"].dim() != 4:
        return None
    split = turned.args[0]
    inner, outer = split.meta["val"].shape, node.meta["val"].shape
    return int(inner[1]) if word(split) in ("view", "reshape") and inner[3:] == outer[2:] else None


def _renamed(kind: str, facts: dict[str, str], reading: Reading, node: fx.Node, given: Arguments) -> str:
    """A function some of whose arguments are facts under our names."""
    (source,) = flowing_in(given)
    return reading.add(node, units.plain(kind, {ours: given[theirs] for ours, theirs in facts.items()}), (source,))


def _dropout(mode: str, reading: Reading, node: fx.Node, given: Arguments) -> str:
    description = units.plain("dropout", {"p": given["p"], "mode": mode}) if given["p"] else units.IDENTITY
    return reading.add(node, description, tuple(flowing_in(given)))


def _hardtanh(reading: Reading, node: fx.Node, given: Arguments) -> str:
    if (given["min_val"], given["max_val"]) == (0, 6):
        return reading.add(node, units.plain("relu6"), (given["self"],))
    return add_any(reading, node, given)


def _softmax(reading: Reading, node: fx.Node, given: Arguments) -> str:
    facts = {} if axis_of(node, given["dim"]) == 1 else {"axis": given["dim"]}
    return reading.add(node, units.plain("softmax", facts), (given["self"],))


OPERATORS: dict[str, Read] = {
    **SPATIAL,
    "conv2d": _conv,
    "conv_transpose2d": _conv_transpose,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "conv1d": _conv1d,
    "prelu": _prelu,
    "cat": _concat,
    "concat": _concat,
    **{kind: partial(_arithmetic, kind) for kind in ("add", "sub", "mul", "div")},
    "stack": _stack,
    "mean": partial(_mean, "avgpool"),
    "amax": partial(_mean, "maxpool"),
    "max": _max,
    "maximum": _max,
    "pow": _pow,
    "dropout": partial(_dropout, "element"),
    "feature_dropout": partial(_dropout, "channel"),
    "leaky_relu": partial(_renamed, "leaky_relu", {"slope": "negative_slope"}),
    "elu": partial(_renamed, "elu", {"alpha": "alpha"}),
    "softplus": partial(_renamed, "softplus", {"beta": "beta", "threshold": "threshold"}),
    "pixel_shuffle": partial(_renamed, "pixel_shuffle", {"factor": "upscale_factor"}),
    "pixel_unshuffle": partial(_renamed, "pixel_unshuffle", {"factor": "downscale_factor"}),
    "gelu": partial(_renamed, "gelu", {"approximate": "approximate"}),
    "channel_shuffle": partial(_renamed, "channel_shuffle", {"groups": "groups"}),
    "hardtanh": _hardtanh,
    "softmax": _softmax,
}
