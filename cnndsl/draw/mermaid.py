"""A picture as Markdown that draws itself where Mermaid is known, as on GitHub and GitLab."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnndsl.draw.dot import box_text
from cnndsl.draw.model import Box, Frame, Picture
from cnndsl.draw.nested import nested
from cnndsl.draw.style import LIGHT

SIGNS = {"terminal": ("([", "])"), "merge": ("((", "))")}  # the borders of a node; others are rectangles


def markdown(drawn: Picture) -> str:
    """A page with the heading, the facts and the diagram."""
    heading = re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", drawn.heading)
    return f"# {heading}\n\n{drawn.facts}\n\n```mermaid\n{mermaid(drawn)}```\n"


def mermaid(drawn: Picture) -> str:
    return "\n".join(_lines(drawn)) + "\n"


def _lines(drawn: Picture) -> Iterator[str]:
    names = {key: f"n{number}" for number, key in enumerate((*drawn.boxes, *drawn.frames))}
    yield "flowchart TB"
    for level, item in nested(drawn):
        indent = "  " * level
        if item is None:
            yield f"{indent}end"
        elif isinstance(item, Frame):
            yield f"{indent}subgraph {names[item.key]}[{_quoted(f'{item.title} {item.badge}'.strip() or ' ')}]"
        else:
            begin, end = _signs(item)
            yield f"{indent}{names[item.key]}{begin}{_quoted(box_text(item, '<br>'))}{end}:::{item.kind}"
    for source, target in drawn.wires:
        shape = drawn.boxes[source].shape
        yield f"  {names[source]} -->{f'|{_quoted(shape)}|' if shape else ''} {names[target]}"
    for kind in dict.fromkeys(box.kind for box in drawn.boxes.values()):
        ink = LIGHT.kinds[kind]
        yield f"  classDef {kind} fill:{ink.fill},stroke:{ink.line},color:{ink.text}"


def _signs(box: Box) -> tuple[str, str]:
    return SIGNS["merge"] if len(box_text(box, " ")) == 1 else SIGNS.get(box.kind, ("(", ")"))


def _quoted(text: str) -> str:
    """A string of Mermaid: what would be markup or end it is written as a number."""
    lines = (re.sub(r'[#"&<>`*_\\]', lambda found: f"#{ord(found[0])};", line) for line in text.split("<br>"))
    return '"' + "<br>".join(lines) + '"'
