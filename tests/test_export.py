"""Networks for other programs: a file computes what the module computes, and says which layer is which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from zoo import FILES, graphs

import cnndsl
from cnndsl import ArchError, Architecture, ExportError, WeightsError
from cnndsl.cli.main import main
from cnndsl.export import export
from cnndsl.export.onnx import OnnxFile
from cnndsl.export.pt2 import Pt2File
from cnndsl.export.verify import TOLERANCE
from cnndsl.weights import save_weights

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
        except (ArchError, ValueError):
            continue
        if not any(each.code == "W609" for each in network.report):
            return network
    return cnndsl.load(model)


def law(names: Iterator[str]) -> list[object]:
    return [
        pytest.param(each, marks=[] if named(each) in SMALL else [pytest.mark.slow], id=named(each)) for each in names
    ]


@pytest.mark.parametrize("model", law(iter(NETWORKS)))
def test_every_network_is_the_same_in_onnx(model: str) -> None:
    """In ONNX Runtime, at three batches: `export` compares."""
    made = export(smallest(model).graph, "onnx")
    assert made.apart <= TOLERANCE and [case.batch for case in made.cases] == [1, 2, 5]
    assert len(onnx.load_from_string(made.content).graph.node) > 3


@pytest.mark.parametrize("model", law(f"{path}:{[*graphs(path)][0]}" for path in FILES if graphs(path)))
def test_networks_are_the_same_in_pt2(model: str) -> None:
    assert export(smallest(model).graph, "pt2").apart <= TOLERANCE
