"""A file is read and checked before anything is made of it; nothing in it reaches outside of its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnndsl.errors import LiftError, reason
from cnndsl.extras import require

OLDEST = 7  # before it, what is broadcast is said in another way


def read_model(path: Path) -> Any:
    """The file's model with all of its weights, functions inlined. Raises `LiftError` and `MissingExtra`."""
    require("onnx", "torch", extra="onnx")
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    try:
        model = onnx.load_model(path, load_external_data=False)
    except Exception as error:  # protobuf raises anything
        raise LiftError(f"cannot read {path}: {_said(error)}") from error
    if not model.graph.node or not model.graph.output:
        raise LiftError(f"cannot read {path}: it is no ONNX file, or has no steps")
    _check_version(model, path)
    try:
        load_external_data_for_model(model, str(path.parent))  # refuses what lies outside of the folder
        _check(model)
        return _inlined(model)
    except Exception as error:  # whatever is wrong with the file
        raise LiftError(f"cannot read {path}: {_said(error)}") from error


def _said(error: Exception) -> str:
    text = reason(error)
    return "it is no ONNX file" if "pars" in text.lower() or "decod" in text.lower() else text


def _check(model: Any) -> None:
    """Each step by itself, as all of a model in one would be copied several times."""
    from onnx import checker

    context = checker.C.CheckerContext()
    context.ir_version = model.ir_version
    context.opset_imports = {each.domain: each.version for each in model.opset_import}
    for node in (node for node in model.graph.node if not any(each.HasField("g") for each in node.attribute)):
        checker.check_node(node, context)


def _inlined(model: Any) -> Any:
    from onnx import inliner

    return inliner.inline_local_functions(model) if model.functions else model


def _check_version(model: Any, path: Path) -> None:
    from onnx import defs

    version = version_of(model)
    if version > defs.onnx_opset_version():
        newest = defs.onnx_opset_version()
        raise LiftError(f"cannot read {path}: its operators are of version {version}, and this onnx knows {newest}")
    if version < OLDEST:
        raise LiftError(f"cannot read {path}: its operators are of version {version}, and {OLDEST} is the oldest read")


def version_of(model: Any) -> int:
    """Of ONNX's own operators."""
    return next((int(each.version) for each in model.opset_import if each.domain in ("", "ai.onnx")), 1)
