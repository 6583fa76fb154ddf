"""A picture in the language of Graphviz: boxes are nodes, frames are clusters, and Graphviz places them."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.draw.model import Box, Frame, Picture
from cnndsl.draw.nested import nested
from cnndsl.draw.style import LIGHT


def dot(drawn: Picture) -> str:
    return "\n".join(_lines(drawn)) + "\n"


def _lines(drawn: Picture) -> Iterator[str]:
    yield f"digraph {quoted(drawn.heading)} {{"
    yield f"  label={quoted(f'{drawn.heading}: {drawn.facts}')} labelloc=t fontname=Helvetica"
    yield '  node [shape=box style="rounded,filled" fontname=Helvetica fontsize=11]'
    yield "  edge [arrowsize=0.7 fontname=Helvetica fontsize=9]"
    for level, item in nested(drawn):
        indent = "  " * level
        if item is None:
            yield f"{indent}}}"
        elif isinstance(item, Frame):
            yield f"{indent}subgraph {quoted(f'cluster_{item.key}')} {{"
            yield f"{indent}  label={quoted(f'{item.title} {item.badge}'.strip())} style=rounded fontsize=11"
        else:
            yield f"{indent}{quoted(item.key)} [{_look(item)}]"
    for source, target in drawn.wires:
        shape = drawn.boxes[source].shape
        yield f"  {quoted(source)} -> {quoted(target)}" + (f" [label={quoted(shape)}]" if shape else "")
    yield "}"


def _look(box: Box) -> str:
    ink = LIGHT.kinds[box.kind]
    return (
        f'label={quoted(box_text(box, chr(10)))} fillcolor="{ink.fill}" color="{ink.line}" fontcolor="{ink.text}"'
        f" tooltip={quoted(box.detail)}"
    )


def box_text(box: Box, between: str) -> str:
    """All that stands in a box, line by line."""
    lines = [box.caption, *(section.text for section in box.sections), box.badge]
    return between.join(line for line in lines if line)


def quoted(text: str) -> str:
    """A string of Graphviz: a backslash would begin an escape."""
    written = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{written}"'
