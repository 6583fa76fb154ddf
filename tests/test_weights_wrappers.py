"""Files of weights as they lie about: other formats under any name, and what stands around a state dict."""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnndsl.cli.main import main
from cnndsl.errors import WeightsError
from cnndsl.foreign.modules import build_foreign
from cnndsl.weights.files.read import read_state, type_of
from cnndsl.weights.files.wrappers import COMPILED, PREFIXES, WRAPPERS, without_prefixes

State = Mapping[str, Tensor]
STATE = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()), nn.Linear(6, 5)).state_dict()


def script(module: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is going out of use
        torch.jit.save(torch.jit.trace(module, torch.zeros(1, 3, 8, 8)), path)


# What a file is that holds a program, is no file of weights or a broken one, and how it is made.
OTHERS: dict[str, Callable[[Path], object]] = {
    "TorchScript": lambda path: script(nn.Conv2d(3, 4, 3), path),
    "an exported program": lambda path: torch.export.save(torch.export.export(nn.ReLU(), (torch.zeros(1, 3),)), path),
    "no ONNX file": lambda path: path.write_bytes(b"\x08\x08\x12\x07pytorch:\x02\x12\x00"),
    "broken HDF5": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64)),
    "TFLite": lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(64)),
    "a Git LFS pointer": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\nsize 9\n"),
    "a web page": lambda path: path.write_text("<!DOCTYPE html>"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz", ".pkl"])
@pytest.mark.parametrize("what", OTHERS)
def test_a_foreign_format_is_named_whatever_the_file_is_called(
    what: str, suffix: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / "made.pt2"
    OTHERS[what](path)
    path = path.rename(path.with_suffix(suffix))
    with pytest.raises(WeightsError, match=f"^cannot read weights from {path}: it is {re.escape(what)}"):
        read_state(path)
    assert not recwarn.list


# --- what stands around a state dict

WRAPPED: dict[str, Callable[[State], object]] = {
    **{key: partial(lambda key, state: {key: state, "epoch": 3}, key) for key in sorted(WRAPPERS)},
    "one in the other": lambda state: {"state_dict": {"model": state}},
    "Lightning": lambda state: {
        "state_dict": state,
        "callbacks": {"best": {"score": torch.tensor(0.5)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}}],
        "hyper_parameters": argparse.Namespace(lr=0.1, width=np.float64(2)),
        "epoch": np.int64(3),
    },
    "an optimizer": lambda state: {
        "model": state,
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []},
        "rng": {"cpu": torch.get_rng_state()},
    },
    "averaged": lambda state: {"n_averaged": torch.tensor(3), **prefixed("module.", state)},
}
BEFORE = ["", *PREFIXES, COMPILED, "module._orig_mod.", "_orig_mod.module.model.backbone.", "model.model."]


def prefixed(prefix: str, state: State) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


@pytest.mark.parametrize("what", WRAPPED)
def test_wrappers_are_seen_through(what: str, tmp_path: Path) -> None:
    torch.save(WRAPPED[what](STATE), tmp_path / "a.pth")
    assert list(without_prefixes(read_state(tmp_path / "a.pth").tensors, STATE)) == list(STATE)


@pytest.mark.parametrize("prefix", BEFORE)
def test_prefixes_are_seen_through_and_own_names_stay(prefix: str) -> None:
    assert list(without_prefixes(prefixed(prefix, STATE), STATE)) == list(STATE)
    own = prefixed(prefix, STATE)
    assert list(without_prefixes(own, own)) == list(own)


def test_a_part_may_be_compiled() -> None:
    part = {f"a.{COMPILED}{name}" if name[0] == "0" else f"a.{name}": each for name, each in STATE.items()}
    assert list(without_prefixes(part, prefixed("a.", STATE))) == list(prefixed("a.", STATE))


@pytest.mark.parametrize("source", [False, True])
def test_one_of_several_is_chosen(source: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    title = "torchvision:squeezenet1_1"
    state = build_foreign(title).state_dict()
    torch.save({"params": prefixed("module.", state), "params_ema": prefixed("_orig_mod.", state)}, tmp_path / "a.pth")
    arguments = ["weights", "import", "squeezenet1_1", str(tmp_path / "a.pth"), "--input", "3x64x64"]
    arguments += ["-o", str(tmp_path / "out"), *(["--from", title] if source else [])]
    assert main([*arguments, "--key", "params_ema"]) == 0
    capsys.readouterr()
    assert main([*arguments, "--key", "ema"]) == 2
    assert capsys.readouterr().err.endswith("a.pth: it has no ema; it has params, params_ema\n")


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.bool])
@pytest.mark.parametrize("source", [False, True])
def test_whole_numbers_are_no_weights(
    dtype: torch.dtype, source: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    title, name = "torchvision:squeezenet1_1", "features.3.squeeze.weight"
    state = build_foreign(title).state_dict()
    torch.save({**state, name: state[name].to(dtype)}, tmp_path / "a.pth")
    arguments = ["weights", "import", "squeezenet1_1", str(tmp_path / "a.pth"), "--input", "3x64x64"]
    assert main([*arguments, *(["--from", title] if source else [])]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"{name} is {type_of(state[name].to(dtype))}, and weights are" in said
