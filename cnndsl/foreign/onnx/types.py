"""What shapes a step gives, by ONNX's own inference and what the file says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnndsl.foreign.axes import sizes
from cnndsl.foreign.onnx.drafts import Tensor, Weight
from cnndsl.foreign.onnx.step import Step

Dims = tuple[int, ...]
SMALL = 64  # numbers of a constant on whose values a shape may depend


def inferred(step: Step, known: Mapping[str, Dims], kinds: dict[str, int]) -> list[Dims | None]:
    """The shape of each result with its batch; None where neither says it in numbers.

    `kinds` are the element types of tensors by name, to which those of the results are added.
    """
    types = _by_inference(step, kinds)
    kinds |= {name: each.tensor_type.elem_type for name, each in types.items()}
    return [dims_of(types.get(name)) or known.get(name) for name in step.node.output]


def _by_inference(step: Step, kinds: Mapping[str, int]) -> Mapping[str, Any]:
    from onnx import defs, helper, numpy_helper, shape_inference

    try:
        schema = defs.get_schema(step.operator, step.opset, step.node.domain)
        given = {name: value for name, value in zip(step.node.input, step.inputs, strict=True) if value is not None}
        types = {name: _type(value, kinds.get(name, 1)) for name, value in given.items()}
        small = {
            name: numpy_helper.from_array(value.values, name)
            for name, value in given.items()
            if isinstance(value, Weight) and value.values.size <= SMALL
        }
        imports = [helper.make_opsetid("", step.opset)]
        found: Mapping[str, Any] = shape_inference.infer_node_outputs(
            schema, step.node, types, small, opset_imports=imports
        )
        return found
    except Exception:  # operators that are not known, and nodes that ONNX finds fault with
        return {}


def _type(value: Tensor | Weight, kind: int) -> Any:
    from onnx import helper

    if isinstance(value, Tensor):
        return helper.make_tensor_type_proto(kind, sizes(value.axes))
    return helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(value.values.dtype), value.values.shape)


def dims_of(kind: Any) -> Dims | None:
    """The sizes of a type, if all of them are numbers."""
    if kind is None or not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    return tuple(int(each.dim_value) for each in dims) if all(each.HasField("dim_value") for each in dims) else None
