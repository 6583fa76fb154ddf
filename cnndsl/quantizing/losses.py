"""What rounding to int8 changes of what each layer gives.

A layer's own loss is that of its rounded inputs and weights alone: beside the network in float stands a twin of each
layer that is rounded, which reads what the float layers before it give. In the whole network losses come together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from cnndsl.backends.torch.engines import session
from cnndsl.ir.graph import Graph
from cnndsl.quantizing.form import Loss
from cnndsl.quantizing.keeping import layer_of
from cnndsl.quantizing.qdq import DEQUANTIZE, PAIR

if TYPE_CHECKING:
    from numpy.typing import NDArray

TWIN = "/int8"
# What moves values and computes none: what follows reads numbers that were rounded before.
PASSING = ("MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Concat", "Split", "Slice")


def losses(exact: bytes, int8: bytes, graph: Graph, pictures: Sequence[NDArray[Any]]) -> tuple[Loss, ...]:
    """Of every layer that is one in the files, on these pictures."""
    import onnx

    in_float, rounded = onnx.load_from_string(exact), onnx.load_from_string(int8)
    layers = {node.output[0]: node for node in in_float.graph.node if node.name == layer_of(node) and node.doc_string}
    twins = _twins(rounded)
    twinned = {name: twins[name] for name in layers if name in twins}
    beside = _session(_beside(in_float, rounded, twins), [*layers, *twinned.values()])
    whole = _session(rounded, layers)
    own, together = dict.fromkeys(twinned, _Apart()), dict.fromkeys(layers, _Apart())
    for picture in pictures:
        plain, all_rounded = beside(picture), whole(picture)
        own = {name: own[name].and_of(plain[name], plain[twin]) for name, twin in twinned.items()}
        together = {name: together[name].and_of(plain[name], all_rounded[name]) for name in layers}
    return tuple(_loss(node, graph, own.get(name), together[name]) for name, node in layers.items())


def _loss(node: Any, graph: Graph, own: _Apart | None, together: _Apart) -> Loss:
    op = graph[node.name].op if node.name in graph else None
    words, weighted = (node.op_type, False) if op is None else (str(op), op.weighted)
    return Loss(node.name, node.doc_string, words, weighted, None if own is None else own.part, together.part)


class _Apart(NamedTuple):
    """Sums of squares: of differences, and of what is in float."""

    apart: float = 0.0
    length: float = 0.0

    def and_of(self, plain: NDArray[Any], rounded: NDArray[Any]) -> _Apart:
        difference, own = (plain - rounded).ravel(), plain.ravel()
        return _Apart(self.apart + float(difference @ difference), self.length + float(own @ own))

    @property
    def part(self) -> float:
        return sqrt(self.apart / self.length) if self.length else sqrt(self.apart)


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
    return maker.output[0] in twins and (maker.op_type in PASSING or layer_of(maker) == layer_of(node))


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


def _session(model: Any, outputs: Iterable[str]) -> Callable[[NDArray[Any]], dict[str, NDArray[Any]]]:
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
    return lambda picture: dict(zip(names, made.run(None, {given.name: picture}), strict=True))
