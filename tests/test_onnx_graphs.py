"""Graphs that nobody here wrote: the onnx package's light models, run by ONNX Runtime.

Their weights are constants, under which every class gets the same probability; so both sides get the same random
weights instead, and the outputs before the softmax are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper
from oracles import relative_error

import cnndsl
from cnndsl import Architecture
from cnndsl.shipped import shipped

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
HERE = Path(__file__).parent / "onnx_graphs"


def googlenet_rounding_down() -> Architecture:
    """The zoo's GoogLeNet with pools that round down, which makes its last map 6x6."""
    text = (shipped("archs") / "googlenet.arch").read_text()
    text = text.replace(", round=ceil", "").replace("avgpool 7x7, /1 ", "global_avgpool  ")
    return cnndsl.loads(text, "googlenet", input=(3, 224, 224))


GRAPHS = {
    "bvlc_alexnet": lambda: cnndsl.load(HERE / "alexnet_bvlc.arch"),
    "densenet121": lambda: cnndsl.load("densenet121"),
    "inception_v1": googlenet_rounding_down,
    "resnet50": lambda: cnndsl.load("resnet50"),
    "squeezenet": lambda: cnndsl.load("squeezenet1_1"),
    "vgg19": lambda: cnndsl.load("vgg19"),
    "zfnet512": lambda: cnndsl.load(HERE / "zfnet512.arch"),
}


def before_the_softmax(model: onnx.ModelProto) -> str:
    last = model.graph.node[-1]
    return last.input[0] if last.op_type == "Softmax" else last.output[0]


def with_random_weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Replace the constants that stand for weights by random values of their shapes; gives them by name."""
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    shapes = {name: values.shape for name, values in known.items() if values.dtype == np.float32}
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            shapes[node.output[0]] = tuple(int(size) for size in known[node.input[0]])
    random = np.random.default_rng(0)
    weights: dict[str, np.ndarray] = {}
    for name, shape in shapes.items():
        values = np.asarray(random.random(shape, dtype=np.float32))
        if len(shape) > 1:  # kernels, on He's scale
            weights[name] = (values - np.float32(0.5)) * np.float32(np.sqrt(24 / np.prod(shape[1:])))
        else:  # what scales, shifts or is a variance: around one
            weights[name] = 1 + values / 10
    nodes = [node for node in model.graph.node if node.op_type != "ConstantOfShape"]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in weights]
    del model.graph.initializer[:]
    model.graph.initializer.extend(
        [*kept, *(numpy_helper.from_array(values, name) for name, values in weights.items())]
    )
    return weights


def folded_parameters(model: onnx.ModelProto, weights: dict[str, np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Each weighted node's tensors in PyTorch's order; a multiplication and addition after a bn belong to it."""
    views = dict(weights)
    nodes = list(model.graph.node)
    for node in nodes:
        if node.op_type == "Unsqueeze":
            views[node.output[0]] = weights[node.input[0]]
        if node.op_type == "Reshape" and node.input[0] in weights:
            views[node.output[0]] = weights[node.input[0]].reshape(weights[node.input[0]].shape[0], -1)
    for at, node in enumerate(nodes):
        if node.op_type in ("Conv", "Gemm"):
            yield [views[name] for name in node.input[1:]]
        elif node.op_type == "BatchNormalization":
            scale, shift, mean, variance = (weights[name] for name in node.input[1:])
            following = [n for n in nodes[at + 1 : at + 5] if n.op_type in ("Mul", "Add")]
            if len(following) == 2 and following[0].input[0] == node.output[0]:
                factor, term = (views[n.input[1]] for n in following)
                scale, shift = scale * factor, shift * factor + term
            yield [scale, shift, mean, variance]


def load_in_order(module: torch.nn.Module, groups: list[list[np.ndarray]]) -> None:
    """Copy the groups into the weighted layers of a module, in order; shapes and numbers of tensors must agree."""
    layers = [layer for layer in module.modules() if next(layer.parameters(recurse=False), None) is not None]
    assert len(layers) == len(groups)
    with torch.no_grad():
        for layer, group in zip(layers, groups, strict=True):
            tensors = [t for name, t in layer.state_dict().items() if name != "num_batches_tracked"]
            assert len(tensors) == len(group)
            for tensor, values in zip(tensors, group, strict=True):
                tensor.copy_(torch.from_numpy(values).reshape(tensor.shape))


LARGE = ("vgg19", "zfnet512")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in GRAPHS]
)
def test_the_zoo_computes_what_the_graph_computes(name: str) -> None:
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    weights = with_random_weights(model)
    logits = before_the_softmax(model)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(logits, onnx.TensorProto.FLOAT, None))
    network = GRAPHS[name]()
    module = network.compile().eval()
    groups = list(folded_parameters(model, weights))
    load_in_order(without_heads(module, network), groups)
    image = np.random.default_rng(1).standard_normal((1, *network.input_shape)).astype(np.float32)
    fed = {i.name: image for i in model.graph.input if "data" in i.name}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (wanted,) = session.run([logits], fed)
    with torch.inference_mode():
        ours = module(torch.from_numpy(image)).flatten()
    assert relative_error(ours, torch.from_numpy(np.asarray(wanted)).flatten()) < 1e-5


def without_heads(module: torch.nn.Module, network: Architecture) -> torch.nn.Module:
    """The module without the parts that only train-only heads need, which the graphs do not have."""
    kept = {node.name.partition(".")[0] for node in network.graph.inference()}
    return torch.nn.ModuleDict({name: child for name, child in module.named_children() if name in kept})
