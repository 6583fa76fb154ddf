"""Networks for other programs: a file computes what the module computes, and says which layer is which."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from google.protobuf import text_format
from zoo import FILES, graphs

import cnndsl
import cnndsl.export.onnx
from cnndsl import ArchError, Architecture, ExportError, ParameterError, WeightsError
from cnndsl.cli.main import main
from cnndsl.export import export
from cnndsl.export.server import write_repository
from cnndsl.export.verify import MOST, TOLERANCE
from cnndsl.states import save_weights

PIECE = """
network piece(classes = 5) {
    input 3 x 24 x 24
    conv 3x3, 8 -> bn -> relu as stem
    residual { conv 3x3, 8 -> bn -> relu -> conv 3x3, 8 -> bn } -> relu
    head side, train_only=true { global_avgpool -> linear classes }
    bn -> relu -> conv 1x1, 16, /2
    global_avgpool -> dropout -> linear classes
}
"""


def piece() -> Architecture:
    return cnndsl.loads(PIECE)


def run_onnx(content: bytes | Path, *inputs: torch.Tensor) -> list[np.ndarray]:
    given = content if isinstance(content, bytes) else str(content)
    session = onnxruntime.InferenceSession(given, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    found: list[np.ndarray] = session.run(None, dict(zip(names, (x.numpy() for x in inputs), strict=True)))
    return found


NETWORKS = [f"{path}:{name}" for path in FILES for name in graphs(path)]
SMALL = ("lenet5", "resnet20", "siamese", "mtcnn_onet")


def named(model: str) -> str:
    return model.rpartition(":")[2]


def smallest(model: str) -> Architecture:
    """The network on the smallest map that it takes whole, of a few."""
    for size in (32, 64, 96, 128, 160):
        try:
            network = cnndsl.load(model, input=(3, size, size))
        except (ArchError, ParameterError, ValueError):  # too small for it, or one of several inputs
            continue
        if not any(each.code == "W609" for each in network.report):
            return network
    return cnndsl.load(model)


def law(names: Iterable[str]) -> list[object]:
    return [
        pytest.param(each, marks=[] if named(each) in SMALL else [pytest.mark.slow], id=named(each)) for each in names
    ]


@pytest.mark.parametrize("model", law(NETWORKS))
def test_every_network_is_the_same_in_onnx(model: str) -> None:
    """In ONNX Runtime, at three batches: `export` compares."""
    made = export(smallest(model).graph, "onnx")
    assert made.apart <= MOST and [case.batch for case in made.cases] == [1, 2, 5]
    assert len(onnx.load_from_string(made.content).graph.node) > 3


@pytest.mark.parametrize("model", law(f"{path}:{next(iter(graphs(path)))}" for path in FILES if graphs(path)))
def test_networks_are_the_same_in_pt2(model: str) -> None:
    assert export(smallest(model).graph, "pt2").apart <= MOST


def test_nodes_are_called_by_layers_and_say_their_lines() -> None:
    """Every layer of a network as it is written is there, with its weights by their names."""
    network = piece()
    model = onnx.load_from_string(export(network.graph, "onnx").content)
    nodes = {node.name: node for node in model.graph.node}
    assert len(nodes) == len(model.graph.node)
    layers = [node for node in network.graph.inference() if node.op.word not in ("input", "dropout")]
    for layer in layers:
        assert nodes[layer.name].doc_string == f"<text>:{layer.span.line}"
    assert nodes["stem.conv"].output == ["stem.conv"] and nodes["linear"].output == ["output"]
    assert [value.name for value in model.graph.input] == ["input"]
    state = network.compile().state_dict()
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer if tensor.name in state}
    assert weights == {
        name: tuple(tensor.shape)
        for name, tensor in state.items()
        if "side" not in name and not name.endswith("tracked")
    }
    assert (model.producer_name, model.graph.name) == ("cnndsl", "piece")


def dims(value: onnx.ValueInfoProto) -> list[str | int]:
    return [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize("to", ["onnx", "pt2"])
def test_heads_taps_and_open_sizes(to: str, tmp_path: Path) -> None:
    """All at once, with batch norms folded, from trained weights; outputs in order, by name."""
    network = piece()
    module = network.compile(seed=3).eval()
    module.bn1.running_mean.add_(0.3)
    path = tmp_path / f"piece.{to}"
    settings = {"optimize": True, "heads": True, "taps": ["stem", "bn1"], "dynamic": ("batch", "size")}
    assert network.export(path, to, weights=module.state_dict(), **settings) == path  # type: ignore[arg-type]
    x = torch.randn(3, 3, 30, 22, generator=torch.Generator().manual_seed(1))
    if to == "onnx":
        model = onnx.load(path)
        assert [value.name for value in model.graph.output] == ["output", "side", "stem", "bn1"]
        assert dims(model.graph.input[0]) == ["batch", 3, "height", "width"]
        words = [node.op_type for node in model.graph.node]
        assert words.count("BatchNormalization") == 1  # the one behind a relu, which nothing takes in
        found = [torch.from_numpy(each) for each in run_onnx(path, x)]
    else:
        program = torch.export.load(path)
        found = list(program.module()(x))
        stacks = [node.meta["stack_trace"] for node in program.graph.nodes if "stack_trace" in node.meta]
        assert stacks[0].startswith('File "<text>", line 4, in stem.conv\n    conv 3x3, 8 -> bn -> relu as stem')
    with torch.no_grad():
        torch.testing.assert_close(found[0], module(x), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found[2], module.stem(x), rtol=1e-4, atol=1e-5)
    assert [tuple(each.shape[:2]) for each in found] == [(3, 5), (3, 5), (3, 8), (3, 8)]


def test_openvino_runs_what_is_exported(tmp_path: Path) -> None:
    """The recipe of `docs/export.md`."""
    openvino = pytest.importorskip("openvino")
    network = piece()
    path = network.export(tmp_path / "piece.onnx", dynamic=())
    x = torch.randn(1, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    found = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x.numpy())[0]
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), network.compile().eval()(x), rtol=1e-3, atol=1e-4)


def wrong_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exporter that writes a ReLU as a sigmoid, as one that takes an operator for another."""
    right = cnndsl.export.onnx.to_onnx

    def mistaken(program: object) -> object:
        model = right(program)
        relus = [node for node in model.graph if node.op_type == "Relu"]
        relus[1].op_type = "Sigmoid"
        return model

    monkeypatch.setattr("cnndsl.export.onnx.to_onnx", mistaken)


