"""How much of what a network in int8 gets wrong comes from which layer.

Beside the network in float stands a twin of each layer that is rounded: it reads what the layers in float give,
rounded, and has rounded weights. What its result differs by is the layer's own error. That changes the output by as
much as the output's slope there says, whose length random directions tell: each takes one backward pass for all layers
(Hutchinson 1989). Errors of rounding know little of each other, so their squares add up at the output, and each layer
has a share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from cnndsl.backends.torch.engines import session
from cnndsl.backends.torch.recording import place
from cnndsl.backends.torch.steps import Steps
from cnndsl.export import Exported
from cnndsl.ir.graph import Graph, Node
from cnndsl.quantizing.form import Loss
from cnndsl.quantizing.keeping import layer_of
from cnndsl.quantizing.qdq import DEQUANTIZE, PAIR

if TYPE_CHECKING:
    from numpy.typing import NDArray

TWIN = "/int8"
# What moves values, or cuts them off, computes none: whatever reads them rounds them just so, and has the error.
MOVING = ("MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Split", "Slice")
PASSING = (*MOVING, "Relu", "Clip")
DIRECTIONS = 4  # for each picture

Run = Callable[["NDArray[Any]"], dict[str, Tensor]]


class Sums(NamedTuple):
    """Of squares: of what a layer gives, of its error, and of that at the output in random directions."""

    length: float = 0.0
    error: float = 0.0
    felt: float = 0.0

    def and_of(self, plain: Tensor, error: Tensor, slopes: Iterable[Tensor | None]) -> Sums:
        felt = sum(float((slope * error).sum()) ** 2 for slope in slopes if slope is not None)
        return Sums(self.length + _square(plain), self.error + _square(error), self.felt + felt)


def losses(
    graph: Graph, exact: Exported, int8: bytes, pictures: Sequence[NDArray[Any]]
) -> tuple[float, tuple[Loss, ...]]:
    """On these pictures: how far the output is off, as a part of its length, and what every layer has to do with it."""
    import onnx

    steps = exact.steps
    in_float, rounded = onnx.load_from_string(exact.content), onnx.load_from_string(int8)
    nodes = {node.name: node for node in in_float.graph.node if node.name in steps.graph}
    twins = _twins(rounded)
    names = {name: node.output[0] for name, node in nodes.items() if node.op_type not in PASSING}
    names = {name: tensor for name, tensor in names.items() if tensor in twins}
    (output,) = (each.name for each in in_float.graph.output)
    tensors = dict.fromkeys([output, *names.values(), *(twins[tensor] for tensor in names.values())])
    beside, whole = _session(_beside(in_float, rounded, twins), tensors), _session(rounded, [output])
    generator = torch.Generator().manual_seed(0)
    sums, off, length = dict.fromkeys(names, Sums()), 0.0, 0.0
    for picture in pictures:
        plain = beside(picture)
        off += _square(whole(picture)[output] - plain[output])
        length += _square(plain[output])
        slopes = _slopes(steps, picture, list(names), generator)
        for name, tensor in names.items():
            sums[name] = sums[name].and_of(plain[tensor], plain[twins[tensor]] - plain[tensor], slopes[name])
    felt = sum(each.felt for each in sums.values())
    return _part(off, length), tuple(
        _loss(graph[name] if name in graph else steps.graph[name], sums.get(name), felt) for name in nodes
    )


def _slopes(
    steps: Steps, picture: NDArray[Any], layers: list[str], generator: torch.Generator
) -> dict[str, list[Tensor | None]]:
    """How the output, in random directions, depends on what each layer gives; None if it does not."""
    if not layers:
        return {}
    with torch.enable_grad():
        tensors = steps.tensors(torch.from_numpy(picture).requires_grad_())
    output, given = tensors[steps.graph.output.name], [tensors[name] for name in layers]
    passes = []
    for _ in range(DIRECTIONS):
        direction = torch.randn(output.shape, generator=generator)
        passes.append(torch.autograd.grad(output, given, direction, retain_graph=True, allow_unused=True))
    return {name: [each[at] for each in passes] for at, name in enumerate(layers)}


def _loss(node: Node, sums: Sums | None, felt: float) -> Loss:
    error, share = (None, 0.0) if sums is None else (_part(sums.error, sums.length), sums.felt / felt if felt else 0.0)
    return Loss(node.name, place(node), str(node.op), node.op.weighted, error, share)


def _square(tensor: Tensor) -> float:
    return float(tensor.double().square().sum())


def _part(error: float, length: float) -> float:
    return sqrt(error / length) if length else sqrt(error)


def _twins(rounded: Any) -> dict[str, str]:
    """What twins of layers give, by what the layers give: of those that read something rounded."""
    by_output = {output: node for node in rounded.graph.node for output in node.output}
    twins: dict[str, str] = {}
    for node in rounded.graph.node:
        makers = [by_output[name] for name in node.input if name in by_output]
        reads = any(each.op_type == DEQUANTIZE or _reads_twin(node, each, twins) for each in makers)
        if node.op_type not in PAIR and reads:
            twins |= {output: f"{output}{TWIN}" for output in node.output}
    return twins


def _reads_twin(node: Any, maker: Any, twins: Mapping[str, str]) -> bool:
    """Of what a twin reads, the parts of its own layer are twins too, and what only moves what was rounded."""
    return maker.output[0] in twins and (maker.op_type in MOVING or layer_of(maker) == layer_of(node))


def _beside(in_float: Any, rounded: Any, twins: Mapping[str, str]) -> Any:
    """The network in float, and the twins."""
    import onnx

    by_output = {output: node for node in rounded.graph.node for output in node.output}
    constants = {each.name for each in rounded.graph.initializer}  # biases may be others
    model = onnx.ModelProto()
    model.CopyFrom(rounded)
    kept = [each for each in model.graph.node if each.op_type in PAIR or each.output[0] in twins]
    for node in kept:
        for at, name in enumerate(node.input):
            maker = by_output.get(name)
            if name in constants or (maker and (maker.op_type in PAIR or _reads_twin(node, maker, twins))):
                node.input[at] = f"{name}{TWIN}"
        node.name = f"{node.name}{TWIN}"
        renamed = [f"{name}{TWIN}" for name in node.output]
        del node.output[:]
        node.output.extend(renamed)
    for each in model.graph.initializer:
        each.name = f"{each.name}{TWIN}"
    nodes = [*in_float.graph.node, *kept]
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(in_float.graph.initializer)
    return model


def _session(model: Any, outputs: Iterable[str]) -> Run:
    """From a picture to these tensors by their names."""
    import onnx

    names = list(outputs)
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    del tapped.graph.output[:]
    for name in names:
        tapped.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    made = session(tapped.SerializeToString())
    (given,) = made.get_inputs()
    return lambda picture: dict(zip(names, map(torch.from_numpy, made.run(None, {given.name: picture})), strict=True))
