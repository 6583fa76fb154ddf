"""Repairs with numbers: which one argument of one layer would make the shapes agree, found by trying.

The candidates are few (pads up to the kernel, strides up to 4, a rounding, a number of filters), and shapes are
cheap, so solving the shape equation by search needs no algebra per layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from cnndsl.diagnostics import Report
from cnndsl.elaborate.drafts import Drafts, Tensor
from cnndsl.ops import show_shape
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.source import Span

MAX_NODES = 48  # a longer part is not worth searching: the repair would not be obvious either
_MOST_PAD = 16


class Repairer:
    def __init__(self, drafts: Drafts, report: Report) -> None:
        self.drafts = drafts
        self.report = report

    def for_input(self, op: Op, inputs: Sequence[Tensor]) -> str | None:
        """A change of `op` alone that lets it take its inputs at all."""
        for changed, words in _candidates(op, None) if not self.report.full else ():
            try:
                shape = changed.output(*(tensor.shape for tensor in inputs))
            except LayerError:
                continue
            return f"{words} would fit and make {show_shape(shape)}"
        return None

    def for_shape(
        self,
        nodes: range,
        result: Tensor,
        text: Span,
        channels: int,
        fits: Callable[[Shape], bool],
        suspect: Span | None = None,
    ) -> str | None:
        """A change of one layer written in `text` that makes `result` fit; `channels` is worth trying as filters.

        `nodes` are those that the text made. A layer that made several of them changes in all. The layer at `suspect`
        is tried first, then the last ones.
        """
        if len(nodes) > MAX_NODES or result.node not in nodes or self.report.full:
            return None
        layers = {self.drafts.nodes[node].span: self.drafts.nodes[node].op for node in reversed(nodes)}
        for span in sorted(layers, key=lambda span: span != suspect):
            if _stands_in(span, layers[span], text):
                for changed, words in _candidates(layers[span], channels):
                    shape = self._shape_with(nodes, result.node, span, changed)
                    if shape is not None and fits(shape):
                        where = f"the `{layers[span].word}` of line {span.line}"
                        return f"{words} on {where} would make it {show_shape(shape)}"
        return None

    def _shape_with(self, nodes: range, result: int, span: Span, changed: Op) -> Shape | None:
        """The result's shape if the layer at `span` were another; None if something would not fit then."""
        shapes: dict[int, Shape] = {}
        try:
            for node in nodes:
                draft = self.drafts.nodes[node]
                inputs = [shapes.get(source, self.drafts.nodes[source].shape) for source in draft.inputs]
                shapes[node] = (changed if draft.span == span else draft.op).output(*inputs)
        except LayerError:
            return None
        return shapes[result]


def _stands_in(span: Span, op: Op, text: Span) -> bool:
    """Whether a layer is written out within `text`, rather than in a block called there or put in by a structure."""
    inside = span.source is text.source and text.start <= span.start and span.end <= text.end
    return inside and span.text.split(maxsplit=1)[0].rstrip(",") == op.word


def _candidates(op: Any, channels: int | None) -> Iterator[tuple[Op, str]]:
    """The op with one argument changed, and that argument as one would write it; the likeliest first."""
    has = {field.name for field in fields(op)}
    if channels is not None and "filters" in has and op.filters != channels:
        yield from _try(op, f"{channels} filters", filters=channels)
    if {"pad", "kernel"} <= has:
        yield from _pads(op)
    if "round" in has:
        other = "ceil" if op.round == "floor" else "floor"
        yield from _try(op, f"`round={other}`", round=other)
    if "stride" in has:
        for stride in range(1, 5):
            if op.stride != (stride, stride):
                yield from _try(op, f"`/{stride}`", stride=(stride, stride))


def _pads(op: Any) -> Iterator[tuple[Op, str]]:
    rows, columns = (min(extent, _MOST_PAD) for extent in op.kernel)
    for pad in (*range(max(rows, columns) + 1), max(op.kernel) // 2):
        yield from _try(op, f"`pad={pad}`", pad=(pad,) * 4)
    for top in range(rows // 2 + 1):
        for left in range(columns // 2 + 1):
            if top != left:
                yield from _try(op, f"`pad={top}x{left}`", pad=(top, top, left, left))


def _try(op: Any, words: str, **change: object) -> Iterator[tuple[Op, str]]:
    try:
        yield replace(op, **change), words
    except LayerError:
        return
