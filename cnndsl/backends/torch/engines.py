"""ONNX Runtime and OpenVINO: engines that run a network in PyTorch's place, with a copy of its weights.

Their threads rest soon after a run: threads that wait at work for the next one take the time of whatever runs beside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from cnndsl.backends.torch.recording import record, to_onnx
from cnndsl.backends.torch.steps import Steps
from cnndsl.extras import missing
from cnndsl.ir.graph import Graph
from cnndsl.passes.unfuse import unfuse
from cnndsl.states.recipes import derive

Run = Callable[..., list[Tensor]]
# Microseconds in which a thread of ONNX Runtime waits at work for more, 40,000 unless told. Without any, each run wakes
# all of them, and one that wakes on the core of another costs several milliseconds. Older versions ignore it.
SPIN = 2000


def session(model: bytes) -> Any:
    """ONNX Runtime on the CPU, with as many threads as PyTorch."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.spin_duration_us", str(SPIN))
    options.log_severity_level = 3  # errors, which are raised as well
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def onnxruntime(model: bytes) -> Run:
    made = session(model)
    given = [each.name for each in made.get_inputs()]

    def run(*inputs: Tensor) -> list[Tensor]:
        feed = {name: x.contiguous().numpy() for name, x in zip(given, inputs, strict=True)}
        return [torch.from_numpy(array) for array in made.run(None, feed)]

    return run


def openvino(model: bytes, precision: str = "f32", weights: bytes = b"") -> Run:
    """A model of ONNX, or OpenVINO's own form, whose weights are apart."""
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    request = core.compile_model(core.read_model(model, weights), "CPU", settings).create_infer_request()

    def run(*inputs: Tensor) -> list[Tensor]:
        found = request.infer([x.contiguous().numpy() for x in inputs], share_inputs=True)
        return [torch.from_numpy(found[index].copy()) for index in range(len(found))]

    return run


ENGINES: tuple[Callable[[bytes], Run], ...] = (onnxruntime, openvino)


def installed() -> list[Callable[[bytes], Run]]:
    """The engines that can be imported; none without what writes ONNX."""
    if missing("onnx", "onnxscript"):
        return []
    return [engine for engine in ENGINES if not missing(engine.__name__)]


def optimized_onnx(graph: Graph, state: Mapping[str, Tensor], inputs: tuple[Tensor, ...]) -> bytes:
    """A network that was optimised for PyTorch, with such weights, as a model for such inputs alone."""
    import onnx_ir

    plain = unfuse(graph)
    steps = Steps(plain, derive(plain, state))
    content: bytes = onnx_ir.to_proto(to_onnx(record(steps, inputs))).SerializeToString()
    return content
