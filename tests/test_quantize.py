"""Quantizing: int8 where it is said, ranges by other pictures than measure, errors at their layers, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import jsonschema
import numpy as np
import onnx
import pytest
import torch
from published import mobilenet, photographs, squeezenet
from test_train import FASHION, NARROW, first

import cnndsl
from cnndsl.backends.torch import engines
from cnndsl.cli.main import main
from cnndsl.errors import MissingExtra, QuantizeError
from cnndsl.export import export
from cnndsl.photographs.preprocessing import PRESETS, class_names
from cnndsl.quantizing import form, qdq, quantize
from cnndsl.quantizing.form import Loss, proposed
from cnndsl.quantizing.keeping import kept_nodes, layer_of
from cnndsl.quantizing.losses import losses
from cnndsl.train.data.fake import fake_data
from cnndsl.train.data.images import Data, Stored
from cnndsl.train.data.stored import read_fashion

SCHEMA = json.loads((files("cnndsl.quantizing") / "quantize.schema.json").read_text("utf-8"))
TEXT = """arch 1

network small(classes = 10) {
    input 3 x 16 x 16

    conv 3x3, 16, /2 -> bn -> relu
    conv 3x3, 32, /2 -> bn -> relu
    global_avgpool -> linear classes
}
"""
ENGINES = ["onnx", pytest.param("openvino", marks=pytest.mark.slow)]  # whose tools take seconds to be imported


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> cnndsl.Bundle:
    """A network that tells most of the made-up pictures apart."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.arch").write_text(TEXT)
    recipe = ["--recipe", "resnet2015_cifar", "--epochs", "2", "--batch", "16", "--augment", "none"]
    assert main(["train", str(folder / "small.arch"), "--data", "fake", *recipe, "-o", str(folder / "run")]) == 0
    return cnndsl.load_bundle(folder / "run" / "best")


def spoilt(bundle: cnndsl.Bundle, folder: Path) -> Path:
    """The same function in a bundle that int8 cannot say: one channel has values a thousand times those of others."""
    state = bundle.weights()
    for name in ("bn1.weight", "bn1.bias"):
        state[name][0] *= 1_000
    state["conv2.weight"][:, 0] /= 1_000
    assert bundle.preprocessing is not None
    return bundle.architecture.save(
        folder / "spoilt", state, preprocessing=bundle.preprocessing, classes=bundle.classes
    )


def quantized(bundle: cnndsl.Bundle, data: Data, **settings: object) -> form.Quantized:
    assert bundle.preprocessing is not None and bundle.classes is not None
    graph = bundle.architecture.graph
    return quantize(graph, bundle.file, bundle.preprocessing, bundle.classes, data, "fake", **settings)  # type: ignore[arg-type]


class Done(NamedTuple):
    """What was made, and by which pictures."""

    made: form.Quantized
    pictures: list[np.ndarray]


@pytest.fixture(scope="module")
def done(trained: cnndsl.Bundle) -> Done:
    seen: list[np.ndarray] = []
    by_onnxruntime = qdq.by_onnxruntime

    def recorded(content: bytes, pictures: list[np.ndarray], kept: list[str]) -> bytes:
        seen.extend(pictures)
        return by_onnxruntime(content, pictures, kept)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(qdq, "by_onnxruntime", recorded)
        return Done(quantized(trained, fake_data(10)), seen)


