"""Where a name is bound and used, in this file and in others, and what renaming it changes."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.checking import Request, check_file
from cnndsl.diagnostics import Edit, Fix, Report
from cnndsl.diagnostics.edits import edited
from cnndsl.editor.occurrences import occurrences
from cnndsl.editor.symbols import Occurrence, Symbol, file_of
from cnndsl.editor.view import View
from cnndsl.elaborate import Loader
from cnndsl.errors import Error, SourceError
from cnndsl.shipped import is_shipped
from cnndsl.source import Source, Span
from cnndsl.syntax.tables import tables


class RenameError(Error):
    """Why a name cannot be changed, in one line."""


def definition_at(view: View, offset: int) -> Span | None:
    """Where the name at a place is bound, in whichever file; None for words of the language and other text."""
    occurrence = view.occurrence_at(offset)
    return occurrence.symbol.place if occurrence is not None else None


def references(view: View, offset: int, others: Iterable[Source] = (), request: Request | None = None) -> list[Span]:
    """All places that mean what the name at a place means, its definition among them; `others` are looked through.

    A word of the language is looked for in this file alone.
    """
    occurrence = view.occurrence_at(offset)
    if occurrence is None:
        return []
    return [each.span for each in _everywhere(view, occurrence.symbol, others, request)]


def _everywhere(
    view: View, symbol: Symbol, others: Iterable[Source], request: Request | None = None
) -> list[Occurrence]:
    found = [each for each in view.occurrences if each.symbol.key == symbol.key]
    if symbol.place is None:
        return found
    here = file_of(view.source.span(0, 0))
    loader = Loader(Report(), request.files if request else None)
    for source in others:
        if file_of(source.span(0, 0)) != here and symbol.name in source.text:
            found += [each for each in _of(source, loader) if each.symbol.key == symbol.key]
    return found


def _of(source: Source, loader: Loader) -> list[Occurrence]:
    """The names of another file; none if it cannot be read."""
    try:
        return occurrences(loader.load_root(source))
    except SourceError:
        return []


def renamable(view: View, offset: int) -> Span:
    """The word that would be renamed. Raises `RenameError` for what has no name of its own or is not ours to change."""
    occurrence = view.occurrence_at(offset)
    if occurrence is None:
        raise RenameError("there is no name here that the text binds")
    symbol = occurrence.symbol
    if symbol.place is None:
        raise RenameError(f"`{symbol.name}` is a word of the language")
    if is_shipped(symbol.place.source.path) and not is_shipped(view.source.path):
        raise RenameError(f"`{symbol.name}` comes with cnndsl")
    return occurrence.span


def rename(view: View, offset: int, name: str, others: Iterable[Source] = (), request: Request | None = None) -> Fix:
    """The edits that give another name to what is at a place, everywhere.

    They are tried: what would change what a check finds is refused, as a name that is taken, or one that a call
    through a parameter (`unit 64, stride = 2`) goes by. Raises `RenameError`.
    """
    renamable(view, offset)
    occurrence = view.occurrence_at(offset)
    assert occurrence is not None  # which was asked just now
    _check_word(name)
    found = _everywhere(view, occurrence.symbol, others, request)
    for each in found:
        if each.span.text != occurrence.symbol.name:
            line = each.span.line
            raise RenameError(f"`{each.span.text}` on line {line} stands for it, which is no name that can change")
    fix = Fix(f"rename `{occurrence.symbol.name}` to `{name}`", tuple(Edit(each.span, name) for each in found))
    _try(view, fix, request or Request())
    return fix


def _check_word(name: str) -> None:
    words = [*tables().lexer.tokens(name)]
    if len(words) != 1 or words[0].type != "NAME" or words[0] != name:
        raise RenameError(f"`{name}` is not a name: letters, digits and `_`, and no word of the language")


def _try(view: View, fix: Fix, request: Request) -> None:
    """Raise if a check of the files that would change finds anything new."""
    made = edited([fix])
    for old, new in made.sources.items():
        before = view.checked.report if old is view.source else check_file(old, request).report
        after = check_file(new, request.instead({one: two for one, two in made.sources.items() if one is not old}))
        if sorted(each.code for each in before) != sorted(each.code for each in after.report):
            known = {(each.code, each.message) for each in before}
            new_ones = [each for each in after.report if (each.code, each.message) not in known]
            why = f": {new_ones[0].span}: {new_ones[0].message}" if new_ones else ""
            raise RenameError(f"{fix.title} changes what the text means{why}")
