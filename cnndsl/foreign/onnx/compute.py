"""What an ONNX file computes, by ONNX Runtime, which has nothing of ours in it: the other side of every proof.

It has no float64 convolutions, and the reference evaluator of the `onnx` package, which has, is wrong about padded
average pools; so a proof is to the precision of float32.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.errors import LiftError, reason
from cnndsl.extras import require
from cnndsl.foreign.onnx.model import read_model
from cnndsl.foreign.onnx.read import Reading, read

if TYPE_CHECKING:
    from torch import Tensor

SINGLE, HALF = 1e-4, 2e-2
"""Relative errors of outputs that are rounding, of files with 32 and with 16 bits."""


def compute(path: Path, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The file's outputs for `inputs`, both as our network has them: images with their channels first.

    Samples go through one by one, or as many together as the file is made for. Raises `LiftError` and `MissingExtra`.
    """
    return run(read(path, tuple(inputs[0].shape[1:]) if len(inputs) == 1 else None), path, inputs)


def run(reading: Reading, path: Path, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The same, of a file that has been read. Nothing is optimised before it runs."""
    made = _computed(reading, path, str(path), inputs, list(reading.outputs))
    return [_moved(each, (0, 3, 1, 2), last) for each, last in zip(made, reading.outputs.values(), strict=True)]


def results(reading: Reading, path: Path, inputs: Sequence[Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """What steps of the file give, by the file's names for that, as they lie there."""
    model = read_model(path)
    known = {name: number for number, node in enumerate(model.graph.node) for name in node.output}
    wanted = sorted({*names} & known.keys(), key=known.__getitem__)
    model.graph.output.extend(type(model.graph.output[0])(name=name) for name in wanted)
    return dict(zip(wanted, _computed(reading, path, model.SerializeToString(), inputs, wanted), strict=True))


def _computed(
    reading: Reading, path: Path, model: str | bytes, inputs: Sequence[Tensor], names: Sequence[str]
) -> list[Tensor]:
    require("onnxruntime", extra="onnx")
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        pieces = zip(*(torch.split(x, reading.batch) for x in inputs), strict=True)
        parts = [_run(session, reading, piece, names) for piece in pieces]
    except Exception as error:  # ONNX Runtime raises its own kinds
        raise LiftError(f"ONNX Runtime cannot run {path}: {reason(error)}") from error
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def _run(session: Any, reading: Reading, inputs: Sequence[Tensor], names: Sequence[str]) -> list[Tensor]:
    import torch

    kinds = {each.name: each.type for each in session.get_inputs()}
    given = zip(reading.inputs.items(), inputs, strict=True)
    feeds = {name: _numpy(_moved(x, (0, 2, 3, 1), last), kinds[name]) for (name, last), x in given}
    return [torch.from_numpy(values).double() for values in session.run(list(names), feeds)]


def _moved(x: Tensor, order: Sequence[int], wanted: bool) -> Tensor:
    return x.permute(*order).contiguous() if wanted else x


def _numpy(x: Tensor, kind: str) -> Any:
    """In the file's own precision."""
    import numpy as np

    kinds = {"tensor(float16)": np.float16, "tensor(double)": np.float64}
    return x.numpy().astype(kinds.get(kind, np.float32))
