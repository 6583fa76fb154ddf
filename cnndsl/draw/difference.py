"""A difference as a picture: both versions side by side, with rings around what was taken away, added or changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from cnndsl.diff.changes import Change
from cnndsl.diff.difference import Difference
from cnndsl.diff.likeness import Item
from cnndsl.diff.tables import CHANGES, NONE, PARTS, Row, change_rows, part_rows, title, whole_head, whole_rows
from cnndsl.draw.boxes import Marks, picture
from cnndsl.draw.layout import layout
from cnndsl.draw.model import Mark
from cnndsl.draw.paper import Sheet, document
from cnndsl.draw.sizes import SMALL
from cnndsl.draw.style import DARK, LIGHT, Palette, ring_styles
from cnndsl.draw.svg import sheet
from cnndsl.draw.tags import number, tag, words
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.tree import layers_in

LEGEND = 30  # pixels under the pictures
GAP = 70  # from word to word in it
EMPTY = 200  # pixels of a network without layers
MARKS: tuple[Mark, ...] = ("removed", "added", "changed")


def diff_svg(difference: Difference, depth: int | None = None) -> str:
    """Both networks side by side as one SVG document, opened to `depth` levels."""
    old, new = _sheets(difference, depth)
    return _document(difference, (old, new), (old.width, 0), (old.width + new.width, max(old.height, new.height)))


def _sheets(difference: Difference, depth: int | None) -> tuple[Sheet, Sheet]:
    old, new = difference.old.graph, difference.new.graph
    return _sheet(old, depth, _marks(difference.changes, 0)), _sheet(new, depth, _marks(difference.changes, 1))


def _sheet(graph: Graph, depth: int | None, marks: Marks) -> Sheet:
    """A network as far as it goes, which may be nowhere."""
    if not len(graph):
        return Sheet((), EMPTY, EMPTY)
    drawn = picture(graph, depth, marks)
    return sheet(drawn, layout(drawn))


def _document(
    difference: Difference, sheets: tuple[Sheet, Sheet], at: tuple[float, float], size: tuple[float, float]
) -> str:
    """Both sheets on one, the second `at` a place on it, with a legend under them."""
    (old, new), (wide, high) = sheets, size
    left = wide / 2 - GAP * len(MARKS) / 2
    legend = (
        words(mark, left + place * GAP, high + 10, SMALL, f"{mark}-text bold") for place, mark in enumerate(MARKS)
    )
    second = tag("g", "\n".join(new.marks), transform=f"translate({number(at[0])} {number(at[1])})")
    told = f"{len(difference.changes)} changes" if difference else NONE
    whole = Sheet((*old.marks, second, *legend), wide, high + LEGEND)
    return document(title(difference), f"{title(difference)}: {told}.", whole, ring_styles())


def _marks(changes: Iterable[Change], side: int) -> Marks:
    """What became of the nodes of the old network (0) or the new one (1), by name."""
    found: dict[str, Mark] = {}
    for change in changes:
        for place in change.places:
            item = (place.old, place.new)[side]
            found.update((node.name, change.kind) for node in _nodes(item))
    return found


def _nodes(item: Item | None) -> Iterable[Node]:
    if item is None:
        return ()
    return (item,) if isinstance(item, Node) else layers_in(item)


def diff_html(difference: Difference, depth: int | None = None) -> str:
    """One page that needs nothing from elsewhere: the changes, what they cost, and both networks under each other."""
    heading, (old, new) = escape(title(difference)), _sheets(difference, depth)
    size = max(old.width, new.width), old.height + new.height
    return "\n".join(
        [
            "<!doctype html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{heading}</title>',
            f"<style>\n{_page_style()}\n</style></head><body>",
            diff_tables(difference),
            _document(difference, (old, new), (0, old.height), size),
            "</body></html>",
            "",
        ]
    )


def diff_tables(difference: Difference) -> str:
    """The changes and what they cost as a part of a page."""
    tables = _tables(difference) if difference else [f"<p>{NONE}</p>"]
    return "\n".join([f"<h1>{escape(title(difference))}</h1>", *tables])


def _tables(difference: Difference) -> Iterator[str]:
    yield _table(CHANGES, change_rows(difference), numbers=False)
    yield _table(whole_head(difference), whole_rows(difference))
    parts = list(part_rows(difference))
    if parts:
        yield _table(PARTS, parts)


def _table(head: Row, rows: Iterable[Row], *, numbers: bool = True) -> str:
    lines = [tag("tr", "".join(tag("th", escape(cell)) for cell in head))]
    lines += [tag("tr", "".join(tag("td", escape(cell)) for cell in row)) for row in rows]
    return tag("table", "\n".join(lines), class_="numbers" if numbers else "words")


def _page_style() -> str:
    shared = [
        "body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }",
        "table { border-collapse: collapse; margin: 1.5rem 0; display: block; overflow-x: auto; }",
        "th, td { padding: 0.2rem 0.8rem; text-align: left; border-bottom: 1px solid var(--line); }",
        ".numbers :is(th, td):not(:first-child) { text-align: right; font-variant-numeric: tabular-nums; }",
        ".words td { font-family: ui-monospace, monospace; font-size: 0.9em; }",
        "svg { max-width: 100%; height: auto; }",
    ]
    return "\n".join([*shared, _colours(LIGHT), f"@media (prefers-color-scheme: dark) {{ {_colours(DARK)} }}"])


def _colours(palette: Palette) -> str:
    return f"body {{ background: {palette.paper}; color: {palette.text}; --line: {palette.frame_line}; }}"
