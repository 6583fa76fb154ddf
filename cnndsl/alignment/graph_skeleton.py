"""Our side of a comparison: the skeleton of a graph, from its layers alone and without torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial, reduce
from typing import Any

from cnndsl.alignment import units
from cnndsl.alignment.skeleton import Builder, Skeleton, Slot, Unit
from cnndsl.alignment.units import Description
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import Op, Shape, show_shape
from cnndsl.ops.convolution import WsConv
from cnndsl.ops.images import Sides
from cnndsl.passes.drop_unused import drop_unused
from cnndsl.passes.settle_bias import settle_bias

NONE: Sides = (0, 0, 0, 0)

# The tensors of a layer by role; others keep their name.
ROLES = {"running_mean": "mean", "running_var": "variance"}


def skeleton_of(graph: Graph) -> Skeleton:
    """The skeleton of a network as its author wrote it; units are called as their nodes."""
    return _skeleton(graph, graph.name, {})


def foreign_skeleton(network: ForeignNetwork, *, heads: bool = True) -> Skeleton:
    """The skeleton of a network of others, with its own names of tensors, and without `heads` as it is in inference."""
    tensors = network.source_tensors()
    slots = {key: Slot(name := network.called(key), tuple(tensors[name].shape)) for key in network.tensors}
    return _skeleton(network.graph if heads else network.graph.inference(), network.title, slots)


def _skeleton(graph: Graph, title: str, kept: Mapping[str, Slot]) -> Skeleton:
    graph = drop_unused(settle_bias(graph))
    builder = Builder(title)
    known: dict[str, str] = {}
    for node in graph:
        sources = tuple(known[source] for source in node.sources)
        place = Place(builder, node, sources, graph.input_shapes(node), slots_of(graph, node, kept))
        known[node.name] = ADDERS.get(node.op.word, _add)(place)
    return builder.finish(known[output.node] for output in graph.outputs)


def slots_of(graph: Graph, node: Node, kept: Mapping[str, Slot]) -> dict[str, Slot]:
    """The tensors of a node by role, as their source keeps them. PyTorch's count of batches is left out, as nothing
    computes with it.
    """
    inputs = graph.input_shapes(node)
    shapes = {name: tuple(shape) for name, shape in node.op.parameters(*inputs).items()}
    shapes |= {name: tuple(buffer.shape) for name, buffer in node.op.buffers(*inputs).items() if buffer.shape}
    slots = {ROLES.get(name, name): Slot(node.key(name), shape) for name, shape in shapes.items()}
    return {role: kept.get(slot.name, slot) for role, slot in slots.items()}


@dataclass(frozen=True)
class Place:
    """A node, what it reads under the builder's names, and its tensors."""

    builder: Builder
    node: Node
    sources: tuple[str, ...]
    shapes: tuple[Shape, ...]
    slots: dict[str, Slot]

    @property
    def op(self) -> Any:
        return self.node.op

    def add(
        self, description: Description, sources: tuple[str, ...] | None = None, *, shape: Shape | None = None
    ) -> str:
        """Add the unit of the node, or with a `shape` a step before it, which has none of its tensors."""
        unit = self.unit(description, sources)
        return self.builder.add(unit if shape is None else replace(unit, shape=shape, slots={}))

    def unit(self, description: Description, sources: tuple[str, ...] | None = None) -> Unit:
        sources = self.sources if sources is None else sources
        return Unit(self.name, *description, sources, self.node.shape, self.slots, self.node.name)

    @property
    def name(self) -> str:
        """Tensors' names begin with that of their layer."""
        for slot in self.slots.values():
            if not slot.name.startswith(f"{self.node.again or self.node.name}."):
                return slot.name.rpartition(".")[0] or slot.name
        return self.node.name


def _add(place: Place) -> str:
    describe = DESCRIPTIONS.get(place.op.word)
    description = describe(place.op, *place.shapes) if describe else _own_words(place.op)
    before = place.builder[place.sources[0]] if len(place.sources) == 1 else None
    if place.op.pointwise is True and not place.slots and before is not None and before.kind == "flatten":
        computed = place.add(description, before.inputs, shape=place.builder[before.inputs[0]].shape)
        return place.builder.add(replace(before, inputs=(computed,)))
    return place.add(description)


def _own_words(op: Op) -> Description:
    shown = {each.name.replace("_", " "): getattr(op, each.name) for each in fields(op)} if is_dataclass(op) else {}
    return units.plain(op.word, shown)


def _add_convolution(place: Place) -> str:
    op = place.op.conv(place.shapes[0][0])
    source = place.sources[0]
    sides = op.sides_on(place.shapes[0][1:])
    if op.pad_mode != "zero" and any(sides):
        facts = {"sides": sides, "mode": op.pad_mode, "value": 0}
        source, sides = place.add(units.plain("pad", facts), (source,), shape=_padded(place.shapes[0], sides)), NONE
    source, sides = place.builder.unpadded(source, sides)
    stride = op.stride
    if op.kernel == (1, 1) and not any(sides):
        source, stride = place.builder.unskipped(source, stride)
    _, height, width = place.builder[source].shape
    weight, bias = op.parameters(*place.shapes)["weight"], "bias" in place.slots
    description = units.convolution(weight, (height, width), stride, sides, op.dilation, op.groups, bias)
    if isinstance(place.op, WsConv):
        description = units.standardized(description, place.op.eps)
    return place.add(description, (source,))


def _padded(shape: Shape, sides: Sides) -> Shape:
    return (shape[0], shape[1] + sides[0] + sides[1], shape[2] + sides[2] + sides[3])


