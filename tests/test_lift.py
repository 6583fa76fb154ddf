"""`cnndsl lift` from the command line: sources, what is written, and every way it can fail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from random_networks import random_network
from safetensors.torch import load_file

import cnndsl
from cnndsl.cli.main import main

NETWORK = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Linear(8, classes)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))

def seven():
    return Net(7)

def broken():
    raise RuntimeError("no such luck")

def text():
    return "hello"

def attention():
    return nn.Sequential(nn.Flatten(2), nn.TransformerEncoderLayer(64, 4))

def tied():
    tied = nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 3))
    tied[2].weight = tied[0].weight
    return tied

number = 3
ready = Net()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module of its own name, as modules are imported once."""
    name = re.sub(r"\W", "_", tmp_path.name)
    (tmp_path / f"{name}.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def lift(folder: Path, source: str, *more: str) -> int:
    name = re.sub(r"\W", "_", folder.name)
    return main(["lift", source.replace("HERE", name), "-o", "net.arch", *more])


def test_text_and_weights_are_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lift(folder, "HERE:ready", "--input", "3x8x8", "--weights", "w") == 0
    said = capsys.readouterr().out
    assert "proved" in said
    assert "wrote net.arch" in said
    net = cnndsl.load(folder / "net.arch")
    module = net.compile()
    module.load_state_dict(load_file(folder / "w" / f"{net.name}.safetensors"))
    from importlib import import_module

    theirs = import_module(re.sub(r"\W", "_", folder.name)).ready.eval()
    image = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(module.eval()(image), theirs(image))


@pytest.mark.parametrize("seed", [299, 327, 345, 507, 524])
def test_a_compiled_random_network_is_lifted(seed: int) -> None:
    """With merges that are applied again, parts of what is applied again, and zeros around a tangle."""
    made = cnndsl.loads(random_network(seed))
    cnndsl.lift(made.compile(), input=[node.shape for node in made.graph.inputs])  # which proves itself


def test_what_layers_share_in_part_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lift(folder, "HERE:tied", "--input", "3x8x8") == 0
    assert "shared in part, and so each layer's own here: 0.weight\n" in capsys.readouterr().out


def test_a_saved_program_is_lifted(folder: Path) -> None:
    from importlib import import_module

    module = import_module(re.sub(r"\W", "_", folder.name)).seven().eval()
    torch.export.save(torch.export.export(module, (torch.zeros(1, 3, 8, 8),)), "saved.pt2")
    assert lift(folder, "saved.pt2") == 0
    assert cnndsl.load(folder / "net.arch").output_shape == (7,)


@pytest.mark.parametrize(
    ("source", "more", "code", "said"),
    [
        ("HERE:broken", (), 1, "raises RuntimeError: no such luck"),
        ("HERE:text", (), 1, "gives no torch.nn.Module but a str"),
        ("HERE:number", (), 2, "is no class, function or module"),
        ("HERE:Nett", (), 2, "did you mean Net?"),
        ("HERE:attention", ("--input", "3x8x8"), 1, "no layer of the language"),
        ("HERE:ready", ("--input", "5"), 1, "cannot trace"),
        ("no_such_module_of_mine:Net", (), 2, "there is no module no_such_module_of_mine"),
        ("resnet50", (), 2, "a SOURCE is"),
        ("torchvision:resnet19", (), 1, "did you mean resnet18?"),
        ("missing.pt2", (), 2, "there is no file missing.pt2"),
        ("HERE.py:", (), 2, "a SOURCE is"),
    ],
)
def test_failures_are_said_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], source: str, more: tuple[str, ...], code: int, said: str
) -> None:
    assert lift(folder, source, *more) == code
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert not (folder / "net.arch").exists()


def test_a_file_that_is_no_program_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "fake.pt2").write_text("hello")
    assert lift(folder, "fake.pt2") == 1
    assert capsys.readouterr().err.startswith("cnndsl: fake.pt2 holds no program")


def test_partial_text_has_a_comment_at_each_gap(folder: Path) -> None:
    assert lift(folder, "HERE:attention", "--input", "3x8x8", "--partial") == 0
    text = (folder / "net.arch").read_text()
    assert "# gap: `" in text
    assert not cnndsl.check(folder / "net.arch").ok
