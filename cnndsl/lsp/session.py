"""What the server knows: the open documents, and the files around them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from cnndsl.checking import Request
from cnndsl.diagnostics import Diagnostic
from cnndsl.editor.view import Focus, View
from cnndsl.errors import SourceError
from cnndsl.formatting import arch_files
from cnndsl.lsp import translate
from cnndsl.lsp.documents import Document
from cnndsl.source import Source, read_source
from cnndsl.version import __version__

_MOST_FILES = 2_000  # of a workspace that are looked through for uses of a name


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
            homes = [each.span if view is None else view.home(each.span) for each in findings]
            told = [translate.diagnostic(*each, document.uri) for each in zip(findings, homes, strict=True)]
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
