"""What PyTorch records of a graph's steps, and the same as a model of ONNX; every node says which layer it is of.

A node of either has the layer's path in its scope, and the line of the `.arch` file where a stack trace has one.
"""

from __future__ import annotations

import warnings
from ast import literal_eval
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import torch
import torch.fx.experimental._config
from torch import Tensor
from torch.export import ExportedProgram

from cnndsl.backends.torch.header import base_name
from cnndsl.backends.torch.steps import STEPS, Steps
from cnndsl.ir.graph import Node

_sizes: Any = torch.fx.experimental._config
SCOPES = "pkg.torch.onnx.name_scopes"  # where PyTorch's exporter keeps modules


def record(
    steps: Steps, inputs: tuple[Tensor, ...], open_sizes: Sequence[Mapping[int, Any]] | None = None
) -> ExportedProgram:
    """The program that `steps` run for such inputs.

    `open_sizes` are for each input the axes whose sizes may differ, as `torch.export.Dim`s; their guards become
    assertions of the program. Raises whatever PyTorch raises if it cannot leave them open.
    """
    with quiet(), torch.no_grad(), _sizes.patch(backed_size_oblivious=True):
        program = torch.export.export(
            steps,
            inputs,
            dynamic_shapes=None if open_sizes is None else tuple(dict(each) for each in open_sizes),
            strict=False,
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    for node in program.graph.nodes:
        _tell_layer(node.meta, steps)
    return program


def _tell_layer(meta: dict[str, Any], steps: Steps) -> None:
    """Put the layer in the place of modules and lines that are only ours."""
    paths = (path for path, _ in meta.get("nn_module_stack", {}).values())
    number = next((path.removeprefix(f"{STEPS}.") for path in paths if path.startswith(f"{STEPS}.")), None)
    if number is None:
        meta.pop("stack_trace", None)
        return
    node = steps.steps[int(number)].node
    meta["nn_module_stack"] = {"": ("", steps.graph.name), node.name: (node.name, node.op.word)}
    file, line = node.span.source, node.span.line
    meta["stack_trace"] = f'File "{base_name(file)}", line {line}, in {node.name}\n    {file.line(line).strip()}'


def place(node: Node) -> str:
    """`resnet.arch:12`, the line that a layer comes from."""
    return f"{base_name(node.span.source)}:{node.span.line}"


def to_onnx(program: ExportedProgram) -> Any:
    """The program as a model of `onnx_ir`, its constants folded and its layers as they are."""
    from onnxscript.optimizer import fold_constants, remove_unused_nodes
    from onnxscript.rewriter import rewrite
    from onnxscript.rewriter.rules.common import materialize_reshape_shape_rule

    with quiet(), torch.no_grad():
        made = torch.onnx.export(program, (), dynamo=True, optimize=False, verbose=False)
        assert made is not None
        fold_constants(made.model)
        rewrite(made.model, [materialize_reshape_shape_rule])
        _pool_whole_maps(made.model)
        remove_unused_nodes(made.model)
    return made.model


def _pool_whole_maps(model: Any) -> None:
    """The mean of a map is a pool again, as which engines keep their order of channels through it."""
    for node in model.graph:
        if node.op_type == "ReduceMean" and len(node.inputs) == 2 and len(node.inputs[0].shape or ()) == 4:
            axes, kept = node.inputs[1].const_value, node.attributes.get("keepdims")
            if axes is not None and {int(axis) % 4 for axis in axes.numpy()} == {2, 3} and (not kept or kept.value):
                node.op_type = "GlobalAveragePool"
                node.resize_inputs(1)
                node.attributes.clear()


def layer_path(node: Any) -> str:
    """The layer that a node of such a model is of; empty for what is of none."""
    scopes = literal_eval(node.metadata_props.get(SCOPES, "[]"))
    return str(scopes[1]) if len(scopes) > 2 else ""


@contextmanager
def quiet() -> Iterator[None]:
    """PyTorch's exporters print and warn of what is none of a user's business."""
    with warnings.catch_warnings(), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        yield
