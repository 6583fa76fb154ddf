"""What an ONNX file computes, by ONNX Runtime, which has nothing of ours in it: the other side of every proof."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.errors import ForeignError, reason
from cnndsl.extras import require
from cnndsl.foreign.onnx.read import read

if TYPE_CHECKING:
    from torch import Tensor


def compute(path: Path, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The file's outputs for float32 `inputs`, both as our network has them: images with their channels first.

    Nothing is optimised before it runs. Raises `ForeignError` and `MissingExtra`.
    """
    require("onnx", "onnxruntime", "torch", extra="onnx")
    import onnxruntime
    import torch

    reading = read(path, tuple(inputs[0].shape[1:]) if len(inputs) == 1 else None)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        given = zip(reading.inputs.items(), inputs, session.get_inputs(), strict=True)
        feeds = {name: _numpy(_moved(x, (0, 2, 3, 1), last), each.type) for (name, last), x, each in given}
        results = session.run(list(reading.outputs), feeds)
    except Exception as error:  # ONNX Runtime raises its own kinds
        raise ForeignError(f"ONNX Runtime cannot run {path}: {reason(error)}") from error
    made = zip(results, reading.outputs.values(), strict=True)
    return [_moved(torch.from_numpy(values).float(), (0, 3, 1, 2), last) for values, last in made]


def _moved(x: Tensor, order: Sequence[int], wanted: bool) -> Tensor:
    return x.permute(*order).contiguous() if wanted else x


def _numpy(x: Tensor, kind: str) -> object:
    """In the file's own precision."""
    import numpy as np

    kinds = {"tensor(float16)": np.float16, "tensor(double)": np.float64}
    return x.numpy().astype(kinds.get(kind, np.float32))
