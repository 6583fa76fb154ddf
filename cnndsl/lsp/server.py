"""The server: every request is answered by a function of `cnndsl.editor`, on the last look at its text."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from cnndsl.draw import draw
from cnndsl.editor import completion, hints, hover, lenses, outline, references, repairs, words
from cnndsl.editor.positions import position_at
from cnndsl.editor.view import in_view_on
from cnndsl.errors import SourceError
from cnndsl.formatting import formatted
from cnndsl.ir import Graph
from cnndsl.lsp import translate
from cnndsl.lsp.session import Server

PICTURE = "arch/picture"
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
    focus = server.focus(params.uri)
    seen = in_view_on(view, int(params.line))
    network = seen or (focus.network if focus else next(iter(view.checked.networks), None))
    done = view.checked.networks.get(network or "")
    if network is None or done is None or not len(done.graph):
        return None
    return {"network": network, "svg": await asyncio.to_thread(_picture, done.graph)}


@lru_cache(maxsize=4)
def _picture(graph: Graph) -> str:
    """Drawn once for each look at a text: the cursor moves more often than the text changes."""
    return draw(graph)


def serve() -> None:
    """Serve an editor on standard input and output until it goes."""
    server.start_io()
