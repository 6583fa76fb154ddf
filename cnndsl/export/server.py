"""A folder that NVIDIA's Triton Inference Server serves from, which is another Triton than the language of kernels.

`NAME/config.pbtxt` says what goes in and out, `NAME/1/model.onnx` is the first version of the network, and
`NAME/labels.txt` names its classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnndsl.export import Exported
from cnndsl.files import bytes_writer, text_writer, write_together

MOST = 32  # pictures that the server puts together as one batch
LABELS = "labels.txt"


def write_repository(folder: Path, made: Exported, classes: Sequence[str] | None = None) -> list[Path]:
    """Write a network that was exported to ONNX into a model repository, beside those that are there.

    classes  names of what the first output counts, in order
    Files are written together or not at all. Raises `OutputError`.
    """
    import onnx

    model = onnx.load_from_string(made.content)
    name = model.graph.name
    writers = {
        f"{name}/config.pbtxt": text_writer(_config(model, classes is not None)),
        f"{name}/1/model.onnx": bytes_writer(made.content),
    }
    if classes is not None:
        writers[f"{name}/{LABELS}"] = text_writer("".join(f"{' '.join(each.split())}\n" for each in classes))
    written = write_together(folder, writers)
    if classes is None:
        (folder / name / LABELS).unlink(missing_ok=True)  # those of an earlier network, which no output names
    return written


def other_versions(folder: Path, name: str) -> list[int]:
    """Of a network in a repository, those beside the first, which the server prefers as they are higher."""
    inside = (folder / name).iterdir()
    return sorted(int(each.name) for each in inside if each.is_dir() and each.name.isdecimal() and each.name != "1")


def _config(model: Any, labelled: bool) -> str:
    """In the text form of the server's `ModelConfig`."""
    open_batch = bool(_axes(model.graph.input[0])[0].dim_param)
    parts = [f'name: "{model.graph.name}"', 'backend: "onnxruntime"', f"max_batch_size: {MOST if open_batch else 0}"]
    parts += [_tensor("input", value, open_batch) for value in model.graph.input]
    for at, value in enumerate(model.graph.output):
        parts.append(_tensor("output", value, open_batch, LABELS if labelled and at == 0 else None))
    parts += ["dynamic_batching { }"] if open_batch else []
    return "\n".join(parts) + "\n"


def _tensor(kind: str, value: Any, open_batch: bool, labels: str | None = None) -> str:
    """Of a batch that is open the server knows by itself; other open sizes are -1."""
    sizes = [-1 if axis.dim_param else axis.dim_value for axis in _axes(value)[open_batch:]]
    lines = [f'name: "{value.name}"', "data_type: TYPE_FP32", f"dims: [ {', '.join(map(str, sizes))} ]"]
    lines += [f'label_filename: "{labels}"'] if labels else []
    return "\n".join([f"{kind} {{", *(f"  {line}" for line in lines), "}"])


def _axes(value: Any) -> Any:
    return value.type.tensor_type.shape.dim
