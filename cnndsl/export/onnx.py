"""A network as a file of ONNX whose nodes are called like the layers, each with its line; ONNX Runtime runs it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnndsl.backends.torch.engines import session
from cnndsl.backends.torch.names import free
from cnndsl.backends.torch.recording import layer_path, place, to_onnx
from cnndsl.errors import ExportError
from cnndsl.export.form import Job
from cnndsl.ir.graph import Graph
from cnndsl.version import __version__

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 2**31 - 2**20  # bytes of a message of protobuf, less some for the nodes
SYMBOL = re.compile(r"[A-Za-z_]\w*")


class OnnxFile:
    """A model in memory, run by ONNX Runtime."""

    def __init__(self, job: Job) -> None:
        import onnx
        import onnx_ir

        size = sum(tensor.nbytes for tensor in job.steps.state_dict().values())
        if size > LARGEST:
            raise ExportError(f"the weights take {size:,} bytes, and a file of ONNX holds no more than 2 GiB")
        model = to_onnx(job.recorded.program)
        _drop_made_biases(model, job.steps.keys)
        name_everything(model, job)
        self.model = onnx_ir.to_proto(model)
        onnx.checker.check_model(self.model, full_check=True)
        self.content = self.model.SerializeToString()
        self.session = session(self.content)
        self.paths = {node.name: node.output[0] for node in self.model.graph.node if node.name in job.steps.graph}

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return _run(self.session, inputs)

    def layers(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        import onnx

        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.graph.output[:]
        for value in self.paths.values():
            model.graph.output.append(onnx.helper.make_tensor_value_info(value, onnx.TensorProto.FLOAT, None))
        return dict(zip(self.paths, _run(session(model.SerializeToString()), inputs), strict=True))


def _run(session: Any, inputs: Sequence[Tensor]) -> list[Tensor]:
    import torch

    feed = {given.name: tensor.numpy() for given, tensor in zip(session.get_inputs(), inputs, strict=True)}
    return [torch.from_numpy(array) for array in session.run(None, feed)]


def _drop_made_biases(model: Any, keys: Mapping[str, str]) -> None:
    """PyTorch's exporter gives convolutions without a bias one of zeros; a reader would take it for a learned one."""
    initializers = model.graph.initializers
    for node in model.graph:
        bias = node.inputs[2] if node.op_type == "Conv" and len(node.inputs) == 3 else None
        if bias is None or bias.name in keys or bias.name not in initializers or bias.const_value.numpy().any():
            continue
        node.resize_inputs(2)
        if not bias.uses():
            del initializers[bias.name]


def name_everything(model: Any, job: Job) -> None:
    """Call nodes and tensors by layers, inputs and outputs as the network does, and open sizes as what they are."""
    graph = job.steps.graph
    model.producer_name, model.producer_version = "cnndsl", __version__
    model.graph.name = graph.name
    model.metadata_props.clear()
    _name_sizes(model, job)
    _name_weights(model, job.steps.keys)
    _name_nodes(model, graph)
    for value, node in zip(model.graph.inputs, graph.inputs, strict=True):
        value.name = node.name
    for value, name in zip(model.graph.outputs, output_names(graph), strict=True):
        value.name = name


def output_names(graph: Graph) -> list[str]:
    """The outputs' names, apart from those of inputs, which may be outputs as well."""
    taken = {node.name for node in graph.inputs}
    return [free(output.name, taken) for output in graph.outputs]


def _name_sizes(model: Any, job: Job) -> None:
    """PyTorch numbers its symbols; they become `batch`, `height` and `width`, in whatever they are part of."""
    import onnx_ir

    known: dict[str, str] = {}
    for value, axes in zip(model.graph.inputs, job.recorded.open_sizes, strict=True):
        for axis, called in axes.items():
            known |= dict.fromkeys(SYMBOL.findall(str(value.shape[axis])), called)
    for value in _values(model.graph):
        value.metadata_props.clear()
        if value.shape is not None:
            said = [SYMBOL.sub(lambda found: known.get(found[0], found[0]), str(each)) for each in value.shape]
            value.shape = onnx_ir.Shape(int(each) if each.isdigit() else each for each in said)


def _values(graph: Any) -> list[Any]:
    return [*graph.inputs, *(value for node in graph for value in node.outputs)]


def _name_weights(model: Any, keys: Mapping[str, str]) -> None:
    for name, value in list(model.graph.initializers.items()):
        value.name = keys.get(name, name)


def _name_nodes(model: Any, graph: Graph) -> None:
    """The last node of a layer has its path and so has its result; nodes before it have their operator behind it."""
    paths = {node: layer_path(node) for node in model.graph}
    last = {path: node for node, path in paths.items()}
    outputs = output_names(graph)
    taken = {*graph.taken_names(), *model.graph.initializers, *outputs}
    for node, path in paths.items():
        node.metadata_props.clear()
        node.name = path
        if not path or node is not last[path]:
            node.name = free(f"{path or 'shape'}/{node.op_type}", taken)
            taken.add(node.name)
        if path:
            node.doc_string = place(graph[path])
        for number, value in enumerate(node.outputs):
            value.name = f"{node.name}/{number}" if number or node.name in outputs else node.name
