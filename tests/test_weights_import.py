"""`cnndsl weights import` as a user runs it: files of torchvision's and timm's, what is said, and what is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import cnndsl
from cnndsl.cli.main import main
from cnndsl.foreign.modules import build_foreign
from cnndsl.shipped import shipped
from cnndsl.states import load_weights

LIBRARIES = {"torchvision": "oracles", "timm": "oracles", "safetensors": "torch", "torch": "torch"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[str], tuple]:
    """Runs a command line in an empty folder that holds the files; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", "data")

    def command(line: str) -> tuple[int, str, str]:
        code = main(line.split())
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def save(name: str, title: str, **settings: int) -> dict[str, torch.Tensor]:
    """The weights of a module of a library in a file, running statistics and all away from ones and zeros."""
    torch.manual_seed(5)
    state = build_foreign(title, **settings).state_dict()
    for key, tensor in state.items():
        if tensor.dim() == 1:
            state[key] = 0.5 + torch.rand(tensor.shape)
    save_file(state, name) if name.endswith(".safetensors") else torch.save(state, name)
    return state


@pytest.mark.parametrize(
    ("network", "file", "title"),
    [
        ("resnet18", "theirs.safetensors", "torchvision:resnet18"),
        ("resnet18", "theirs.pth", "timm:resnet18"),
        ("preresnet18", "theirs.safetensors", "timm:resnetv2_18"),
        ("squeezenet1_1", "theirs.pth", "torchvision:squeezenet1_1"),
        ("shufflenet_v2_x0_5", "theirs.safetensors", "torchvision:shufflenet_v2_x0_5"),
    ],
)
def test_trained_weights_of_a_library(run: Callable, network: str, file: str, title: str) -> None:
    save(file, title)
    code, out, err = run(f"weights import {network} {file} --from {title} --input 3x64x64 --require-proof")
    assert (code, err) == (0, "")
    with safe_open(f"data/cnndsl/{network}.safetensors", "pt") as written:
        said = written.metadata()["cnndsl"]
    assert f"; imported from {title}; proved: on random input both give the same (relative error " in said
    assert "\nproved: on random input both give the same (relative error " in out
    assert out.endswith(f"wrote data/cnndsl/{network}.safetensors\n")
    net = cnndsl.load(network, input=(3, 64, 64))
    ours, theirs = net.compile().eval(), build_foreign(title).eval()
    ours.load_state_dict(load_weights(Path(f"data/cnndsl/{network}.safetensors"), net.graph))
    theirs.load_state_dict(save(file, title))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-4, atol=1e-4)


def test_the_map_is_printed_a_layer_a_line(run: Callable) -> None:
    save("theirs.pth", "torchvision:squeezenet1_1")
    _, out, _ = run("weights import squeezenet1_1 theirs.pth --from torchvision:squeezenet1_1 --bgr --input 3x64x64")
    lines = [re.split("  +", line) for line in out.splitlines()]
    assert lines[0] == ["ours", "theirs"]
    assert lines[1] == ["conv1.conv", "features.0", "64 x 3 x 3 x 3", "BGR to RGB"]
    assert ["fire9.branch2.conv", "features.12.expand3x3", "256 x 64 x 3 x 3"] in lines
    assert ["26 layers, 52 tensors"] in lines


def test_a_module_without_a_file_is_compared_and_nothing_written(run: Callable) -> None:
    code, out, _ = run("weights import squeezenet1_1 --from torchvision:squeezenet1_1 --input 3x64x64")
    assert code == 0 and "\nproved: " in out and "nothing is written" in out and not list(Path().iterdir())


def test_another_number_of_classes(run: Callable) -> None:
    """A file with 7 classes is for a module with 7, whatever the library's own number is."""
    save("theirs.pth", "torchvision:resnet18", num_classes=7)
    line = "weights import resnet18 theirs.pth --from torchvision:resnet18 --input 3x64x64"
    code, out, err = run(line)
    assert (code, out) == (1, "") and err.endswith("\n  linear has 1000 filters or features, theirs 7\n")
    assert not Path("data").exists()
    code, out, _ = run(f"{line} -p classes=7")
    assert code == 0 and "\nproved: on random input both give the same" in out
    code, out, _ = run(f"{line} --new-head")
    assert code == 0 and "\nlinear keeps its initial weights\nfc.weight of theirs is not used\n" in out
    assert "\nproved: on random input all layers but the heads give the same in float64\n" in out


def test_what_differs_is_said_and_nothing_written(run: Callable) -> None:
    save("theirs.pth", "torchvision:resnet18")
    code, out, err = run("weights import resnet34 theirs.pth --from torchvision:resnet18 --input 3x64x64")
    assert (code, out) == (1, "") and err.startswith("cnndsl: resnet34 and torchvision:resnet18 differ:\n")
    assert "conv 3x3, 64: theirs has none (stage1.basic3.conv1, stage1.basic3.conv2)" in err
    text = (shipped("archs") / "resnet.arch").read_text()
    Path("mine.arch").write_text(text.replace("-> bn -> relu as", "-> bn eps=0.1 -> relu as"))
    code, out, err = run("weights import mine.arch:resnet18 theirs.pth --from torchvision:resnet18 --input 3x64x64")
    assert code == 1 and "\nthe first layer that differs is conv1.bn, theirs bn1 (" in out
    assert "\nbn: eps 0.1, theirs 1e-05 (conv1.bn <-> bn1)\n" in out and "wrote" not in out
    assert not Path("data").exists()


