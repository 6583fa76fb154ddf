"""Weights in files, and whether they fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import cnndsl
from cnndsl.backends.torch import build
from cnndsl.errors import WeightsError
from cnndsl.states import check_shapes, expected_shapes, load_weights, save_weights
from cnndsl.version import __version__

GRAPH = cnndsl.loads("network net { input 3 x 8 x 8\n conv 3x3, 4 -> bn -> relu -> flatten -> linear 5 }").graph


def test_shapes_follow_from_the_graph() -> None:
    assert expected_shapes(GRAPH) == {
        "conv.weight": (4, 3, 3, 3),
        "bn.weight": (4,),
        "bn.bias": (4,),
        "bn.running_mean": (4,),
        "bn.running_var": (4,),
        "bn.num_batches_tracked": (),
        "linear.weight": (5, 256),
        "linear.bias": (5,),
    }


def test_a_file_comes_back_as_it_went(tmp_path: Path) -> None:
    state, path = build(GRAPH).state_dict(), tmp_path / "net.safetensors"
    save_weights(state, path, "net")
    loaded = load_weights(path, GRAPH)
    assert loaded.keys() == state.keys() and all(torch.equal(loaded[name], state[name]) for name in state)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"cnndsl": f"net, written by cnndsl {__version__}"}


def test_strided_and_shared_tensors_are_saved(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    save_weights({"turned": base.T, "row": base[1]}, tmp_path / "a.safetensors", "net")
    loaded = load_weights(tmp_path / "a.safetensors")
    assert torch.equal(loaded["turned"], base.T) and torch.equal(loaded["row"], base[1])


def test_everything_that_does_not_fit_is_named() -> None:
    found = dict(expected_shapes(GRAPH))
    del found["bn.num_batches_tracked"]
    check_shapes(GRAPH, found)
    found["conv.wieght"] = found.pop("conv.weight")
    found["linear.weight"] = (10, 256)
    found["stem.weight"] = (1,)
    with pytest.raises(WeightsError) as caught:
        check_shapes(GRAPH, found)
    assert str(caught.value).split("\n  ") == [
        "these weights do not fit net:",
        "conv.weight (4 x 3 x 3 x 3) is missing",
        "linear.weight is 10 x 256, not 5 x 256",
        "conv.wieght (4 x 3 x 3 x 3) is not part of the network; did you mean conv.weight?",
        "stem.weight (1) is not part of the network",
    ]


def test_many_problems_are_cut_short() -> None:
    with pytest.raises(WeightsError, match=r"\.\.\. and 87 more"):
        check_shapes(GRAPH, {f"layer{i}.weight": (1,) for i in range(100)})


@pytest.mark.parametrize("content", [b"", b"not a file of tensors", b"\xff" * 8 + b"{}", None])
def test_files_that_are_no_weights(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "bad.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot read weights from") as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)
