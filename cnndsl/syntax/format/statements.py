"""How each construct of the language is laid out, as a document: what may be cut where, and what may stand in columns.

Words come out as they are and in their order; only a comma behind the last item of brackets may come and go.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cnndsl.syntax.format.documents import INDENT, Break, Cell, Doc, IfCut, Indent, Line, Remark, group
from cnndsl.syntax.format.nesting import Body, Brackets, Part, first_of, last_of
from cnndsl.syntax.format.words import Word

_NO_SPACE_BEFORE = {"_COMMA", "RPAR", "RSQB", "DOT", "CALL", "INDEX", "SLICE", "_COLON"}
_NO_SPACE_AFTER = {"LPAR", "CALL", "LSQB", "INDEX", "DOT", "SLICE", "SIGN", "STRIDE"}
_OPERATORS = {"_OR", "_AND", "COMPARE", "X", "PLUS", "MINUS", "TIMES", "SLASH", "FLOOR_DIVIDE", "MODULO", "POWER"}
_CUT_BEFORE = {*_OPERATORS, "IF", "_ELSE", "FOR"}
_ENDS_ARGUMENT = {"_COMMA", "_AS", "SHAPE", "LBRACE"}
_NUMBERS = {"NUMBER", "SIZE"}
_LITERALS = {*_NUMBERS, "STRING", "TRUE", "FALSE", "SIGN", "_COMMA"}
_LONGEST_FACT = 10  # letters of a fact whose sign stands below those of other claims


def statement(parts: Sequence[Part]) -> Doc:
    """A statement, a branch or a definition: a chain of links, cut where the text cuts it or a link does not fit."""
    starts = [at for at, part in enumerate(parts) if _kind(part) == "_ARROW"]
    links = [parts[start:end] for start, end in zip([0, *starts], [*starts, len(parts)], strict=True)]
    inside = [_link(links[0])]
    for before, link in pairwise(links):
        arrow, following = first_of(link[0]), first_of(link[1])
        cut = arrow.below or (following.below and not following.comments and not following.pinned)
        cell = Cell("->", _command(before), arrow.spaces > 1, after=_command(link))
        inside += [_gap(arrow, Break() if cut else Line(fill=True, past=1)), cell, _link(link)]
    return Indent(tuple(inside), by=-1 if _kind(parts[0]) == "BAR" else INDENT)


def _kind(part: Part) -> str:
    return first_of(part).kind


def _command(link: Sequence[Part]) -> str:
    """The name of the layer, block or structure that a link applies."""
    return next((part.text for part in link if isinstance(part, Word) and part.kind == "COMMAND"), "")


# --- between words


def _space(before: Word, word: Word) -> str:
    return "" if before.kind in _NO_SPACE_AFTER or word.kind in _NO_SPACE_BEFORE else " "


def _gap(word: Word, usual: Doc) -> Doc:
    """What stands before a word: its comments, or what is usual there."""
    if word.comments:
        return _remarks(word, Break())
    if word.pinned and word.below:
        return Break()
    return usual.flat if word.pinned and isinstance(usual, Line) else usual


def _remarks(word: Word, last: Break, *, blanks: bool = False, first: bool = False) -> tuple[Doc, ...]:
    """The comments before a word; with `blanks` an empty line stays one, but not before what is first in its braces."""
    docs: list[Doc] = []
    for comment in word.comments:
        docs += [] if comment.trailing else [Break(comment.blank and blanks and not (first and not docs))]
        docs.append(Remark(comment.text))
    return (*docs, last)


# --- statements without their chains


def _link(parts: Sequence[Part]) -> Doc:
    """A command, or whatever else a statement is, without the rest of the chain."""
    is_if = _kind(parts[0]) == "IF"  # whose bodies are all on one line or none
    name = _command(parts)
    tight = _tight_signs(parts) if name else set()
    docs: list[Doc] = []
    for at, part in enumerate(parts):
        word = first_of(part)
        if at:
            before = last_of(parts[at - 1])
            usual: Doc = "" if at in tight or at - 1 in tight else _space(before, word)
            docs.append(_gap(word, Line(fill=True) if before.kind == "_COMMA" else usual))
            if cell := _cell(parts, at, name):
                docs.append(cell)
        docs.append(_body(part) if is_if and isinstance(part, Body) else _part(part))
    is_cut = is_if and any(isinstance(part, Body) and part.lines for part in parts)
    return group(Indent(tuple(docs), by=0 if is_if else INDENT), broken=is_cut)


def _cell(parts: Sequence[Part], at: int, command: str) -> Cell | None:
    """The column in which a word of a statement may stand."""
    word, before = first_of(parts[at]), last_of(parts[at - 1])
    if word.kind == "SHAPE":
        return Cell(":")
    if _kind(parts[0]) == "EXPECT" and word.kind == "COMPARE":
        is_short = at == 2 and len(before.text) <= _LONGEST_FACT
        return Cell("claim", asked=True, right=len(word.text)) if is_short else None
    if command and before.kind in ("COMMAND", "_COMMA") and word.kind not in _ENDS_ARGUMENT:
        return Cell("argument", command, word.spaces > 1, _number_width(parts[at : _end_of_argument(parts, at)]))
    return None


def _end_of_argument(parts: Sequence[Part], at: int) -> int:
    """The index behind the argument or value that begins at `at`."""
    return next((n for n in range(at + 1, len(parts)) if _kind(parts[n]) in _ENDS_ARGUMENT), len(parts))


def _number_width(parts: Sequence[Part]) -> int:
    """The width of a value that is a number or a size; 0 for any other."""
    *signs, last = map(first_of, parts)
    is_number = last.kind in _NUMBERS and all(word.kind == "SIGN" for word in signs)
    return sum(len(word.text) for word in (*signs, last)) if is_number else 0


def _tight_signs(parts: Sequence[Part]) -> set[int]:
    """Where the `=` of arguments stand that have no space around them: those of values without operators."""
    found: set[int] = set()
    for at, part in enumerate(parts):
        if _kind(part) == "_EQUAL":
            value = parts[at + 1 : _end_of_argument(parts, at + 1)]
            if not any(_kind(each) in _CUT_BEFORE or _kind(each) == "NOT" for each in value):
                found.add(at)
    return found


# --- braces


def _body(body: Body) -> Doc:
    """{ } with a statement a line; on one line if the text has it there and it fits."""
    if not body.statements and not body.closing.comments:
        return "{ }"
    inside: list[Doc] = []
    for at, parts in enumerate(body.statements):
        word = first_of(parts[0])
        inside.append(_between(word, Line(opens=2 if at == 0 else 0), first=at == 0))
        if word.kind == "BAR":
            inside.append(Cell("|", asked=word.spaces > 1))
        inside.append(statement(parts))
    end = _end(body.closing, inside, " ")
    return ("{", Cell("{"), Indent(tuple(inside), (end, Cell("}"), "}")))


def _between(word: Word, usual: Line, *, first: bool) -> Doc:
    """What stands before a statement: its comments, and one empty line where the text has some."""
    if word.comments:
        return _remarks(word, Break(word.blank), blanks=True, first=first)
    if word.blank and not first:
        return Break(blank=True)
    return _gap(word, usual)


def _end(closing: Word, inside: list[Doc], flat: str) -> Doc:
    """What stands before a closing bracket. Comments there go with what is inside."""
    if closing.comments:
        *remarks, last = _remarks(closing, Break(), blanks=closing.kind == "RBRACE", first=not inside)
        inside += remarks
        return last
    return _gap(closing, Line(flat))


# --- ( ) and [ ]


def _part(part: Part) -> Doc:
    if isinstance(part, Word):
        return part.text
    return group(_body(part), broken=part.lines) if isinstance(part, Body) else _brackets(part)


def _brackets(brackets: Brackets) -> Doc:
    """On one line; or cut behind the opening bracket, between all items, and before the closing one.

    A comma behind the last item asks for that.
    """
    opening, closing = brackets.opening, brackets.closing
    if _hangs(brackets):
        return (opening.text, Indent(tuple(_items(brackets, fill=True)[1:])), closing.text)
    items = _items(brackets, fill=_is_list(brackets) and all(_kind(part) in _LITERALS for part in brackets.parts))
    has_comma = _has_comma(brackets)
    may_have = brackets.parts and (_is_list(brackets) or opening.kind == "CALL")
    if may_have and not has_comma and (closing.below or not closing.pinned):
        items.append(IfCut(","))
    end = _end(closing, items, "")
    return group(opening.text, Indent(tuple(items), (end, closing.text)), broken=has_comma)


def _is_list(brackets: Brackets) -> bool:
    return brackets.opening.kind == "LSQB" and not any(_kind(part) == "FOR" for part in brackets.parts)


def _has_comma(brackets: Brackets) -> bool:
    """Whether a comma stands behind the last item."""
    return bool(brackets.parts) and _kind(brackets.parts[-1]) == "_COMMA"


def _hangs(brackets: Brackets) -> bool:
    """Whether the arguments of a call stay on its line and the list that is the last of them hangs from it."""
    last = brackets.parts[-1] if brackets.parts else None
    is_cut = isinstance(last, Brackets) and _is_list(last) and _has_comma(last)
    words = [*map(first_of, brackets.parts), brackets.closing]
    return is_cut and brackets.opening.kind == "CALL" and not any(word.comments or word.pinned for word in words)


def _items(brackets: Brackets, *, fill: bool) -> list[Doc]:
    """The items, before each what stands there: a line may end, with `fill` only if the item does not fit."""
    docs: list[Doc] = []
    is_list = _is_list(brackets)
    for at, item in enumerate(_split(brackets.parts)):
        word = first_of(item[0])
        docs.append(_gap(word, Line(fill=fill) if at else Line("", opens=1)))
        if is_list:
            value = item[: _end_of_argument(item, 0)]
            docs.append(Cell("item", "[", asked=word.spaces > (at > 0), right=_number_width(value)))
        docs.append(_expression(item))
    return docs


def _split(parts: Sequence[Part]) -> list[Sequence[Part]]:
    """Items, each with the comma behind it; of a list that is made from another its value, loop and condition."""
    kinds = [*map(_kind, parts)]
    ends = [at + 1 for at, kind in enumerate(kinds) if kind == "_COMMA"]
    if "FOR" in kinds:
        loop = kinds.index("FOR")
        ends = [loop, *(at for at in range(loop, len(kinds)) if kinds[at] == "IF")]
    return [parts[start:end] for start, end in pairwise([0, *ends, len(parts)]) if start < end]


def _expression(parts: Sequence[Part]) -> Doc:
    """What stands between brackets: where it does not fit, it is cut before operators."""
    docs: list[Doc] = []
    for at, part in enumerate(parts):
        word = first_of(part)
        if at:
            space = _space(last_of(parts[at - 1]), word)
            docs.append(_gap(word, Line(fill=True) if word.kind in _CUT_BEFORE else space))
        docs.append(_part(part))
    return group(*docs)
