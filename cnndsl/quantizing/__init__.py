"""Networks in int8 for inference, with ranges that pictures say, and measured beside the network in float."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.errors import QuantizeError
from cnndsl.extras import require
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import show_shape
from cnndsl.photographs.preprocessing import CHANNELS, Preprocessing
from cnndsl.quantizing.form import ENDINGS, TOLERANCE, Quantized, To
from cnndsl.train.data.images import Data

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CALIBRATED", "TOLERANCE", "Quantized", "To", "quantize", "require_fitting", "require_packages"]

CALIBRATED = 256  # pictures
LOOKED_AT = 16  # pictures on which layers are compared
PACKAGES = ("torch", "safetensors", "PIL", "torchvision", "tqdm", "onnx", "onnxscript", "onnxruntime")


def require_packages(to: To) -> None:
    """Raise `MissingExtra` for what quantizing needs."""
    require(*PACKAGES, *(("openvino", "nncf") if to == "openvino" else ()), extra="quantize")


def quantize(
    graph: Graph,
    weights: Path | Mapping[str, Tensor],
    preprocessing: Preprocessing,
    classes: Sequence[str],
    data: Data,
    named: str,
    *,
    to: To = "onnx",
    keep: Iterable[str] = (),
) -> Quantized:
    """The network in int8, weights and what flows between layers, measured on what is held out of the data.

    weights  a safetensors file, or a state dict of the module
    classes  the names of the network's classes, in order
    named    what the data is called
    to       for ONNX Runtime, by ONNX Runtime, or for OpenVINO, by NNCF
    keep     paths of layers, and of blocks for all layers in them, that stay in float
    Ranges of values are from pictures that are learned from, none of which is held out. Raises `QuantizeError`,
    `TrainingError` for a network that does not classify, `DataError`, `ExportError`, `WeightsError`, `MissingExtra`.
    """
    require_packages(to)
    require_fitting(graph, preprocessing)
    import onnx

    from cnndsl.export import export
    from cnndsl.quantizing import qdq
    from cnndsl.quantizing.inputs import inputs
    from cnndsl.quantizing.keeping import kept_layers, kept_nodes
    from cnndsl.quantizing.losses import losses
    from cnndsl.quantizing.running import Engine, speed
    from cnndsl.train.evaluating import class_numbers, evaluate
    from cnndsl.train.objective import results_of

    results_of(graph, 0.0)
    class_numbers(graph, classes, data.classes)
    layers = kept_layers(graph, keep)
    exact = export(graph, "onnx", weights=weights, optimize=True)
    kept = kept_nodes(onnx.load_from_string(exact.content), layers)
    seen, unread = inputs(data.train, preprocessing, CALIBRATED)
    if not seen:
        raise QuantizeError(
            f"{named} has no picture to be learned from that can be read, to say how large values become"
        )
    in_float = Engine(to, exact.content)
    measured = evaluate(graph, in_float, preprocessing, classes, data, named)
    rounded = (qdq.by_onnxruntime if to == "onnx" else qdq.by_nncf)(exact.content, seen, kept)
    if b"DequantizeLinear" not in rounded:
        raise QuantizeError(f"nothing of {graph.name} is left to be in int8")
    contents = (rounded,) if to == "onnx" else qdq.openvino_form(rounded)
    in_int8 = Engine(to, *contents)
    looked_at, _ = inputs(data.held_out, preprocessing, LOOKED_AT)
    off, by_layer = losses(graph, exact, rounded, looked_at)
    return Quantized(
        to=to,
        files=dict(zip(ENDINGS[to], contents, strict=True)),
        exact_size=len(exact.content),
        calibrated=len(seen),
        exact=measured,
        int8=evaluate(graph, in_int8, preprocessing, classes, data, named),
        speed=speed(to, in_float, in_int8, graph.inputs[0].shape),
        off=off,
        losses=by_layer,
        unread=tuple(unread),
    )


def require_fitting(graph: Graph, preprocessing: Preprocessing) -> None:
    """Raise `QuantizeError` for a network that does not take what pictures become."""
    shape = (CHANNELS[preprocessing.channels], preprocessing.crop, preprocessing.crop)
    if len(graph.inputs) > 1:
        raise QuantizeError(f"{graph.name} has {len(graph.inputs)} inputs, and data has a picture for one")
    if [node.shape for node in graph.inputs] != [shape]:
        raise QuantizeError(f"{graph.name} does not take what its pictures become, {show_shape(shape)}")
