"""Our data in the words of the language server protocol, and its places in ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from cnndsl.diagnostics import Diagnostic, Fix
from cnndsl.editor.completion import Completion
from cnndsl.editor.completion import Kind as CompletionKind
from cnndsl.editor.outline import Entry
from cnndsl.editor.positions import Position, ends_of, offset_at, units
from cnndsl.editor.words import MEANT, Word
from cnndsl.source import Source, Span

_UNNECESSARY = ("W601", "W602", "W606", "W607", "W608")  # what nothing uses, which editors show faded

_ITEM_KINDS: Mapping[CompletionKind, types.CompletionItemKind] = {
    "keyword": types.CompletionItemKind.Keyword,
    "layer": types.CompletionItemKind.Method,
    "structure": types.CompletionItemKind.Struct,
    "block": types.CompletionItemKind.Function,
    "network": types.CompletionItemKind.Class,
    "argument": types.CompletionItemKind.Property,
    "choice": types.CompletionItemKind.EnumMember,
    "name": types.CompletionItemKind.Variable,
    "label": types.CompletionItemKind.Reference,
    "fact": types.CompletionItemKind.Constant,
    "file": types.CompletionItemKind.Module,
}
_SYMBOL_KINDS: Mapping[str, types.SymbolKind] = {
    "network": types.SymbolKind.Class,
    "block": types.SymbolKind.Function,
    "value": types.SymbolKind.Constant,
    "label": types.SymbolKind.Field,
    "head": types.SymbolKind.Interface,
}


def path_of(uri: str) -> Path | None:
    """The file that a document is saved in, if it is."""
    text = to_fs_path(uri) if uri.startswith("file:") else None
    return Path(text) if text else None


def uri_of(source: Source, uri: str) -> str:
    """Where a source is; the document itself is at `uri`, as the editor calls it, whatever links lead there."""
    if source.path is None or source.path == path_of(uri):
        return uri
    return from_fs_path(str(source.path.resolve())) or uri


def offset_of(source: Source, position: types.Position) -> int:
    return offset_at(source, Position(position.line, position.character))


def range_of(span: Span) -> types.Range:
    start, end = ends_of(span)
    return types.Range(types.Position(*start), types.Position(*end))


def location(span: Span, uri: str) -> types.Location:
    return types.Location(uri_of(span.source, uri), range_of(span))


# --- findings


def diagnostic(finding: Diagnostic, home: Span, uri: str) -> types.Diagnostic:
    """A finding; one in another file is told at `home`, the `use` that brings it."""
    message = finding.message if home is finding.span else f"{finding.span}: {finding.message}"
    lines = [message, *([finding.label] if finding.label else ()), *finding.notes]
    lines += [f"help: {remedy}" for remedy in finding.remedies]
    related = [(label.span, label.text) for label in finding.labels]
    if home is not finding.span:
        related.insert(0, (finding.span, finding.message))
    return types.Diagnostic(
        range=range_of(home),
        message="\n".join(lines),
        severity=types.DiagnosticSeverity.Error if finding.severity == "error" else types.DiagnosticSeverity.Warning,
        code=finding.code,
        source="cnndsl",
        tags=[types.DiagnosticTag.Unnecessary] if finding.code in _UNNECESSARY else None,
        related_information=[types.DiagnosticRelatedInformation(location(span, uri), text) for span, text in related],
    )


def unreadable(error: Exception) -> types.Diagnostic:
    """Why a text cannot be looked at, at its beginning."""
    start = types.Range(types.Position(0, 0), types.Position(0, 0))
    return types.Diagnostic(start, str(error), types.DiagnosticSeverity.Error, source="cnndsl")


def workspace_edit(fix: Fix, uri: str) -> types.WorkspaceEdit:
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in fix.edits:
        changes.setdefault(uri_of(edit.span.source, uri), []).append(types.TextEdit(range_of(edit.span), edit.text))
    return types.WorkspaceEdit(changes=changes)


# --- answers


def completion_item(found: Completion, rank: int) -> types.CompletionItem:
    return types.CompletionItem(
        label=found.word,
        kind=_ITEM_KINDS[found.kind],
        detail=found.detail or None,
        documentation=markdown(found.documentation) if found.documentation else None,
        insert_text=found.text or None,
        sort_text=f"{rank:04}",
    )


def markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def document_symbol(entry: Entry) -> types.DocumentSymbol:
    return types.DocumentSymbol(
        name=entry.name,
        kind=_SYMBOL_KINDS[entry.kind],
        range=range_of(entry.span),
        selection_range=range_of(entry.at),
        detail=entry.detail,
        children=[document_symbol(each) for each in entry.inner],
    )


def token_data(words: Iterable[Word]) -> list[int]:
    """Words as the protocol packs them: each five numbers, its place from the one before."""
    return [number for word in _deltas(words) for number in word]


def _deltas(words: Iterable[Word]) -> Iterator[tuple[int, int, int, int, int]]:
    line, column = 0, 0
    for word in words:
        (row, start), _ = ends_of(word.span)
        yield row - line, start - (column if row == line else 0), units(word.span.text), MEANT.index(word.kind), 0
        line, column = row, start
