"""What stands below its like stands in one column: shapes, comments, the signs of claims, and what the text asks for.

Shapes and comments of a definition have a column of their own, always. More space than needed before `->`, `|` or an
argument asks for a column of it and its like in the lines around, but where that is follows from the words alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from cnndsl.records import dataclass, field
from cnndsl.syntax.format.documents import WIDTH, Cell, Row

COLUMN = 60  # where shapes and comments stand, counted from 1; one line that needs more stands out
FURTHEST = 80  # to where they move for several lines that need more
_GAP = 2  # spaces before a comment


@dataclass(slots=True, eq=False)
class _Line:
    """A row, and the spaces that go into it: where, and how many."""

    row: Row
    places: list[_Place] = field(default_factory=list)
    added: list[tuple[int, int]] = field(default_factory=list)

    @property
    def width(self) -> int:
        return self.row.width + sum(spaces for _, spaces in self.added)

    def column(self, offset: int) -> int:
        """How much stands before what is at an offset of the row."""
        return self.row.indent + offset + sum(spaces for at, spaces in self.added if at < offset)

    @property
    def text(self) -> str:
        pieces, start = [" " * self.row.indent], 0
        for offset, spaces in sorted(self.added):
            pieces += [self.row.text[start:offset], " " * spaces]
            start = offset
        return "".join([*pieces, self.row.text[start:]])


@dataclass(slots=True, eq=False)
class _Place:
    """A cell in its line.

    rank    how many bars, arrows and arguments come before it there, itself among them
    braces  how many of them open before it there
    likes   the places that it is like, itself among them
    """

    line: _Line
    offset: int
    cell: Cell
    rank: tuple[int, int, int]
    braces: int
    likes: list[_Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.likes.append(self)

    @property
    def column(self) -> int:
        return self.line.column(self.offset)

    def move(self, spaces: int) -> None:
        self.line.added.append((self.offset, spaces))


def text_of(rows: Sequence[Row]) -> str:
    """The text of a definition, of its rows."""
    lines = [_line(row) for row in rows]
    _liken(lines)
    groups = [place.likes for line in lines for place in line.places if place.likes[0] is place]
    for group in sorted(groups, key=lambda group: max(place.rank for place in group)):
        _align(group)
    column = _align_shapes([place for line in lines for place in line.places if place.cell.kind == ":"])
    return "".join(map(_written, lines, _comment_columns(lines, column)))


def _line(row: Row) -> _Line:
    """The cells of a row, but for an arrow or bar that begins it, and for shapes in braces that close in it again."""
    line = _Line(row)
    bars = arrows = arguments = braces = open_ = 0
    for offset, cell in row.cells:
        if cell.kind == "{":
            open_, braces = open_ + 1, braces + 1
        elif cell.kind == "}":
            open_ = max(0, open_ - 1)
        elif offset > 0 and (cell.kind != ":" or open_ == 0):
            if cell.kind == "|":
                bars, arrows, arguments = bars + 1, 0, 0
            elif cell.kind == "->":
                arrows, arguments = arrows + 1, 0
            else:
                arguments += 1
            line.places.append(_Place(line, offset, cell, (bars, arrows, arguments), braces))
    return line


# --- columns that the text asks for


def _liken(lines: Sequence[_Line]) -> None:
    """Find what is like each other: cells of one rank and name in the lines of one body, and some in neighbours.

    Arrows go no further than lines follow each other, without an empty or a deeper one between.
    """
    scopes: list[tuple[int, dict[object, _Place]]] = []  # the bodies around a line: their depth, and what is in them
    above, run = _Line(Row(0)), 0
    for line in lines:
        if not line.row.text:
            continue
        while scopes and scopes[-1][0] > line.row.indent:
            scopes.pop()
        if not scopes or scopes[-1][0] < line.row.indent:
            scopes.append((line.row.indent, {}))
        run += line.row.blank or line.row.indent != above.row.indent
        for place in line.places:
            _join_known(scopes[-1][1], place, run if place.cell.kind == "->" else 0)
        if not line.row.blank and abs(above.row.indent - line.row.indent) <= 1:
            _join_arrows(above, line)
            _join_tables(above, line)
        above = line


def _join_known(known: dict[object, _Place], place: _Place, run: int) -> None:
    cell = place.cell
    name = cell.name or place.line.row.text.partition(" ")[0]
    key = (cell.kind, name, cell.after, place.rank, place.braces, run)
    if key in known:
        _join(known[key], place)
    known[key] = place


def _join(one: _Place, other: _Place) -> None:
    if one.likes is not other.likes:
        fewer, more = sorted((one.likes, other.likes), key=len)
        more += fewer
        for place in fewer:
            place.likes = more


def _join_arrows(above: _Line, below: _Line) -> None:
    """Arrows to the same layer are alike, counted from the front, or if they are the last ones."""
    upper, lower = ([place for place in line.places if place.cell.kind == "->"] for line in (above, below))
    joined: set[int] = set()
    for one, other in [*zip(upper, lower, strict=False), *zip(upper[-1:], lower[-1:], strict=False)]:
        if one.cell.after == other.cell.after and one.rank[0] == other.rank[0] and not {id(one), id(other)} & joined:
            joined |= {id(one), id(other)}
            _join(one, other)


def _join_tables(above: _Line, below: _Line) -> None:
    """Rows of a table are alike whatever stands before them: as many numbers, one below the other."""
    upper, lower = ([place for place in line.places if place.cell.kind == "argument"] for line in (above, below))
    if len(upper) == len(lower) > 1 and all(place.cell.right and not place.braces for place in (*upper, *lower)):
        for one, other in zip(upper, lower, strict=True):
            _join(one, other)


def _align(places: Sequence[_Place]) -> None:
    """Put these in one column, if the text asks for it, each is in a line of its own and none gets too long."""
    if not any(place.cell.asked for place in places) or len({id(place.line) for place in places}) < len(places):
        return
    ends = all(place.cell.right for place in places)
    columns = [place.column + (place.cell.right if ends else 0) for place in places]
    spaces = [max(columns) - column for column in columns]
    if all(place.line.width + more <= WIDTH for place, more in zip(places, spaces, strict=True)):
        for place, more in zip(places, spaces, strict=True):
            place.move(more)


# --- columns that every definition has


def _align_shapes(shapes: Sequence[_Place]) -> int:
    """Put the shapes in their column, which is given, counted from 1."""
    further = [each.column + 1 for each in shapes if COLUMN <= each.column < FURTHEST]
    column = max(further) if len(further) > 1 else COLUMN
    for is_short, run in groupby(shapes, lambda each: each.column < column):
        places = [*run]
        target = column if is_short else max(each.column + 1 for each in places)
        for place in places:
            spaces = target - 1 - place.column
            if place.line.width + spaces <= WIDTH:
                place.move(spaces)
    return column


def _comment_columns(lines: Sequence[_Line], column: int) -> list[int]:
    """How much stands before the comment of each line: up to the column, or in neighbours that reach it the same."""
    behind = [_reaches(line, column) for line in lines]
    found: list[int] = []
    for is_behind, run in groupby(zip(behind, lines, strict=True), lambda each: each[0]):
        widths = [line.width for _, line in run]
        found += [max(widths) + _GAP if is_behind else column - 1] * len(widths)
    return found


def _reaches(line: _Line, column: int) -> bool:
    """Whether a line is too long for its comment to stand in the column."""
    comment = line.row.comment
    return bool(comment) and (line.width + _GAP >= column or column - 1 + len(comment) > WIDTH)


def _written(line: _Line, column: int) -> str:
    row = line.row
    text = line.text if row.text else " " * row.indent
    if row.comment:
        text = (text.ljust(column) if row.text else text) + row.comment
    return ("\n" if row.blank else "") + text.rstrip() + "\n"
