"""The server: every request is answered by a function of `cnndsl.editor`, on the last look at its text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from cnndsl.checking import Request
from cnndsl.diagnostics import Diagnostic
from cnndsl.draw import draw
from cnndsl.editor import completion, hints, hover, lenses, outline, references, repairs, words
from cnndsl.editor.positions import position_at
from cnndsl.editor.view import Focus, View, in_view
from cnndsl.errors import SourceError
from cnndsl.formatting import arch_files, formatted
from cnndsl.lsp import translate
from cnndsl.lsp.documents import Document
from cnndsl.shipped import shipped
from cnndsl.source import Source, Span, read_source
from cnndsl.version import __version__

_MOST_FILES = 2_000  # of a workspace that are looked through for uses of a name
PICTURE = "arch/picture"


class Protocol(LanguageServerProtocol):
    """Counts columns in UTF-16, which every editor knows, whatever else one offers."""

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Any:
        if params.capabilities.general is not None:
            params.capabilities.general.position_encodings = None
        return (yield from super().lsp_initialize(params))


class Server(LanguageServer):
    """The open documents by their addresses."""

    def __init__(self) -> None:
        full = types.TextDocumentSyncKind.Full  # the texts are small, and nobody can disagree about lines
        super().__init__("cnndsl", __version__, full, protocol_cls=Protocol)
        self.documents: dict[str, Document] = {}

    def change(self, uri: str, text: str, version: int) -> None:
        """A text is new: look at it."""
        document = self.documents.setdefault(uri, Document(self.tell, uri))
        document.change(text, translate.path_of(uri), version)
        document.look(self.texts())
        for other in self.documents.values():
            if other.uses(document):
                other.look(self.texts())

    def texts(self) -> dict[Path, Source]:
        """The open texts that are files, which count as they stand in the editor."""
        sources = (document.source for document in self.documents.values())
        return {source.path.resolve(): source for source in sources if source.path is not None}

    def tell(self, document: Document, view: View | None, findings: list[Diagnostic] | Exception) -> None:
        """Publish what was found in a text."""
        if isinstance(findings, Exception):
            told = [translate.unreadable(findings)]
        else:
            told = [translate.diagnostic(each, _home(each, view), document.uri) for each in findings]
        params = types.PublishDiagnosticsParams(document.uri, told, document.version)
        self.text_document_publish_diagnostics(params)

    async def first(self, uri: str) -> View | None:
        return await self.documents[uri].first() if uri in self.documents else None

    async def whole(self, uri: str) -> View | None:
        return await self.documents[uri].whole() if uri in self.documents else None

    def focus(self, uri: str) -> Focus | None:
        return self.documents[uri].focus if uri in self.documents else None

    def others(self) -> Iterator[Source]:
        """The `.arch` files of the workspace that can be read, open ones as they stand in the editor."""
        texts = self.texts()
        yield from texts.values()
        folders = [translate.path_of(folder.uri) for folder in self.workspace.folders.values()]
        for path in [path for folder in folders if folder is not None for path in _files_in(folder)][:_MOST_FILES]:
            if path.resolve() not in texts:
                try:
                    yield read_source(path)
                except SourceError:
                    continue

    def request(self) -> Request:
        return Request(files=self.texts())


def _files_in(folder: Path) -> list[Path]:
    try:
        return arch_files(folder)
    except SourceError:  # there is none
        return []


def _home(finding: Diagnostic, view: View | None) -> Span:
    """Where a finding is shown in a text: at its own place, or at the `use` of the file that it is in."""
    if view is None or finding.span.source is view.source:
        return finding.span
    module = view.checked.module
    uses = [each.span for each in view.file.uses]
    for name, used in module.uses.items():
        if used.source is finding.span.source and (place := module.places.get(name) or module.env.place_of(name)):
            return place
    return uses[0] if uses else view.source.span(0, 0)


server = Server()


# --- texts


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
async def opened(server: Server, params: types.DidOpenTextDocumentParams) -> None:
    server.change(params.text_document.uri, params.text_document.text, params.text_document.version)


@server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
async def changed(server: Server, params: types.DidChangeTextDocumentParams) -> None:
    document = server.workspace.get_text_document(params.text_document.uri)
    server.change(params.text_document.uri, document.source, params.text_document.version)


@server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
async def closed(server: Server, params: types.DidCloseTextDocumentParams) -> None:
    document = server.documents.pop(params.text_document.uri, None)
    if document is not None:
        document.close()
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(document.uri, []))


# --- what is shown


@server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
async def inlay_hints(server: Server, params: types.InlayHintParams) -> list[types.InlayHint]:
    uri = params.text_document.uri
    view = await server.whole(uri)
    found: list[types.InlayHint] = []
    for hint in hints.hints(view, server.focus(uri)) if view is not None else ():
        place = types.Position(*position_at(view.source, hint.offset))  # type: ignore[union-attr]
        if params.range.start.line <= place.line <= params.range.end.line:
            found.append(types.InlayHint(place, hint.text, padding_left=True))
    return found


@server.feature(types.TEXT_DOCUMENT_HOVER)
async def hovered(server: Server, params: types.HoverParams) -> types.Hover | None:
    uri = params.text_document.uri
    view = await server.whole(uri)
    if view is None:
        return None
    found = hover.hover(view, translate.offset_of(view.source, params.position), server.focus(uri))
    return types.Hover(translate.markdown(found.text), translate.range_of(found.span)) if found is not None else None


@server.feature(types.TEXT_DOCUMENT_CODE_LENS)
async def code_lenses(server: Server, params: types.CodeLensParams) -> list[types.CodeLens]:
    view = await server.whole(params.text_document.uri)
    found = lenses.lenses(view, server.focus(params.text_document.uri)) if view is not None else []
    return [types.CodeLens(translate.range_of(each.span), types.Command(each.text, "")) for each in found]


@server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
async def symbols(server: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    view = await server.first(params.text_document.uri)
    return [translate.document_symbol(each) for each in outline.outline(view)] if view is not None else []


@server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
async def foldings(server: Server, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
    view = await server.first(params.text_document.uri)
    found = outline.folds(view) if view is not None else []
    return [types.FoldingRange(each.first - 1, each.last - 1, kind=types.FoldingRangeKind(each.kind)) for each in found]


@server.feature(
    types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, types.SemanticTokensLegend(token_types=[*words.MEANT], token_modifiers=[])
)
async def semantic_tokens(server: Server, params: types.SemanticTokensParams) -> types.SemanticTokens:
    view = await server.first(params.text_document.uri)
    return types.SemanticTokens(translate.token_data(words.meant_words(view)) if view is not None else [])


# --- names


@server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[" ", ".", "=", "|", "("]))
async def completed(server: Server, params: types.CompletionParams) -> list[types.CompletionItem]:
    document = server.documents.get(params.text_document.uri)
    view = await server.first(params.text_document.uri)
    if document is None or view is None:
        return []
    readable = document.last_readable or view
    at = translate.offset_of(view.source, params.position)
    found = completion.completions(readable, view.source, at)
    return [translate.completion_item(each, rank) for rank, each in enumerate(found)]


@server.feature(types.TEXT_DOCUMENT_DEFINITION)
async def definition(server: Server, params: types.DefinitionParams) -> types.Location | None:
    uri = params.text_document.uri
    view = await server.first(uri)
    if view is None:
        return None
    offset = translate.offset_of(view.source, params.position)
    place = references.definition_at(view, offset)
    if place is None:
        return None
    target = translate.location(place, uri)
    called = hover.called_instance(view, offset, server.focus(uri))
    if called is not None and target.uri in server.documents:
        server.documents[target.uri].focus = called
        server.workspace_inlay_hint_refresh(None)
    return target


@server.feature(types.TEXT_DOCUMENT_REFERENCES)
async def uses(server: Server, params: types.ReferenceParams) -> list[types.Location]:
    view = await server.first(params.text_document.uri)
    if view is None:
        return []
    offset = translate.offset_of(view.source, params.position)
    found = references.references(view, offset, server.others(), server.request())
    return [translate.location(span, params.text_document.uri) for span in found]


@server.feature(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
async def highlights(server: Server, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
    view = await server.first(params.text_document.uri)
    found = references.references(view, translate.offset_of(view.source, params.position)) if view is not None else []
    return [types.DocumentHighlight(translate.range_of(span)) for span in found]


@server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
async def prepare_rename(server: Server, params: types.PrepareRenameParams) -> types.Range | None:
    view = await server.first(params.text_document.uri)
    if view is None:
        return None
    try:
        return translate.range_of(references.renamable(view, translate.offset_of(view.source, params.position)))
    except references.RenameError as error:
        raise JsonRpcInvalidParams(str(error)) from None


@server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
async def renamed(server: Server, params: types.RenameParams) -> types.WorkspaceEdit | None:
    view = await server.whole(params.text_document.uri)
    if view is None:
        return None
    offset = translate.offset_of(view.source, params.position)
    try:
        fix = references.rename(view, offset, params.new_name, server.others(), server.request())
    except references.RenameError as error:
        raise JsonRpcInvalidParams(str(error)) from None
    return translate.workspace_edit(fix, params.text_document.uri)


# --- changes


@server.feature(types.TEXT_DOCUMENT_FORMATTING)
async def format_text(server: Server, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
    document = server.documents.get(params.text_document.uri)
    if document is None:
        return None
    try:
        result = formatted(document.source)
    except SourceError:
        return None
    whole = document.source.span(0, len(document.source.text))
    return [types.TextEdit(translate.range_of(whole), result.text)] if result.changed else []


@server.feature(
    types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
)
async def code_actions(server: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    uri = params.text_document.uri
    view = await server.whole(uri)
    if view is None:
        return []
    start, end = (translate.offset_of(view.source, each) for each in (params.range.start, params.range.end))
    return [
        types.CodeAction(
            title=each.fix.title,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[translate.diagnostic(each.finding, each.finding.span, uri)],
            is_preferred=each.best and each.fix.safe,
            edit=translate.workspace_edit(each.fix, uri),
        )
        for each in repairs.repairs(view, start, end)
    ]


# --- the picture beside the text


@server.feature(PICTURE)
async def picture(server: Server, params: Any) -> dict[str, str] | None:
    """The network that a line takes part in as SVG: `{uri, line}` gives `{network, svg}`."""
    view = await server.whole(params.uri)
    if view is None:
        return None
    line = min(int(params.line) + 1, view.source.line_count)
    start = view.source.start_of(line)
    offset = start + len(view.source.line(line)) - len(view.source.line(line).lstrip())
    focus = server.focus(params.uri)
    network = in_view(view, offset) or (focus.network if focus else next(iter(view.checked.networks), None))
    done = view.checked.networks.get(network or "")
    return {"network": network or "", "svg": draw(done.graph)} if done is not None and len(done.graph) else None


def serve() -> None:
    """Serve an editor on standard input and output until it goes."""
    shipped("grammars")
    server.start_io()