def test_preprocessing_lies_beside_the_weights(run: Callable) -> None:
    save("theirs.pth", "torchvision:squeezenet1_1")
    line = "weights import squeezenet1_1 theirs.pth -o out --preprocess"
    assert run(f"{line} caffe")[0] == 0
    how = Path("out/squeezenet1_1.preprocess.toml")
    assert 'channels = "BGR"' in how.read_text()
    how.rename("mine.toml")
    assert run(f"{line} mine.toml")[0] == 0 and how.read_text() == Path("mine.toml").read_text()


# Command lines that are wrong, and the end of the one line that says so.
WRONG = [
    (
        "weights import squeezenet1_1",
        "give a FILE, or --from with the module to compare with",
    ),
    (
        "weights import squeezenet1_1 theirs.pth --from resnet18",
        "a SOURCE is torchvision:NAME, timm:NAME, package.module:callable, FILE.pt2 or FILE.onnx, not 'resnet18'",
    ),
    (
        "weights import squeezenet1_1 theirs.pth --from timm:",
        "torchvision:NAME or timm:NAME, not timm:",
    ),
    (
        "weights import squeezenet1_1 theirs.pth --from timm:resnet_18",
        "timm has no model resnet_18; did you mean resnet18?",
    ),
    (
        "weights import squeezenet1_1 theirs.pth --from torchvision:resnet18",
        "the file has no conv1.weight, bn1.weight, bn1.bias and 99 more; it has features.0.weight, features.0.bias, ",
    ),
    (
        "weights import squeezenet1_1 nothing.pth",
        "cannot read weights from nothing.pth: no such file or directory",
    ),
    (
        "weights import squeezenet1_1 . --from torchvision:squeezenet1_1",
        "cannot read weights from .: is a directory",
    ),
    (
        "weights import squeezenet1_1 theirs.pth -o theirs.pth",
        "it is a file, not a folder",
    ),
    (
        "weights import squeezenet1_1 theirs.pth --preprocess imagenet",
        "--preprocess takes torchvision, caffe or a TOML file, and there is no file imagenet",
    ),
    (
        "weights import squeezenet1_1 theirs.pth --preprocess theirs.pth",
        "cannot read theirs.pth: 'utf-8' codec can't decode",
    ),
    (
        "weights import squeezenet theirs.pth",
        "there is no file squeezenet and no network of that name in the zoo; did you mean squeezenet1_0?",
    ),
    (
        "conform squeezenet1_1 --against torchvision:squeezenet",
        "torchvision has no model squeezenet; did you mean squeezenet1_0?",
    ),
]


@pytest.mark.parametrize(("line", "said"), WRONG)
def test_a_wrong_command_is_one_line(run: Callable, line: str, said: str) -> None:
    save("theirs.pth", "torchvision:squeezenet1_1")
    code, _, err = run(line)
    assert code == 2 and err.count("\n") == 1 and err.startswith("cnndsl: error: ") and said in err
    assert [path.name for path in Path().iterdir()] == ["theirs.pth"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_not_installed_is_one_line(run: Callable, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    save("theirs.pth", "torchvision:squeezenet1_1")
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None if name == library else name)
    source = library if library in ("torchvision", "timm") else "torchvision"
    code, _, err = run(f"weights import squeezenet1_1 theirs.pth --from {source}:squeezenet1_1")
    assert code == 2 and err == f'cnndsl: error: this needs {library}: pip install "cnndsl[{LIBRARIES[library]}]"\n'


def test_a_file_without_a_head(run: Callable) -> None:
    """All else is compared; that it lacks more than a head is an error."""
    state = save("theirs.pth", "torchvision:resnet18")
    headless = {name: tensor for name, tensor in state.items() if not name.startswith("fc")}
    torch.save(headless, "theirs.pth")
    line = "weights import resnet18 theirs.pth --from torchvision:resnet18 --input 3x64x64"
    code, out, err = run(line)
    assert (code, out) == (2, "") and "the file has no fc.weight, fc.bias; it has conv1.weight, " in err
    code, out, err = run(f"{line} --new-head --require-proof")
    assert (code, err) == (0, "") and "\nlinear keeps its initial weights\n" in out
    assert "\nproved: on random input all layers but the heads give the same in float64\n" in out
    del headless["bn1.bias"]
    torch.save(headless, "theirs.pth")
    code, out, err = run(f"{line} --new-head")
    assert (code, out) == (2, "") and err.endswith("the file has no bn1.bias\n")


@pytest.mark.parametrize("source", ["", " --from torchvision:resnet18"])
def test_a_first_layer_for_grey_images(run: Callable, source: str) -> None:
    save("theirs.pth", "torchvision:resnet18")
    text = (shipped("archs") / "resnet.arch").read_text()
    Path("mine.arch").write_text(text)
    code, out, err = run(f"weights import mine.arch:resnet18 theirs.pth{source} --input 1x64x64")
    assert (code, err) == (0, "")
    assert re.search(r"\nconv1.conv +conv1 +64 x 1 x 7 x 7  RGB to grey by a sum\n", out)
    assert ("\nproved: on random input, in grey for both, both give the same (relative error" in out) == bool(source)
