"""Edits of the text of one layer: an argument taken out, set or added, the layer removed from its chain."""

from __future__ import annotations

import re

from cnndsl.diagnostics import Edit, Fix
from cnndsl.ir.graph import Node
from cnndsl.source import Span

_ARROW_BEFORE = re.compile(r"\s*->\s*\Z")
_ARROW_AFTER = re.compile(r"\s*->[ \t]*")
_REST_OF_LINE = re.compile(r"[ \t]*(#[^\n]*)?(\n|\Z)")


def fix(title: str, *edits: Edit | None, safe: bool = False) -> tuple[Fix, ...]:
    """The one fix there is, if all of its edits can be made."""
    made = tuple(edit for edit in edits if edit is not None)
    return (Fix(title, made, safe),) if len(made) == len(edits) else ()


def stands_there(node: Node) -> bool:
    """Whether the layer is written by its own name, and not handed over by a parameter."""
    return re.match(rf"{node.op.word}\b", node.span.text) is not None


def argument_set(node: Node, name: str, value: str) -> Edit | None:
    """`name=value`, added behind the other arguments, or in place of what is written out there."""
    if not stands_there(node):
        return None
    known = re.search(rf"\b{name}\s*=\s*([\w.+-]+)", node.span.text)
    if known is None:
        comma = "," if re.search(r"[\w\]]$", node.span.text) and node.span.text != node.op.word else ""
        return Edit(node.span.source.span(node.span.end, node.span.end), f"{comma} {name}={value}")
    if re.fullmatch(r"[\d.]+(e[+-]?\d+)?|true|false", known[1]) is None:
        return None
    return Edit(_part(node, *known.span(1)), value)


def argument_removed(node: Node, name: str) -> Edit | None:
    """The text without `, name=value`."""
    known = re.search(rf"\s*,\s*{name}\s*=\s*(true|false|[\d.]+)(?=\s*(,|$))", node.span.text)
    return Edit(_part(node, *known.span()), "") if known is not None and stands_there(node) else None


def first_argument_set(node: Node, value: str) -> Edit | None:
    """Another first argument, if that is a size that is written out."""
    known = re.match(rf"{node.op.word}\s+(\d+(x\d+)?)(?=\s*(,|$))", node.span.text)
    return Edit(_part(node, *known.span(1)), value) if known is not None else None


def replaced(node: Node, text: str) -> Edit | None:
    return Edit(node.span, text) if stands_there(node) else None


def inserted_before(node: Node, text: str) -> Edit | None:
    """Another layer in front of this one."""
    return Edit(node.span.source.span(node.span.start, node.span.start), f"{text} -> ")


def removed(node: Node) -> Edit | None:
    """The layer taken out of its chain; a line of its own goes with it. Of a branch, something must be left."""
    if not stands_there(node):
        return None
    text, start, end = node.span.source.text, node.span.start, node.span.end
    if before := _ARROW_BEFORE.search(text, max(0, start - 200), start):
        return Edit(node.span.source.span(before.start(), end), "")
    if after := _ARROW_AFTER.match(text, end):
        return Edit(node.span.source.span(start, after.end()), "")
    line_start = text.rfind("\n", 0, start) + 1
    rest = _REST_OF_LINE.match(text, end)
    if rest is not None and not text[line_start:start].strip():
        return Edit(node.span.source.span(line_start, rest.end()), "")
    return None


def _part(node: Node, start: int, end: int) -> Span:
    """Letters of the layer's text."""
    return node.span.source.span(node.span.start + start, node.span.start + end)
