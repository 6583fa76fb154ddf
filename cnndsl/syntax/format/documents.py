"""A document is text with places where lines may end; printing it decides which of them do, so that lines fit.

After Wadler (A Prettier Printer, 2003) and Prettier, but that what is indented is so from the line on which it begins.
It takes time linear in the document: each decision looks at the rest of one line at most.
"""

from __future__ import annotations

from typing import TypeAlias

from cnndsl.records import dataclass, field

WIDTH = 120
INDENT = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A place where a line may end; it reads `flat` where none does.

    fill   it ends only if what follows, up to the next such place, does not fit
    opens  1 if it is the first in brackets, 2 in braces, where the rest of a line may end before all else
    past   who decides here looks past such places up to this number
    """

    flat: str = " "
    fill: bool = False
    opens: int = 0
    past: int = 0


@dataclass(frozen=True, slots=True)
class Break:
    """A line ends here; with `blank` an empty one follows."""

    blank: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment, at the end of its line whatever that holds. A `Break` follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What follows may stand in a column with its like in other lines (`columns.py`).

    kind   `->`, `|`, `{`, `}`, `:`, `argument`, `item` or `claim`
    name   of what it belongs to, or of what stands before it: cells of one name are like each other
    after  of what stands behind it: those of one name are, too, if they are neighbours
    asked  whether the text asks for a column
    right  the width of what is to end where its like do; 0 if it is to begin there
    """

    kind: str
    name: str = ""
    asked: bool = False
    right: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class IfCut:
    """Text that is there only where lines end."""

    text: str


@dataclass(frozen=True, slots=True)
class Indent:
    """`inside` is indented from the line on which it begins, `after` is as deep as that line."""

    inside: Doc
    after: Doc = ""
    by: int = INDENT


@dataclass(frozen=True, slots=True)
class Group:
    """On one line if that fits and nothing in it ends a line; else all its lines end, but for those that `fill`."""

    inside: tuple[Doc, ...]
    broken: bool


Doc: TypeAlias = str | Line | Break | Remark | Cell | IfCut | Indent | Group | tuple["Doc", ...]


def group(*inside: Doc, broken: bool = False) -> Group:
    return Group(inside, broken or _breaks(inside))


def _breaks(doc: Doc) -> bool:
    """Whether a line ends in it for sure."""
    if isinstance(doc, tuple):
        return any(map(_breaks, doc))
    if isinstance(doc, Indent):
        return _breaks(doc.inside) or _breaks(doc.after)
    return doc.broken if isinstance(doc, Group) else isinstance(doc, Break)


@dataclass(slots=True)
class Row:
    """A line of the result: its text without indentation, the cells by their offsets in it, and its comment."""

    indent: int
    blank: bool = False
    text: str = ""
    cells: list[tuple[int, Cell]] = field(default_factory=list)
    comment: str = ""

    @property
    def width(self) -> int:
        return self.indent + len(self.text)


def printed(doc: Doc, indent: int = 0) -> list[Row]:
    """The rows of a document."""
    return _Printer(doc, indent).rows


class _Printer:
    """`todo` is what is still to be printed, the next one last: a document, whether it is flat, and its indentation."""

    def __init__(self, doc: Doc, indent: int) -> None:
        self.rows = [Row(indent)]
        self.todo: list[tuple[Doc, bool, int]] = [(doc, False, indent)]
        while self.todo:
            self.step(*self.todo.pop())

    def step(self, doc: Doc, flat: bool, indent: int) -> None:
        row = self.rows[-1]
        if isinstance(doc, str):
            row.text += doc
        elif isinstance(doc, tuple):
            self.todo += [(each, flat, indent) for each in reversed(doc)]
        elif isinstance(doc, Group):
            flat = flat or (not doc.broken and self.fits(doc.inside))
            self.todo.append((doc.inside, flat, indent))
        elif isinstance(doc, Indent):
            self.todo += [(doc.after, flat, row.indent), (doc.inside, flat, row.indent + doc.by)]
        elif isinstance(doc, Line):
            if flat or (doc.fill and self.fits((doc.flat,), doc.past)):
                row.text += doc.flat
            else:
                self.rows.append(Row(indent))
        elif isinstance(doc, Break):
            self.rows.append(Row(indent, doc.blank))
        elif isinstance(doc, Cell):
            row.cells.append((len(row.text), doc))
        elif isinstance(doc, Remark):
            row.comment = doc.text
        elif not flat:
            row.text += doc.text

    def fits(self, docs: tuple[Doc, ...], past: int = 0) -> bool:
        """Whether this on one line, and the rest up to where that may end, fits the row."""
        room = WIDTH - self.rows[-1].width
        ahead = [(iter(docs), True, False)]  # documents, whether they are flat, and whether they are of the rest
        rest = len(self.todo)
        while room >= 0:
            if not ahead:
                if rest == 0:
                    return True
                rest -= 1
                ahead.append((iter(self.todo[rest][:1]), self.todo[rest][1], True))
            each, flat, of_rest = next(ahead[-1][0], None), *ahead[-1][1:]
            if each is None:
                ahead.pop()
            elif isinstance(each, str):
                room -= len(each)
            elif isinstance(each, tuple):
                ahead.append((iter(each), flat, of_rest))
            elif isinstance(each, Group):
                ahead.append((iter(each.inside), flat or not each.broken, of_rest))
            elif isinstance(each, Indent):
                ahead.append((iter((each.inside, each.after)), flat, of_rest))
            elif isinstance(each, Line):
                if not flat or (of_rest and each.opens > past):
                    return True
                room -= len(each.flat)
            elif isinstance(each, (Break, Remark)):
                return True
        return False