def _add_mean(place: Place, count: int) -> str:
    """The mean of the first `count` inputs."""
    total = place.add(units.plain("add"), place.sources[:count])
    return place.add(units.scale(1 / count), (total,))


def _add_pad(place: Place) -> str:
    unit, op = place.unit(_own_words(place.op)), place.op
    return place.builder.pad(unit, op.sides, op.value) if op.mode == "zero" else place.builder.add(unit)


def _add_difference(place: Place) -> str:
    """Others take one away after the other."""
    first, *others = place.sources
    return reduce(lambda left, other: place.add(units.plain("sub"), (left, other)), others, first)


def _add_pool(kind: str, place: Place) -> str:
    op, value = place.op, 0.0 if kind == "avgpool" else -math.inf
    counted, ceil, sides = getattr(op, "counts_padding", True), op.ceil, op.sides(place.shapes[0])
    if not op.native:  # others have to pad themselves, and as far as the last window reaches
        ceil, sides = False, _reached(op, place.shapes[0], place.node.shape)
    source = place.sources[0]
    if counted and not ceil:
        source, sides = place.builder.unpadded(source, sides, value)
    _, height, width = place.builder[source].shape
    description = units.pool(kind, op.kernel, op.stride, sides, (height, width), ceil=ceil, include_pad=counted)
    if op.kernel == (1, 1) and description[0] == kind and not any(sides):
        return place.builder.skip(place.unit(description, (source,)), op.stride)
    return place.add(description, (source,))


def _reached(op: Any, before: Shape, after: Shape) -> Sides:
    """The padding, with as much more at the ends as the last windows hang over."""
    top, bottom, left, right = op.sides(before)
    below = (after[1] - 1) * op.stride[0] + op.kernel[0] - before[1] - top
    beyond = (after[2] - 1) * op.stride[1] + op.kernel[1] - before[2] - left
    return top, max(bottom, below), left, max(right, beyond)


ADDERS: dict[str, Callable[[Place], str]] = {
    "conv": _add_convolution,
    "depthwise": _add_convolution,
    "ws_conv": _add_convolution,
    "mean": lambda place: _add_mean(place, len(place.sources)),
    "fractal_join": lambda place: _add_mean(place, len(place.sources) - 1),  # the last is read in training alone
    "maxpool": partial(_add_pool, "maxpool"),
    "avgpool": partial(_add_pool, "avgpool"),
    "sub": _add_difference,
    "pad": _add_pad,
}


def _transposed(op: Any, shape: Shape) -> Description:
    weight, pad, bias = op.parameters(shape)["weight"], (op.pad[0], op.pad[2]), op.bias is not False
    return units.transposed(weight, math.prod(shape), op.stride, pad, op.output_pad, op.dilation, op.groups, bias)


def _norm(kind: str, op: Any, shape: Shape) -> Description:
    return units.norm(kind, shape[0], {each.name: getattr(op, each.name) for each in fields(op)})


def _response_norm(op: Any, shape: Shape) -> Description:
    """In PyTorch's form, where `alpha` multiplies a mean."""
    alpha = op.alpha if op.average else op.alpha * op.size
    return units.plain("lrn", {"size": op.size, "alpha": alpha, "beta": op.beta, "k": op.k})


def _part(op: Any, shape: Shape) -> Description:
    """Channels or pixels that are cut out, if anything is left out."""
    return units.IDENTITY if op.output(shape) == shape else _own_words(op)


def _scale(op: Any, shape: Shape) -> Description:
    return units.plain("learned_scale", {"channels": op.weights(shape)}) if op.learned else units.scale(op.factor)


def _resized(op: Any, shape: Shape, *others: Shape) -> Description:
    _, *before = shape
    _, *after = op.output(shape, *others)
    return units.resized((before[0], before[1]), (after[0], after[1]), op.mode, op.align_corners)


def _dropping(op: Any, shape: Shape) -> Description:
    return units.plain(op.word, {"p": op.p, "mode": op.mode}) if op.p else units.IDENTITY


DESCRIPTIONS: dict[str, Callable[..., Description]] = {
    "unread": lambda op, *shapes: units.plain(op.operator, dict(op.facts)),
    "input": lambda op: units.plain("input", {"shape": show_shape(op.shape)}),
    "conv_transpose": _transposed,
    "linear": lambda op, shape: units.dense(op.features, shape[0], op.bias is not False),
    "bn": partial(_norm, "bn"),
    "layer_norm": partial(_norm, "layer_norm"),
    "group_norm": partial(_norm, "group_norm"),
    "lrn": _response_norm,
    "global_avgpool": lambda op, shape: units.adaptive("avgpool", (1, 1), shape[1:]),
    "global_maxpool": lambda op, shape: units.adaptive("maxpool", (1, 1), shape[1:]),
    "adaptive_avgpool": lambda op, shape: units.adaptive("avgpool", op.size, shape[1:]),
    "adaptive_maxpool": lambda op, shape: units.adaptive("maxpool", op.size, shape[1:]),
    "flatten": lambda op, shape: units.flattened(op.order, shape),
    "upsample": _resized,
    "resize": _resized,
    "instance_norm": partial(_norm, "instance_norm"),
    "grn": partial(_norm, "grn"),
    "channel_slice": _part,
    "crop": _part,
    "scale": _scale,
    "prelu": lambda op, shape: units.plain("prelu", {"channels": shape[0]}),
    "dropout": _dropping,
    "drop_path": _dropping,
}
