"""Weights from every kind of SOURCE: ONNX and saved programs with weights in them, callables, and layers of others."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from test_foreign_onnx_files import export
from torch import nn

import cnndsl
from cnndsl.alignment.difference import differences
from cnndsl.cli.main import main
from cnndsl.errors import Unmatched, WeightsError
from cnndsl.foreign.sources import from_module
from cnndsl.ops import base
from cnndsl.ops.base import Op, Shape, TorchModule
from cnndsl.weights import conform, import_weights, load_weights
from cnndsl.weights.adapt import moved
from cnndsl.weights.counterparts import counterparts
from cnndsl.weights.transfer import by_graph
from cnndsl.weights.verdict import verdict

TEXT = """network mine(classes = 5, slack = 1e-5) {
    input 3 x 16 x 16
    conv 3x3, 8, bias=true -> bn eps=slack -> relu
    residual { conv 3x3, 8 -> relu }
    global_avgpool -> linear classes
}
"""
MODULE = """
import torch
from torch import nn

class Theirs(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.head, self.inner = nn.Linear(8, classes), nn.Conv2d(8, 8, 3, padding=1)
        self.first, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.norm(self.first(x)).relu()
        return self.head((x + self.inner(x).relu()).mean((2, 3)))

def ready():
    torch.manual_seed(3)
    module = Theirs()
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5) if "var" in name else tensor.normal_()
    return module.eval()

