"""A tail's expressions as operations of cuDNN's graphs: the same text that Triton compiles."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from cnndsl.kernels.tails import RELU

BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div"}
COMPARED = {ast.Lt: "cmp_lt", ast.LtE: "cmp_le", ast.Gt: "cmp_gt", ast.GtE: "cmp_ge"}
CALLED = ("abs", "erf", "exp", "log", "sqrt", "tanh")  # by the same name


def applied(cudnn: Any, graph: Any, expressions: Iterable[str], **values: Any) -> Any:
    """The expressions applied in turn to `values["x"]`, on tensors of a graph.

    Raises ValueError for what cuDNN has no operation for.
    """
    for expression in expressions:
        if expression == RELU:  # which every engine has, where some have no choice between two values
            values["x"] = graph.relu(input=values["x"])
        else:
            values["x"] = _Reading(cudnn, graph, values).value(ast.parse(expression, mode="eval").body)
    return values["x"]


class _Reading:
    """One expression, read from its leaves."""

    def __init__(self, cudnn: Any, graph: Any, values: Mapping[str, Any]) -> None:
        self.cudnn, self.graph, self.values = cudnn, graph, values

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(float() | int()) | ast.UnaryOp(ast.USub(), ast.Constant()):
                return self.number(ast.literal_eval(node))
            case ast.Name(name) if name in self.values:
                return self.values[name]
            case ast.UnaryOp(ast.USub(), operand):
                return self.graph.neg(input=self.value(operand))
            case ast.BinOp(left, operator, right) if type(operator) in BINARY:
                return getattr(self.graph, BINARY[type(operator)])(a=self.value(left), b=self.value(right))
            case ast.Compare(left, [operator], [right]) if type(operator) in COMPARED:
                return self.compared(COMPARED[type(operator)], left, right)
            case ast.Call(ast.Attribute(attr=function), arguments):
                return self.called(function, arguments)
        raise ValueError(f"cuDNN has no operation for `{ast.unparse(node)}`")

    def number(self, value: float) -> Any:
        return self.graph.tensor_scalar(float(value), self.cudnn.scalar_type.COMPILE_TIME_CONST)

    def compared(self, operation: str, left: ast.expr, right: ast.expr) -> Any:
        found = getattr(self.graph, operation)(input=self.value(left), comparison=self.value(right))
        return found.set_data_type(self.cudnn.data_type.BOOLEAN)

    def called(self, function: str, arguments: list[ast.expr]) -> Any:
        values = [self.value(each) for each in arguments]
        match function, values:
            case "where", [mask, yes, no]:
                return self.graph.binary_select(input0=yes, input1=no, mask=mask)
            case "maximum" | "minimum", [a, b]:
                return getattr(self.graph, function[:3])(input0=a, input1=b)
            case "expm1", [x]:  # off by a rounding of 1, where tensors of 16 bits are off by more
                return self.graph.sub(a=self.graph.exp(input=x), b=self.number(1.0))
            case "log1p", [x]:
                return self.graph.log(input=self.graph.add(a=x, b=self.number(1.0)))
            case _, [x] if function in CALLED:
                return getattr(self.graph, function)(input=x)
        raise ValueError(f"cuDNN has no operation for `{function}`")
