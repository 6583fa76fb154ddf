"""Repairs with numbers: which one argument of one layer would make the shapes agree, found by trying.

The candidates are few (pads up to the kernel, strides up to 4, a rounding, a number of filters), and shapes are
cheap, so solving the shape equation by search needs no algebra per layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from cnndsl.elaborate.drafts import Drafts, Tensor
from cnndsl.ops import show_shape
from cnndsl.ops.base import LayerError, Op, Shape

MAX_NODES = 48  # a longer part is not worth searching: the repair would not be obvious either


class Repairer:
    def __init__(self, drafts: Drafts) -> None:
        self.drafts = drafts

    def for_input(self, op: Op, inputs: Sequence[Tensor]) -> str | None:
        """A change of `op` alone that lets it take its inputs at all."""
        for changed, words in _candidates(op, None):
            try:
                shape = changed.output(*(tensor.shape for tensor in inputs))
            except LayerError:
                continue
            return f"{words} would fit and make {show_shape(shape)}"
        return None

    def for_shape(self, nodes: range, result: Tensor, channels: int, fits: Callable[[Shape], bool]) -> str | None:
        """A change of one layer among `nodes` that makes `result` fit; `channels` is worth trying as filters."""
        if len(nodes) > MAX_NODES or result.node not in nodes:
            return None
        for node in reversed(nodes):
            draft = self.drafts.nodes[node]
            for changed, words in _candidates(draft.op, channels):
                shape = self._shape_with(nodes, result.node, node, changed)
                if shape is not None and fits(shape):
                    return f"{words} on `{draft.op.word}` (line {draft.span.line}) makes it {show_shape(shape)}"
        return None

    def _shape_with(self, nodes: range, result: int, changed_node: int, changed: Op) -> Shape | None:
        """The result's shape if one node were another layer; None if something would not fit then."""
        shapes: dict[int, Shape] = {}
        try:
            for node in nodes:
                draft = self.drafts.nodes[node]
                inputs = [shapes.get(source, self.drafts.nodes[source].shape) for source in draft.inputs]
                shapes[node] = (changed if node == changed_node else draft.op).output(*inputs)
        except LayerError:
            return None
        return shapes[result]


def _candidates(op: Any, channels: int | None) -> Iterator[tuple[Op, str]]:
    """The op with one argument changed, and that argument as one would write it; the likeliest first."""
    has = {field.name for field in fields(op)}
    if channels is not None and "filters" in has and op.filters != channels:
        yield from _try(op, f"{channels} filters", filters=channels)
    if {"pad", "kernel"} <= has:
        most = max(op.kernel)
        for pad in range(most + 1):
            yield from _try(op, f"`pad={pad}`", pad=(pad,) * 4)
        for rows in range(op.kernel[0] // 2 + 1):
            for columns in range(op.kernel[1] // 2 + 1):
                if rows != columns:
                    yield from _try(op, f"`pad={rows}x{columns}`", pad=(rows, rows, columns, columns))
    if "round" in has:
        other = "ceil" if op.round == "floor" else "floor"
        yield from _try(op, f"`round={other}`", round=other)
    if "stride" in has:
        for stride in range(1, 5):
            if op.stride != (stride, stride):
                yield from _try(op, f"`/{stride}`", stride=(stride, stride))


def _try(op: Any, words: str, **change: object) -> Iterator[tuple[Op, str]]:
    try:
        yield replace(op, **change), words
    except LayerError:
        return