def run_of(path: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    if path.suffix == ".onnx":
        run = engines.onnxruntime(path.read_bytes())
    else:
        run = engines.openvino(path.read_bytes(), weights=path.with_suffix(".bin").read_bytes())
    return lambda x: run(x)[0]


@pytest.mark.parametrize("to", ENGINES)
def test_what_is_written_is_as_often_right_as_is_said(
    to: str, trained: cnndsl.Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["quantize", str(trained.folder), "--data", "fake", "--to", to, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, SCHEMA)
    assert {*said["files"]} == {each.name for each in tmp_path.iterdir()}
    data, preprocessing, run = fake_data(10), trained.preprocessing, run_of(Path(said["files"][0]))
    assert preprocessing is not None
    pictures = torch.stack([preprocessing.whole(data.held_out.image(index)) for index in range(128)])
    right = {"float": trained.compile(), "int8": run}
    for name, module in right.items():
        with torch.no_grad():
            guessed = torch.cat([module(picture[None]).argmax(1) for picture in pictures])
        assert said["top1"][name]["right"] == int((guessed == torch.tensor(data.held_out.labels)).sum())
    assert said["top1"]["int8"]["right"] > 64 and said["became_right"] - said["became_wrong"] == -1.28 * said["fall"]
    assert said["bytes"]["int8"] == sum(Path(each).stat().st_size for each in said["files"])
    assert sum(each["share"] for each in said["layers"]) == pytest.approx(1)
    assert {each["place"] for each in said["layers"]} == {f"small.arch:{line}" for line in (6, 7, 8)}


def test_weights_are_int8_by_channel_and_ranges_are_of_prepared_pictures(trained: cnndsl.Bundle, done: Done) -> None:
    """None of them is held out."""
    model = onnx.load_from_string(done.made.files[".onnx"])
    values = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    by_output = {output: node for node in model.graph.node for output in node.output}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            rounded, scale, _ = by_output[node.input[1]].input
            assert values[rounded].dtype == np.int8 and abs(values[rounded]).max() <= 64
            assert values[scale].shape == (values[rounded].shape[0],)
            assert by_output[node.input[0]].op_type == "DequantizeLinear"
    assert by_output["output"].op_type == "Gemm"  # which is not rounded
    assert {each.doc_string for each in model.graph.node} > {f"small.arch:{line}" for line in (6, 7, 8)}
    assert engines.onnxruntime(done.made.files[".onnx"])(torch.zeros(5, 3, 16, 16))[0].shape == (5, 10)
    assert trained.preprocessing is not None
    learned = fake_data(10).train
    seen = torch.stack([trained.preprocessing.whole(learned.image(index)) for index in range(0, 512, 2)])
    assert np.array_equal(seen.numpy(), np.concatenate(done.pictures)) and done.made.calibrated == 256
    (reader,) = [node for node in model.graph.node if "input" in node.input]
    assert values[reader.input[1]] == pytest.approx(float(seen.max() - seen.min()) / 255, rel=1e-5)


@pytest.mark.parametrize("to", ENGINES)
def test_what_falls_too_far_is_not_written_unless_its_layer_is_kept(
    to: str, trained: cnndsl.Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ["quantize", str(spoilt(trained, tmp_path)), "--data", "fake", "--to", to]
    assert main(line) == 1
    said = capsys.readouterr()
    assert "more than 1; nothing is written; try --keep conv2" in said.err
    assert "small.arch:7" in said.out and "wrote" not in said.out
    assert not [*tmp_path.glob("small.int8*")]
    assert main([*line, "--keep", "conv2", "--format", "json"]) == 0
    kept = json.loads(capsys.readouterr().out)
    assert kept["fall"] <= 1 and next(each for each in kept["layers"] if each["layer"] == "conv2")["error"] is None


ALIKE = """network alike {
    input 3 x 16 x 16
    conv 3x3, 8 -> bn -> relu as stem
    residual { depthwise 3x3 -> bn -> hardswish -> conv 1x1, 8 -> bn } -> relu
    concat { | conv 1x1, 8 -> relu6 | maxpool 3x3, /1, pad=1 }
    se_part 16
    global_avgpool -> linear 5 -> softmax
}

block se_part(c) {
    mul { | identity | global_avgpool -> conv 1x1, 4 -> relu -> conv 1x1, c -> sigmoid }
}
"""


@pytest.mark.parametrize("maker", [qdq.by_onnxruntime, pytest.param(qdq.by_nncf, marks=pytest.mark.slow)])
def test_shares_add_up_and_what_is_kept_has_none(maker: Callable) -> None:
    """With all layers kept the output is exact."""
    network = cnndsl.loads(ALIKE)
    exact = export(network.graph, "onnx", weights=network.compile(seed=3).state_dict(), optimize=True)
    model = onnx.load_from_string(exact.content)
    pictures = [np.random.default_rng(at).standard_normal((1, 3, 16, 16), dtype=np.float32) for at in range(4)]
    off, rounded = losses(network.graph, exact, maker(exact.content, pictures, kept_nodes(model, ())), pictures)
    assert 0 < off < 0.5 and sum(each.share for each in rounded) == pytest.approx(1)
    assert {each.layer for each in rounded if each.error and each.weighted} > {"stem.conv", "linear"}
    layers = {layer_of(node) for node in model.graph.node}
    off, none = losses(network.graph, exact, maker(exact.content, pictures, kept_nodes(model, layers)), pictures)
    assert off == 0 and all(each.error is None and each.share == 0 for each in none)


def test_proposed_are_the_fewest_that_make_half() -> None:
    def each(layer: str, share: float, weighted: bool = True, error: float | None = 0.1) -> Loss:
        return Loss(layer, "a.arch:1", "conv", weighted, error, share)

    found = [
        each("a", 0.2),
        each("b", 0.4),
        each("add", 0.3, weighted=False),
        each("c", 0.1),
        each("d", 0.0, error=None),
    ]
    assert proposed(found) == ("b", "a") and proposed(found[3:]) == ("c",) and proposed(()) == ()
    assert len(proposed([each(str(at), 0.01) for at in range(99)])) == 5


WRONG = {
    ("--keep", "conv3"): "has no layer or block 'conv3'; did you mean conv1?",
    ("--keep", "bn1"): "bn1 cannot be kept in float by itself",
    ("--tolerance", "-1"): "no number of points",
    ("--tolerance", "nan"): "no number of points",
    ("--to", "openvino", "-o", "small.onnx"): "end small.onnx in .xml",
    ("-o", "small.arch"): "end small.arch in .onnx",
    ("--data", "nowhere"): "there is no folder 'nowhere'",
    ("--input", "3x32x32"): "does not take what its pictures become, 3 x 16 x 16",
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_what_cannot_be_done_is_one_line(
    arguments: tuple[str, ...],
    trained: cnndsl.Bundle,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    line = ["quantize", str(trained.folder), "--data", "fake", "--to", "onnx", *arguments]
    try:
        code = main(line)
    except SystemExit as end:  # argparse's way
        code = int(str(end.code))
    assert code == 2 and WRONG[arguments] in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_a_network_that_does_not_classify_is_told(trained: cnndsl.Bundle) -> None:
    network = cnndsl.loads("network maps { input 3 x 16 x 16\n conv 3x3, 10 }")
    assert trained.preprocessing is not None and trained.classes is not None
    with pytest.raises(cnndsl.TrainingError, match="no single vector of classes"):
        quantize(network.graph, {}, trained.preprocessing, trained.classes, fake_data(10), "fake")


def test_a_missing_package_is_told_before_any_work(trained: cnndsl.Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None if name == "nncf" else object())
    with pytest.raises(MissingExtra, match=r'this needs nncf: pip install "cnndsl\[quantize\]"'):
        quantized(trained, fake_data(10), to="openvino")


def test_python_refuses_as_the_command_does(done: Done, tmp_path: Path) -> None:
    made = done.made
    worse = replace(made, int8=replace(made.int8, guesses=tuple(replace(each, rank=1) for each in made.int8.guesses)))
    assert worse.fall == 100 * made.exact.top(1).value and worse.became == (made.exact.top(1).right, 0)
    with pytest.raises(QuantizeError, match="which is more than 2; nothing is written"):
        worse.write(tmp_path / "small.onnx", 2)
    assert not [*tmp_path.iterdir()]
    assert made.write(tmp_path / "small.onnx") == [tmp_path / "small.onnx"]


# --- trained weights


@pytest.mark.slow
def test_something_is_left_to_be_in_int8(trained: cnndsl.Bundle) -> None:
    everything = ["conv1", "conv2", "linear", "global_avgpool", "relu1", "relu2"]
    with pytest.raises(QuantizeError, match="nothing of small is left to be in int8"):
        quantized(trained, fake_data(10), keep=everything)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_a_network_that_learned_fashion_is_as_often_right(to: str, tmp_path: Path) -> None:
    """Within a point of a hundred on 10,000 pictures."""
    from cnndsl.train import run as running
    from cnndsl.train.job import Job
    from cnndsl.train.presets import RECIPES
    from cnndsl.train.recipe import changed

    if not FASHION.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist, which scripts/setup dev installs as root")
    whole = read_fashion(FASHION)
    assert isinstance(whole.train, Stored)
    data = replace(whole, train=first(whole.train, 8_000))
    recipe = changed(RECIPES["resnet2015_cifar"], {"epochs": 3, "batch": 50, "lr": 0.05, "augment": "none"})
    job = Job("narrow", f"fashionmnist:{FASHION}", "resnet2015_cifar", recipe, 0, 0, "channels_last")
    assert running.begin(cnndsl.loads(NARROW), job, data, tmp_path / "run", lambda line: None) == "done"
    done = quantized(cnndsl.load_bundle(tmp_path / "run" / "best"), data, to=to)
    assert done.exact.top(1).count == 10_000 and done.exact.top(1).value > 0.83
    assert done.fall < 1 and done.size < done.exact_size


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every second photograph to calibrate, the others to measure; folders are called by the names of the classes."""
    folder = tmp_path_factory.mktemp("foolbox")
    names = [each.replace("/", " ") for each in class_names(PRESETS["torchvision"], folder)]
    for at, photo in enumerate(photographs(folder)):
        name = names[int(photo.stem.rpartition("_")[2])]
        for part in ("train", "val"):
            (folder / "photos" / part / name).mkdir(parents=True, exist_ok=True)
        photo.rename(folder / "photos" / ("train", "val")[at % 2] / name / photo.name)
    return folder / "photos"


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_mobilenet_names_the_same_photographs(
    to: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_of("mobilenet_v2", mobilenet(tmp_path), photos, to, capsys)
    assert said["top1"]["float"]["right"] >= 9 and said["became_wrong"] <= 1 and said["off"] < 0.3
    worst = max(said["layers"], key=lambda each: each["share"])
    assert "depthwise" in worst["layer"] and worst["share"] > 0.1


@pytest.mark.network
@pytest.mark.slow
def test_squeezenet_names_most_photographs_the_same(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of them are close calls."""
    said = said_of("squeezenet1_1", squeezenet(tmp_path), photos, "onnx", capsys)
    assert said["top1"]["float"]["right"] >= 7 and said["became_wrong"] <= 2 and said["off"] < 0.1


def said_of(network: str, weights: Path, data: Path, to: str, capsys: pytest.CaptureFixture[str]) -> dict:
    line = ["quantize", network, "--weights", str(weights), "--data", str(data), "--to", to, "--tolerance", "100"]
    capsys.readouterr()
    assert main([*line, "-o", str(data / f"int8.{'onnx' if to == 'onnx' else 'xml'}"), "--format", "json"]) == 0
    said: dict = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, SCHEMA)
    assert said["bytes"]["float"] > 2.9 * said["bytes"]["int8"]
    return said
