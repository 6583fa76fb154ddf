"""A layer of the graph as a command: its arguments, without those that the language takes anyway."""

from __future__ import annotations

from typing import Any

from cnndsl.ir import Graph, Node
from cnndsl.lifting.writing.terms import Argument, Command, Tensor, Usual
from cnndsl.ops.arguments import TensorLabel
from cnndsl.ops.base import LayerError, Op
from cnndsl.ops.convolution import half_padding
from cnndsl.passes.settle_bias import settle_bias, undoes_bias
from cnndsl.records import replace


def commands_of(graph: Graph) -> dict[str, Command]:
    """Every layer as a command, without its branches. A second use of weights names the first."""
    biased = _biased(graph)
    settled = settle_bias(graph)
    return {node.name: _command(settled[node.name], plain(node.op, node.name in biased)) for node in graph}


def plain(op: Op, has_bias: bool = True) -> Op:
    """The layer with arguments left open where the language's own choice is the same.

    `has_bias` says whether it has a bias where nothing is said.
    """
    left_open: Any = op
    choice = {each.name for each in op.signature() if each.default is None}
    if "bias" in choice and left_open.bias is has_bias:
        left_open = replace(left_open, bias=None)
    if "pad" in choice and left_open.pad is not None and left_open.pad == _half(op):
        left_open = replace(left_open, pad=None)
    return left_open  # type: ignore[no-any-return]


def _half(op: Any) -> object:
    try:
        return half_padding(op.kernel, op.dilation)
    except LayerError:  # an even kernel has none
        return None


def _biased(graph: Graph) -> set[str]:
    """The layers that have a bias if nothing is said; those of the same weights all do if one of them does."""
    seen = {node.again or node.name for node in graph if not undoes_bias(graph, node)}
    return {node.name for node in graph if (node.again or node.name) in seen}


def _command(node: Node, op: Op) -> Command:
    given = []
    for parameter in op.signature():
        value: object = getattr(op, parameter.name)
        if isinstance(parameter.kind, TensorLabel) and value is not None:
            value = Tensor(node.inputs[-1])
        if value == parameter.default and not parameter.required:
            actual: object = getattr(node.op, parameter.name)
            value = Usual(_half(op) if parameter.name == "pad" and value is None else actual)
        given.append(Argument(parameter, value))
    return Command(op.word, tuple(given), nodes=(node.name,), result=node.name)
