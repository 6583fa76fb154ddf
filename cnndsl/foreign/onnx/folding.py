"""What a file works out from constants alone, by the operators' own definitions in the `onnx` package."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from cnndsl.errors import reason
from cnndsl.foreign.onnx.drafts import Array
from cnndsl.foreign.onnx.step import Step
from cnndsl.foreign.onnx.unreadable import Unreadable


def evaluated(step: Step, inputs: Sequence[Array]) -> Array:
    """Its first result, of these inputs; those that are left out are None."""
    return run_node(step.node, step.opset, inputs)[0]


def run_node(node: Any, opset: int, inputs: Sequence[Array]) -> list[Array]:
    """The results of one node. Raises `Unreadable` with what the reference evaluator says if it fails."""
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    feeds = {name: value for name, value in zip(node.input, inputs, strict=True) if name}
    given = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in feeds]
    made = [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in node.output if name]
    graph = helper.make_graph([node], "node", given, made)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numbers far away overflow, as they should
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
            return list(ReferenceEvaluator(model).run(None, feeds))
    except Exception as error:  # whatever a malformed node makes the evaluator raise
        raise Unreadable(f"it cannot be worked out: {reason(error)}") from error
