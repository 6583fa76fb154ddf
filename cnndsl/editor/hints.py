"""Hints at line ends: the shape that flows on there, where the text does not say it itself."""

from __future__ import annotations

from cnndsl.editor.view import Focus, View
from cnndsl.editor.wording import shapes_in_words
from cnndsl.records import dataclass
from cnndsl.syntax import tree
from cnndsl.syntax.tables import tables


@dataclass(frozen=True)
class Hint:
    """A text to show behind the last word of a line."""

    offset: int
    text: str


def hints(view: View, focus: Focus | None = None) -> list[Hint]:
    """The shapes at the ends of lines, from top to bottom; behind a mistake those that are known again."""
    ends = _last_words(view)
    found: list[Hint] = []
    for line, flow in sorted(_last_flows(view).items()):
        if flow.shape is None:
            given = view.instances(flow.elements[-1].span, focus)
            shapes = shapes_in_words(each.passing.gave for each in given)
            found += [Hint(ends[line], f": {shapes}")] if shapes else []
    return found


def _last_flows(view: View) -> dict[int, tree.Flow]:
    """By line the flow that ends last on it."""
    last: dict[int, tree.Flow] = {}
    for flow in sorted(view.flows, key=end_of_flow):
        last[view.source.position(end_of_flow(flow))[0]] = flow
    return last


def end_of_flow(flow: tree.Flow) -> int:
    """Where a flow ends, the braces of its last link included, and its label and shape."""
    element = flow.elements[-1]
    body = None if isinstance(element, tree.Read) else element.body
    ends = [element.span.end, *(part.span.end for part in (body, flow.label, *flow.numbers, flow.shape) if part)]
    return max(ends)


def _last_words(view: View) -> dict[int, int]:
    """By line where its last word ends; comments are none."""
    words = tables().lexer.tokens(view.source.text)
    return {word.line: word.end_pos for word in words if word.type != "_NL"}
