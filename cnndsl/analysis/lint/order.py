"""Numbers that stand in another language's order: channels last, filters before the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnndsl.analysis.lint.finding import Finding
from cnndsl.diagnostics import Diagnostic, Edit, Fix
from cnndsl.habits.order import LARGEST_KERNEL, channels_first, channels_last
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import show_shape
from cnndsl.source import Span

_STATED = re.compile(r"input\s+(?P<shape>\d+(?:\s*x\s*\d+){2})$")
_PLAIN = re.compile(r"\w+\s+(?P<kernel>\d+)\s*,\s*(?P<filters>\d+)(?=\s*(?:,|$))")
_PRODUCT = re.compile(r"\w+\s+(?P<rows>\d+)\s*\*\s*(?P<columns>\d+)(?=\s*(?:,|$))")
_HALVED = re.compile(r"\w+\s+[^,]+,\s*(?P<filters>\d+)(?P<by>\s*/\s*2)\s*$")
_WINDOWED = {"conv", "conv_transpose", "depthwise", "maxpool", "avgpool"}


def channels_behind(graph: Graph) -> Iterator[Finding]:
    """W619"""
    for node in graph:
        stated = _STATED.match(node.span.text) if node.op.word == "input" else None
        if stated is not None and channels_last(node.shape):
            ours = f"input {show_shape(channels_first(node.shape))}"
            fix = Fix(f"channels come first: `{ours}`", (Edit(node.span, ours),))
            message = f"this input has {node.shape[0]} channels, and is {node.shape[2]} wide"
            yield node, Diagnostic("W619", message, node.span, fixes=(fix,))


def numbers_out_of_order(graph: Graph) -> Iterator[Finding]:
    """W620"""
    for node in graph:
        if node.op.word not in _WINDOWED:
            continue
        for rule in (_filters_first, _multiplied, _halved):
            finding = rule(node)
            if finding is not None:
                yield node, finding


def _filters_first(node: Node) -> Diagnostic | None:
    """`conv 21, 1`: a kernel that large, and so few filters."""
    found = _PLAIN.match(node.span.text)
    if found is None or int(found["kernel"]) <= LARGEST_KERNEL or int(found["filters"]) > LARGEST_KERNEL:
        return None
    kernel, filters = int(found["kernel"]), int(found["filters"])
    message = f"this kernel is {kernel} x {kernel}, and there {'are' if filters > 1 else 'is'} {filters} of it"
    ours = f"{filters}x{filters}, {kernel}"
    return _finding(
        node, message, f"the kernel comes first: `{node.op.word} {ours}`", (found.start(1), found.end(2)), ours
    )


def _multiplied(node: Node) -> Diagnostic | None:
    """`conv 3*3, 64`"""
    found = _PRODUCT.match(node.span.text)
    if found is None or found["rows"] != found["columns"]:
        return None
    size = int(found["rows"]) ** 2
    ours = f"{found['rows']}x{found['columns']}"
    place = (found.start(1), found.end(2))
    return _finding(node, f"this kernel is {size} x {size}", f"a size is written with `x`: `{ours}`", place, ours)


def _halved(node: Node) -> Diagnostic | None:
    """`conv 3x3, 64 / 2`"""
    found = _HALVED.match(node.span.text)
    if found is None or node.op.word not in ("conv", "conv_transpose"):
        return None
    message = f"these are {int(found['filters']) // 2} filters, and no stride"
    title = f"a stride is an argument of its own: `{found['filters']}, /2`"
    return _finding(node, message, title, found.span("by"), ", /2")


def _finding(node: Node, message: str, title: str, place: tuple[int, int], text: str) -> Diagnostic:
    start = node.span.start
    span = Span(node.span.source, start + place[0], start + place[1])
    return Diagnostic("W620", message, span, fixes=(Fix(title, (Edit(span, text),)),))