def wrong_pt2(monkeypatch: pytest.MonkeyPatch) -> None:
    load = torch.export.load

    def mistaken(file: object) -> object:
        program = load(file)
        relus = [node for node in program.graph.nodes if node.target is torch.ops.aten.relu.default]
        relus[1].target = torch.ops.aten.sigmoid.default
        return program

    monkeypatch.setattr(torch.export, "load", mistaken)


@pytest.mark.parametrize(("to", "mistake"), [("onnx", wrong_onnx), ("pt2", wrong_pt2)])
def test_what_computes_something_else_is_not_written(
    to: str, mistake: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the first layer that differs is named."""
    mistake(monkeypatch)  # type: ignore[operator]
    source = tmp_path / "piece.arch"
    source.write_text(PIECE)
    path = tmp_path / f"piece.{to}"
    path.write_text("as it was")
    assert main(["export", str(source), "--to", to, "-o", str(path)]) == 2
    told = capsys.readouterr().err
    assert "nothing is written, since the file would compute something else:" in told
    assert "output output differs by " in told and " of its largest value on 1 x 3 x 24 x 24" in told
    assert "the first layer that differs is relu1 (piece.arch:5): relu" in told
    assert path.read_text() == "as it was" and len([*tmp_path.iterdir()]) == 2


def test_rounding_is_no_difference() -> None:
    """Sums that almost cancel leave few digits to float32, in the module as in the file."""
    network = cnndsl.loads("network n { input 64 x 9 x 9\n sub { | conv 3x3, 64 as a | conv 3x3, 64 as b } }")
    state = network.compile(seed=1).state_dict()
    state |= {f"b.conv.{name}": (1 + 1e-3) * state[f"a.conv.{name}"] for name in ("weight", "bias")}
    made = export(network.graph, "onnx", weights=state)
    assert TOLERANCE < made.apart < MOST


FLAT = "network flat { input 3 x 8 x 8\n conv 3x3, 4\n flatten -> linear 5 }"
U = "network u { input 3 x 24 x 24\n concat { | identity | maxpool 2x2, /2 -> upsample 2 } }"


@pytest.mark.parametrize(
    ("text", "settings", "says"),
    [
        (FLAT, {"dynamic": ("size",)}, r"cannot stay open: on 3 x 136 x 8 linear \(<text>:3\) is made for 256"),
        (FLAT, {"heads": True}, "flat has no heads for training alone"),
        (FLAT, {"taps": ["conv2"]}, "flat has no layer or block 'conv2'; did you mean conv?"),
        (FLAT, {"taps": ["conv", "conv"]}, "conv is an output already"),
        (FLAT, {"taps": [""]}, "flat has no layer or block ''"),
        ("network large { input 3 x 99999 x 99999\n conv 3x3, 64 }", {}, "GiB to be compared, more than there is"),
        ("network v { input 7\n linear 5 }", {"dynamic": ("size",)}, "the input input has none"),
    ],
)
def test_what_cannot_be_exported_so(text: str, settings: dict[str, object], says: str) -> None:
    with pytest.raises(ExportError, match=says):
        export(cnndsl.loads(text).graph, "pt2", **settings)  # type: ignore[arg-type]


def test_sizes_go_in_the_steps_that_branches_allow() -> None:
    made = export(cnndsl.loads(U).graph, "pt2", dynamic=("batch", "size"))
    assert [case.shapes for case in made.cases] == [((3, 24, 24),), ((3, 26, 30),), ((3, 24, 24),)]


def test_an_output_may_be_an_input_or_another_output() -> None:
    """And a layer may be called as an output is; no two tensors share a name."""
    text = """network same {
        input 3 x 8 x 8 as x
        conv 1x1, 3 as output
        relu -> conv 1x1, 3 as a
        group { | from x | from a | from a | from output -> relu }
    }"""
    network = cnndsl.loads(text)
    model = onnx.load_from_string(export(network.graph, "onnx").content)
    assert [value.name for value in model.graph.output][:3] == ["x2", "a", "output3"]
    assert [value.name for value in model.graph.input] == ["x"]


def test_wrong_weights_and_arguments(tmp_path: Path) -> None:
    network, other = piece(), cnndsl.loads(FLAT)
    save_weights(other.compile().state_dict(), tmp_path / "flat.safetensors", "flat")
    with pytest.raises(WeightsError, match="these weights do not fit piece"):
        network.export(tmp_path / "piece.onnx", weights=tmp_path / "flat.safetensors")
    with pytest.raises(ValueError, match="there is no format 'tflite'; there are 'onnx' and 'pt2'"):
        network.export(tmp_path / "piece.tflite", "tflite")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there is no open size 'channels'"):
        network.export(tmp_path / "piece.onnx", dynamic=("channels",))  # type: ignore[arg-type]
    assert [each.name for each in tmp_path.iterdir()] == ["flat.safetensors"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flat.arch").write_text(FLAT)
    command = ["export", "flat.arch", "--to", "pt2"]
    assert main([*command, "--dynamic", "none", "--taps", "conv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("wrote flat.pt2 (")
    save_weights(cnndsl.load("flat.arch").compile(seed=2).state_dict(), tmp_path / "flat.safetensors", "flat")
    assert main([*command, "--weights", str(tmp_path), "-o", "other/two.pt2"]) == 0
    assert "read back on 1 x 3 x 8 x 8, 2 x 3 x 8 x 8, 5 x 3 x 8 x 8:" in capsys.readouterr().out
    assert main([*command, "--weights", "flat.safetensors", "--seed", "2"]) == 2
    assert main([*command, "--dynamic", "size"]) == 2
    assert main([*command, "-o", "flat.arch"]) == 2
    assert "--to pt2 writes a FILE.pt2, not flat.arch" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "--dynamic", "channels"])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["flat.arch", "flat.pt2", "flat.safetensors", "other"]


def test_a_missing_package_is_told_before_anything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(cnndsl.MissingExtra, match=r'needs onnxscript: pip install "cnndsl\[torch,onnx\]"'):
        piece().export(tmp_path / "piece.onnx")


# --- NVIDIA's Triton Inference Server


def server_config(text: str) -> Any:
    """As the server's own client reads it; its package imports gRPC, which a message needs not."""
    (place,) = find_spec("tritonclient").submodule_search_locations  # type: ignore[union-attr, misc]
    found = spec_from_file_location("model_config_pb2", f"{place}/grpc/model_config_pb2.py")
    assert found is not None and found.loader is not None
    messages = module_from_spec(found)
    found.loader.exec_module(messages)
    return text_format.Parse(text, messages.ModelConfig())


def test_a_model_repository_says_what_the_file_takes_and_gives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = piece()
    names = ["ant", "bee", "cat", "dog", "élan"]
    bundle = network.save(tmp_path / "bundle", network.compile(seed=2).state_dict(), classes=names)
    line = ["export", str(bundle), "--to", "server", "-o", str(tmp_path / "models")]
    assert main([*line, "--taps", "stem"]) == 0
    said = capsys.readouterr().out
    assert "wrote " in said and "note:" not in said
    folder = tmp_path / "models" / "piece"
    config = server_config((folder / "config.pbtxt").read_text())
    session = onnxruntime.InferenceSession(folder / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    assert (config.name, config.backend, config.max_batch_size) == ("piece", "onnxruntime", 32)
    assert config.HasField("dynamic_batching")
    for said, found in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
        assert [each.name for each in said] == [each.name for each in found]
        assert {each.data_type for each in said} == {11}  # TYPE_FP32
        for one, other in zip(said, found, strict=True):
            assert list(one.dims) == [size if isinstance(size, int) else -1 for size in other.shape[1:]]
    assert config.output[0].label_filename == "labels.txt" and not config.output[1].label_filename
    assert (folder / "labels.txt").read_text("utf-8").splitlines() == names
    (folder / "2").mkdir()
    assert main([*line, "--taps", "stem"]) == 0
    assert f"note: {folder / '2'} is there, too" in capsys.readouterr().out


ONE = {"dynamic": (), "batch": 0, "input": [1, 3, 8, 8], "output": [1, 5]}
OPEN = {"dynamic": ("batch", "size"), "batch": 32, "input": [3, -1, -1], "output": [5]}


@pytest.mark.parametrize("case", [pytest.param(ONE, id="one"), pytest.param(OPEN, id="open", marks=pytest.mark.slow)])
def test_a_model_repository_of_other_sizes(case: dict[str, Any], tmp_path: Path) -> None:
    """Without names of classes there are no labels, and without an open batch none is put together."""
    network = cnndsl.loads(FLAT.replace("flatten", "global_avgpool"))
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "labels.txt").write_text("of another network")
    write_repository(tmp_path, export(network.graph, "onnx", dynamic=case["dynamic"]))
    config = server_config((tmp_path / "flat" / "config.pbtxt").read_text())
    assert (config.max_batch_size, config.HasField("dynamic_batching")) == (case["batch"], bool(case["batch"]))
    assert (list(config.input[0].dims), list(config.output[0].dims)) == (case["input"], case["output"])
    assert not config.output[0].label_filename and not (tmp_path / "flat" / "labels.txt").exists()