def wider():
    return Theirs(7)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A working directory with our text, and a module of Python whose name is given."""
    name = re.sub(r"\W", "_", tmp_path.name)
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "mine.arch").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def ready(name: str) -> nn.Module:
    from importlib import import_module

    module: nn.Module = import_module(name).ready()
    return module


def save_onnx(name: str, **options: bool) -> str:
    export(ready(name), Path("theirs.onnx"), [(3, 16, 16)], dynamo=options.get("dynamo", False))
    return "theirs.onnx"


def save_program(name: str) -> str:
    torch.export.save(torch.export.export(ready(name), (torch.zeros(2, 3, 16, 16),)), "theirs.pt2")
    return "theirs.pt2"


SOURCES: dict[str, Callable[[str], str]] = {
    "callable": lambda name: f"{name}:ready",
    "onnx": save_onnx,
    "saved program": save_program,
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_brings_its_weights(here: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = SOURCES[kind](here)
    assert main(["weights", "import", "mine.arch", "--from", source, "-o", "out", "--require-proof"]) == 0
    assert "\nproved: on random input both give the same" in capsys.readouterr().out
    ours = cnndsl.load("mine.arch").compile().eval()
    ours.load_state_dict(load_weights(Path("out/mine.safetensors")))
    image = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(ours(image), ready(here)(image), rtol=1e-4, atol=1e-4)
    assert main(["conform", "mine.arch", "--against", source]) == 0


@pytest.mark.parametrize("kind", ["onnx", "saved program"])
def test_a_file_that_is_a_program_says_itself_what_it_computes(here: str, kind: str) -> None:
    file = SOURCES[kind](here)
    found = import_weights(cnndsl.load("mine.arch"), file)
    assert found.proved and not list(found.found.unused())
    with pytest.raises(WeightsError, match=f"{file} has its weights in it, so give it alone"):
        import_weights(cnndsl.load("mine.arch"), _checkpoint(here), source=file)


def _checkpoint(name: str) -> str:
    torch.save(ready(name).state_dict(), "theirs.pth")
    return "theirs.pth"


def test_a_file_is_read_into_what_a_callable_makes(here: str) -> None:
    found = import_weights(cnndsl.load("mine.arch"), _checkpoint(here), source=f"{here}:Theirs")
    assert found.proved and torch.equal(found.state["conv1.weight"], ready(here).state_dict()["first.weight"])
    with pytest.raises(WeightsError, match=f"these are no weights of {here}:wider: size mismatch for head"):
        import_weights(cnndsl.load("mine.arch"), "theirs.pth", source=f"{here}:wider")


def test_an_onnx_file_may_be_the_weights_of_another_source(here: str) -> None:
    """By the names that PyTorch gave them; a norm that the exporter folded is missing then."""
    save_onnx(here)
    found = import_weights(cnndsl.load("mine.arch"), "theirs.onnx", source=f"{here}:Theirs")
    assert found.proved and torch.equal(found.state["linear.weight"], ready(here).state_dict()["head.weight"])


def test_other_networks_are_refused_whatever_the_source(here: str) -> None:
    wide = cnndsl.load("mine.arch", classes=6)
    for make in SOURCES.values():
        with pytest.raises(Unmatched, match="--new-head keeps the initial weights of ours"):
            import_weights(wide, source=make(here))
        assert import_weights(wide, source=make(here), new_head=True).proved
        found = conform(wide, make(here))
        assert next(str(each) for each in found.differences).startswith("linear: filters 6, theirs 5 (")


@pytest.mark.parametrize("slack", [1e-3, 2e-5])
def test_an_eps_is_not_lost_in_rounding(here: str, slack: float) -> None:
    """An ONNX file is run in float32, in which two numbers for `eps` give nearly the same."""
    for make in SOURCES.values():
        found = import_weights(cnndsl.load("mine.arch", slack=slack), source=make(here))
        assert not found.proved and any(line.startswith(f"bn: eps {slack:g}, theirs 1e-05") for line in found.lines)


def test_the_first_layer_that_differs_is_named_in_a_file_too(here: str) -> None:
    text = TEXT.replace("eps=slack -> relu", "eps=slack -> gelu")
    Path("mine.arch").write_text(text)
    for make in SOURCES.values():
        found = import_weights(cnndsl.load("mine.arch"), source=make(here))
        assert found.lines[0].startswith("the outputs differ: relative error ")
        assert re.match(r"the first layer that differs is conv2, theirs \S*inner \(", found.lines[1]), found.lines


# --- layers of a third party

MIXER = '''\
class Mixer(nn.Module):
    """A learned mixture of channels, of which every one sees its neighbour's."""

    def __init__(self, channels: int, shift: int) -> None:
        super().__init__()
        self.shift, self.weight = shift, nn.Parameter(torch.rand(channels, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nchw,dc->ndhw", torch.roll(x, self.shift, 1), self.weight)
'''


@dataclass(frozen=True)
class Mixer(Op):
    """It, as a layer of the language."""

    word: ClassVar[str] = "mixer"
    shift: int = 1

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return {"weight": (inputs[0][0], inputs[0][0])}

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("Mixer", (inputs[0][0], self.shift), source=MIXER)


@pytest.mark.parametrize("shift", [1, 2])
def test_a_layer_that_no_reader_knows_moves_by_itself(shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both modules are read alike, and what is said to the operators they are made of is compared."""
    monkeypatch.setitem(base._REGISTRY, "mixer", Mixer)
    ours = cnndsl.loads("network n {\ninput 3 x 8 x 8\nconv 3x3, 4 -> mixer as mix\nconv 1x1, 2\n}")
    torch.manual_seed(0)
    theirs = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), _mixer(4, shift), nn.Conv2d(4, 2, 1)).eval()
    foreign = from_module(theirs, [(3, 8, 8)], "theirs", "")
    both = counterparts(ours.graph, foreign.network)
    if shift == 2:
        said = [str(each) for each in differences(both.ours, both.theirs)]
        assert said == ["roll: shifts [1], theirs [2] (mix.mixer.roll <-> 1.roll)"]
        return
    alignment = both.alignment()
    module = ours.compile()
    moves = by_graph(both, alignment).moves
    assert [(move.ours.name, move.theirs.name) for move in moves][2] == ("mix.mixer.weight", "1.weight")
    module.load_state_dict(moved(moves, foreign.network.source_tensors(), module.state_dict()))
    assert verdict(both, alignment, module, foreign)[1]


def _mixer(channels: int, shift: int) -> nn.Module:
    found: dict[str, Any] = {"nn": nn, "torch": torch}
    exec(MIXER, found)
    module: nn.Module = found["Mixer"](channels, shift)
    return module
