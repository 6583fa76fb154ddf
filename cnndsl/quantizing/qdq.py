"""From a model of ONNX in float to the same in int8, by ONNX Runtime or by NNCF.

Both write QDQ: pairs of QuantizeLinear and DequantizeLinear stand where numbers are rounded, and whoever runs the
model computes what lies between in int8. Nodes and tensors keep their names. Weights have a scale for each channel
and 7 bits: processors without VNNI cut off sums of two products of 8 bits, and a file shall mean the same on all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cnndsl.backends.torch.recording import quiet
from cnndsl.errors import QuantizeError, reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTIZE, DEQUANTIZE = PAIR = ("QuantizeLinear", "DequantizeLinear")


def by_onnxruntime(content: bytes, pictures: Sequence[NDArray[Any]], kept: Sequence[str]) -> bytes:
    """Ranges are the least and largest values that were seen. Raises `QuantizeError`."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    model = onnx.load_from_string(content)
    (given,) = model.graph.input

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(pictures)

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            picture = next(self.left, None)
            return None if picture is None else {given.name: picture}

    with TemporaryDirectory() as folder, _silent():
        path = Path(folder) / "int8.onnx"
        try:
            quantize_static(
                model,
                path,
                Reader(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=list(kept),
                extra_options={"QDQKeepRemovableActivations": True},  # who runs the model drops them as well
            )
        except (AssertionError, ValueError) as error:  # such as values between layers that are not finite
            raise QuantizeError(f"ONNX Runtime cannot quantize this network: {reason(error)}") from error
        made = onnx.load(path)
    _leave_inputs(made, kept)
    _leave_outputs(made)
    onnx.checker.check_model(made)
    result: bytes = made.SerializeToString()
    return result


def _leave_inputs(model: Any, kept: Sequence[str]) -> None:
    """What stays in float reads what is in float: pairs before it that no other layer needs go."""
    by_output = {output: node for node in model.graph.node for output in node.output}
    waiting = [node for node in model.graph.node if node.name in kept]
    for node in waiting:
        for at, name in enumerate(node.input):
            last = by_output.get(name)
            if last is not None and last.op_type == DEQUANTIZE and last.input[0] in by_output:
                node.input[at] = by_output[last.input[0]].input[0]
            maker = by_output.get(node.input[at])
            if maker is not None and maker.op_type in ("Relu", "Clip"):  # the pair before it rounds just so
                waiting.append(maker)
    for op in (DEQUANTIZE, QUANTIZE):
        read = {name for node in model.graph.node for name in node.input} | {each.name for each in model.graph.output}
        for node in [each for each in model.graph.node if each.op_type == op and each.output[0] not in read]:
            model.graph.node.remove(node)


def _leave_outputs(model: Any) -> None:
    """Results stay what the last layer gives: rounded to 256 steps, classes that are nearly as probable would tie."""
    by_output = {output: node for node in model.graph.node for output in node.output}
    for output in model.graph.output:
        last = by_output[output.name]
        if last.op_type != DEQUANTIZE:
            continue
        first = by_output[last.input[0]]
        _rename(by_output[first.input[0]].output, first.input[0], output.name)
        model.graph.node.remove(first)
        model.graph.node.remove(last)


def _rename(names: Any, old: str, new: str) -> None:
    for at, name in enumerate(names):
        if name == old:
            names[at] = new


def by_nncf(content: bytes, pictures: Sequence[NDArray[Any]], kept: Sequence[str]) -> bytes:
    """Ranges are means of what pictures show, and biases make up for what rounding moves."""
    os.environ.setdefault("NNCF_CI", "1")  # before it is imported: it sends word of what it does to its makers
    import nncf
    import onnx
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

    model = onnx.load_from_string(content)
    (given,) = model.graph.input
    with _silent():
        made = nncf.quantize(
            model,
            nncf.Dataset([{given.name: picture} for picture in pictures]),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(pictures),
            ignored_scope=nncf.IgnoredScope(names=list(kept), validate=False),
            advanced_parameters=AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE),
        )
    result: bytes = made.SerializeToString()
    return result


def openvino_form(content: bytes) -> tuple[bytes, bytes]:
    """The model in OpenVINO's own form: what it computes, and its weights."""
    import openvino

    with TemporaryDirectory() as folder:
        path = Path(folder) / "int8.xml"
        openvino.save_model(openvino.Core().read_model(content, b""), path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


@contextmanager
def _silent() -> Iterator[None]:
    """Neither progress nor advice, nor a handler that logging makes for want of one."""
    root, nowhere = logging.getLogger(), logging.NullHandler()
    before = logging.getLogger("nncf").level
    root.addHandler(nowhere)
    logging.getLogger("nncf").setLevel(logging.ERROR)
    try:
        with quiet():
            yield
    finally:
        logging.getLogger("nncf").setLevel(before)
        root.removeHandler(nowhere)
