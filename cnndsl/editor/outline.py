"""The outline of a text, and what can be folded in it; the tree alone is asked, so a broken network has both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from cnndsl.editor.hints import end_of_flow
from cnndsl.editor.hover import heading
from cnndsl.editor.view import Definition, View, end_of
from cnndsl.elaborate.names import parts_of
from cnndsl.records import dataclass
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(frozen=True)
class Entry:
    """A line of the outline: all of the text that it stands for, and the name in it."""

    kind: Literal["network", "block", "value", "label", "head"]
    name: str
    detail: str
    span: Span
    at: Span
    inner: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Fold:
    """Lines, from 1, of which all but the first can be hidden."""

    first: int
    last: int
    kind: Literal["region", "comment"] = "region"


def outline(view: View) -> list[Entry]:
    """Values, blocks and networks, with the labels and heads in them."""
    found = [_definition(each) for each in view.definitions]
    for value in view.file.values:
        names = value.names if isinstance(value, tree.Let) else (value.name,)
        found += [Entry("value", name.id, "", value.span, name.span) for name in names]
    return sorted(found, key=lambda entry: entry.span.start)


def _definition(definition: Definition) -> Entry:
    kind: Literal["block", "network"] = "block" if isinstance(definition, tree.BlockDefinition) else "network"
    span = definition.span.source.span(definition.span.start, end_of(definition))
    detail = " ".join(heading(definition).split()).partition(definition.name.id)[2].strip()
    return Entry(kind, definition.name.id, detail, span, definition.name.span, tuple(_named_parts(definition)))


def _named_parts(definition: Definition) -> Iterator[Entry]:
    """What has a name in a definition: labels, and heads, which are outputs."""
    for part in parts_of(definition.body):
        if isinstance(part, tree.Flow) and part.label is not None:
            whole = part.span.source.span(part.span.start, end_of_flow(part))
            yield Entry("label", part.label.id, "", whole, part.label.span)
        elif isinstance(part, tree.Input) and part.label is not None:
            yield Entry("label", part.label.id, "input", part.span.to(part.label.span), part.label.span)
        elif isinstance(part, tree.Command) and part.name.id == "head" and part.body is not None:
            given = next((each.value for each in part.arguments if isinstance(each.value, tree.Name)), None)
            if given is not None:
                yield Entry("head", given.id, "head", part.span.to(part.body.span), given.span)


def folds(view: View) -> list[Fold]:
    """Bodies of several lines, and comments of several lines."""
    text = (view.file.blocks, view.file.networks)
    bodies = (part.span.lines for part in parts_of(text) if isinstance(part, tree.Body))
    found = [Fold(lines.start, lines.stop - 2) for lines in bodies if len(lines) > 2]  # the brace stays
    return sorted((*found, *_comments(view)), key=lambda fold: (fold.first, -fold.last))


def _comments(view: View) -> Iterator[Fold]:
    source = view.source
    numbers = range(1, source.line_count + 1)
    for is_comment, lines in groupby(numbers, lambda number: source.line(number).lstrip().startswith("#")):
        run = [*lines]
        if is_comment and len(run) > 1:
            yield Fold(run[0], run[-1], "comment")
