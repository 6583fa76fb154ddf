"""Whole ONNX files: the light models of the `onnx` package, what torch exports, and files that are broken."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnx_cases import CASES, Case, c
from random_networks import random_network
from test_foreign_onnx import error, layers
from test_onnx_graphs import LIGHT, with_random_weights

import cnndsl
from cnndsl.alignment.difference import differences
from cnndsl.alignment.graph_skeleton import skeleton_of
from cnndsl.errors import Error, LiftError
from cnndsl.foreign.modules import build_foreign
from cnndsl.foreign.onnx.read import read_onnx
from cnndsl.ir import Graph
from cnndsl.ir.verify import verify

CONV = c("", "y = Conv <pads=[1,1,1,1]> (x, w)", w=(6, 4, 3, 3))
LARGE = ("bvlc_alexnet", "vgg19", "zfnet512", "densenet121", "inception_v2")  # of much to read, or of many steps


def light(name: str) -> object:
    return pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name


@pytest.mark.parametrize("name", [light(path.stem.removeprefix("light_")) for path in sorted(LIGHT.glob("*.onnx"))])
def test_a_light_model_computes_the_same(name: str, tmp_path: Path) -> None:
    model = onnx.load(LIGHT / f"light_{name}.onnx")
    with_random_weights(model)
    if model.graph.node[-1].op_type == "Softmax":  # which would hide what comes before
        model.graph.output[0].name = model.graph.node.pop().input[0]
    path = tmp_path / "light.onnx"
    onnx.save(model, path)
    network = read_onnx(path)
    assert not list(network.unread())
    verify(network.graph)
    assert error(path, network, batch=1) < 1e-5


def export(module: torch.nn.Module, path: Path, shapes: list[tuple[int, ...]], *, dynamo: bool) -> None:
    inputs = tuple(torch.randn(1, *shape) for shape in shapes)
    options = {} if dynamo else {"training": torch.onnx.TrainingMode.PRESERVE}  # else it folds norms into convolutions
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), inputs, str(path), dynamo=dynamo, verbose=False, **options)


def without_names(path: Path) -> None:
    model = onnx.load(path)
    for node in model.graph.node:
        node.ClearField("name")
        node.ClearField("metadata_props")
    onnx.save(model, path)


@pytest.mark.parametrize("dynamo", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["old", "new"])
def test_modules_are_scopes_and_weights_keep_their_names(dynamo: bool, tmp_path: Path) -> None:
    if dynamo:
        pytest.importorskip("onnxscript")
    path = tmp_path / "resnet18.onnx"
    export(build_foreign("torchvision:resnet18"), path, [(3, 64, 64)], dynamo=dynamo)
    network = read_onnx(path)
    graph = network.graph
    verify(graph)
    assert {"layer1.0.conv1", "layer1.0.relu", "layer2.0.downsample.0", "fc"} <= {node.name for node in graph}
    assert graph.scopes["layer1.0"].block == ("BasicBlock" if dynamo else None)
    assert network.names["fc.weight"] == "fc.weight"
    assert error(path, network, batch=1) < 1e-5
    without_names(path)
    nameless = read_onnx(path)
    assert differences(skeleton_of(nameless.graph), skeleton_of(graph)) == []


def test_a_file_without_names_has_no_scopes(tmp_path: Path) -> None:
    case = c("", "a = Conv (x, w)\nb = Relu (a)\ny = Conv (b, v)", w=(4, 4, 1, 1), v=(4, 4, 1, 1))
    graph = read_onnx(case.save(tmp_path)).graph
    assert [node.name for node in graph] == ["input", "a", "b", "output"] or list(graph.scopes) == [""]


# What the old exporter does not know, or writes as what ONNX Runtime does not take.
UNKNOWN = ("adaptive", "channel_shuffle", "channel_conv")
SEEDS = [seed for seed in range(2, 80) if not any(word in random_network(seed) for word in UNKNOWN)][:10]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_network_comes_back_as_it_was(seed: int, tmp_path: Path) -> None:
    architecture = cnndsl.loads(random_network(seed))
    shapes = [node.shape for node in architecture.graph.inputs]
    path = tmp_path / "random.onnx"
    export(architecture.compile(), path, shapes, dynamo=False)
    network = read_onnx(path)
    if not list(network.unread()):
        verify(network.graph)
        assert error(path, network, batch=1) < 1e-4
        assert mostly_alike(architecture.graph.inference(), network.graph)


def mostly_alike(ours: Graph, theirs: Graph) -> bool:
    """Whether they differ in nothing but what an exporter works out: standardised weights, blurs, statistics."""
    words = {node.op.word for node in ours}
    changed = {"ws_conv", "blur_pool", "weighted_add", "scale", "fractal_join", "adaptive_avgpool"} & words
    return bool(changed) or differences(skeleton_of(ours), skeleton_of(theirs)) == []


# --- inputs


def test_open_sizes_have_to_be_said(tmp_path: Path) -> None:
    model = CONV.model()
    for axis, name in ((2, "H"), (3, "W")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    path = tmp_path / "open.onnx"
    onnx.save(model, path)
    with pytest.raises(LiftError, match=r"open \(4 x \? x \?\): say it with --input"):
        read_onnx(path)
    assert read_onnx(path, (4, 9, 5)).graph.output.shape == (6, 9, 5)
    with pytest.raises(LiftError, match=r"takes 4 x \? x \?, and not 3 x 9 x 9"):
        read_onnx(path, (3, 9, 9))


def test_images_that_come_with_their_channels_last_are_ours(tmp_path: Path) -> None:
    steps = "a = Transpose <perm=[0,3,1,2]> (x)\nb = Conv <pads=[1,1,1,1]> (a, w)\ny = Transpose <perm=[0,2,3,1]> (b)"
    path = Case("", steps, {"w": (6, 3, 3, 3)}, (9, 8, 3)).save(tmp_path)
    network = read_onnx(path)
    assert layers(network) == "conv 3x3, 6, bias=false"
    assert network.graph.inputs[0].shape == (3, 9, 8)
    assert error(path, network) < 1e-5


def test_weights_of_16_bits_are_read(tmp_path: Path) -> None:
    model = CONV.model()
    (weight,) = model.graph.initializer
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), "w"))
    for each in (*model.graph.input, *model.graph.output):
        each.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    path = tmp_path / "half.onnx"
    onnx.save(model, path)
    network = read_onnx(path)
    assert network.tensors[f"{network.graph.output.name}.weight"].dtype == torch.float32
    assert error(path, network) < 5e-3


def test_the_same_weights_twice_are_one_layer_again(tmp_path: Path) -> None:
    path = c("", "a = Conv <pads=[1,1,1,1]> (x, w)\ny = Conv <pads=[1,1,1,1]> (a, w)", w=(4, 4, 3, 3)).save(tmp_path)
    network = read_onnx(path)
    first, second = network.graph.nodes[1:]
    assert second.again == first.name
    verify(network.graph)


# --- broken files


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = CONV.model()
    change(model)
    return model.SerializeToString()


def outside(location: str) -> Callable[[onnx.ModelProto], object]:
    def change(model: onnx.ModelProto) -> None:
        (weight,) = model.graph.initializer
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=location)

    return change


BROKEN = {
    "empty": (b"", "no ONNX file"),
    "text": (b"not an ONNX file\n" * 20, "no ONNX file"),
    "truncated": (CONV.model().SerializeToString()[:400], "no ONNX file"),
    "old": (changed(lambda model: setattr(model.opset_import[0], "version", 6)), "7 is the oldest"),
    "new": (changed(lambda model: setattr(model.opset_import[0], "version", 99)), "of version 99"),
    "no weights": (changed(lambda model: model.graph.initializer.pop()), "reads w, which nothing gives"),
    "few values": (changed(lambda model: setattr(model.graph.initializer[0], "raw_data", b"1234")), "not as many"),
    "many values": (changed(lambda model: model.graph.initializer[0].dims.insert(0, 10**9)), "not as many"),
    "no input": (changed(lambda model: model.graph.input.pop()), "no input"),
    "cycle": (
        changed(lambda model: model.graph.node.insert(0, helper.make_node("Relu", ["y"], ["z"]))),
        "nothing gives",
    ),
    "outside": (changed(outside("../w.bin")), "outside"),
    "absolute": (changed(outside("/etc/passwd")), "absolute"),
    "absent": (changed(outside("w.bin")), "w.bin"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    content, expected = BROKEN[name]
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(LiftError, match=expected) as caught:
        read_onnx(path)
    assert "\n" not in str(caught.value)


def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    path = tmp_path / "flipped.onnx"
    for case in CASES[::4]:
        whole = case.model().SerializeToString()
        for _ in range(3):
            content = bytearray(whole)
            for place in random.integers(0, len(content), 2):
                content[place] = random.integers(0, 256)
            path.write_bytes(content)
            try:
                read_onnx(path)
            except Error as error:
                assert "\n" not in str(error)
