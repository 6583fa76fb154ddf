"""The language server over its own protocol: a file typed letter by letter, and every request once.

What the answers say is tested in `test_editor.py`, without a server; here it is that they arrive, in time and in place.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient

from cnndsl.checking import check_file
from cnndsl.cli.main import main
from cnndsl.diagnostics import Diagnostic, render
from cnndsl.editor.view import View
from cnndsl.lsp import documents, translate
from cnndsl.lsp.documents import Document
from cnndsl.source import read_source

ARCHS = Path(__file__).resolve().parent.parent / "archs"
SECONDS = 60  # that a test may take at most

TEXT = """\
use conv_bn from "blocks.arch"

network small(classes = 10) {
    input 3 x 32 x 32
    conv_bn 16 as first                                    # 𝒳 é
    maxpool 2x2, /2
    conv 3x3, 32 -> relu
    global_avgpool -> linear classes
}
"""
BLOCKS = """\
# A convolution as they stand everywhere.
block conv_bn(filters) {
    conv 3x3, filters -> bn -> relu
}
"""


@pytest_lsp.fixture(config=ClientServerConfig(server_command=[sys.executable, "-m", "cnndsl", "lsp"]))
async def client(lsp_client: LanguageClient) -> AsyncIterator[None]:
    parameters = types.InitializeParams(capabilities=pytest_lsp.client_capabilities("visual-studio-code"))
    await lsp_client.initialize_session(parameters)
    yield
    await lsp_client.shutdown_session()


class Editor:
    """One file in an editor."""

    def __init__(self, client: LanguageClient, path: Path) -> None:
        self.client, self.path, self.uri, self.version = client, path, path.as_uri(), 0

    @property
    def document(self) -> types.TextDocumentIdentifier:
        return types.TextDocumentIdentifier(self.uri)

    def open(self, text: str) -> None:
        item = types.TextDocumentItem(self.uri, "arch", self.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def type(self, text: str) -> None:
        """The text is now this."""
        self.version += 1
        document = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    async def settled(self) -> list[types.Diagnostic]:
        """What is published about the last version, when all of it was looked at."""
        await self.client.text_document_code_lens_async(types.CodeLensParams(self.document))
        await asyncio.sleep(0.02)
        return [*self.client.diagnostics[self.uri]]


def as_checked(path: Path) -> list[tuple[object, ...]]:
    """What `cnndsl check --format json` says of a file: code, and place in lines and UTF-16 columns from 0."""
    source = read_source(path)
    findings = json.loads(render(check_file(source).report, "json"))["findings"]

    def place(position: dict[str, int]) -> tuple[int, int]:
        before = source.line(position["line"])[: position["column"] - 1]
        return position["line"] - 1, len(before.encode("utf-16-le")) // 2

    return [(each["code"], place(each["start"]), place(each["end"])) for each in findings]


def as_told(found: list[types.Diagnostic]) -> list[tuple[object, ...]]:
    ends = ((each.range.start, each.range.end) for each in found)
    places = (((start.line, start.character), (end.line, end.character)) for start, end in ends)
    return [(each.code, *place) for each, place in zip(found, places, strict=True)]


async def typed(client: LanguageClient, path: Path, text: str, *, wait_every: int) -> None:
    """Type a text letter by letter; now and then, and at the end, what is told is what a check of the file finds."""
    editor = Editor(client, path)
    editor.open("")
    for end in range(1, len(text) + 1):
        editor.type(text[:end])
        await asyncio.sleep(0)
        if end % wait_every == 0 or end == len(text):
            path.write_text(text[:end], encoding="utf-8")
            assert as_told(await editor.settled()) == as_checked(path), text[:end]
    assert not [message for message in client.messages if message.type == types.MessageType.Error]


def within(seconds: int, work: Any) -> Any:
    return asyncio.wait_for(work, seconds)


@pytest.mark.asyncio
async def test_a_file_that_is_typed_letter_by_letter(client: LanguageClient, tmp_path: Path) -> None:
    (tmp_path / "blocks.arch").write_text(BLOCKS, encoding="utf-8")
    await within(SECONDS, typed(client, tmp_path / "small.arch", TEXT, wait_every=15))


@pytest.mark.asyncio
async def test_every_request_is_answered(client: LanguageClient, tmp_path: Path) -> None:
    await within(SECONDS, ask_everything(client, tmp_path))


async def ask_everything(client: LanguageClient, folder: Path) -> None:
    (folder / "blocks.arch").write_text(BLOCKS, encoding="utf-8")
    editor = Editor(client, folder / "small.arch")
    editor.open(TEXT)
    here = {"text_document": editor.document}

    def place(line: int, column: int) -> dict[str, Any]:
        return {**here, "position": types.Position(line, column)}

    found = await client.text_document_hover_async(types.HoverParams(**place(4, 6)))
    assert found is not None and "`3 x 32 x 32` → `16 x 32 x 32`" in found.contents.value  # type: ignore[union-attr]
    whole = types.Range(types.Position(0, 0), types.Position(99, 0))
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(editor.document, whole))
    assert [(hint.position.line, hint.label) for hint in hints or ()][:2] == [
        (4, ": 16 x 32 x 32"),
        (5, ": 16 x 16 x 16"),
    ]
    items = await client.text_document_completion_async(types.CompletionParams(**place(6, 4)))
    assert {"conv", "conv_bn"} <= {item.label for item in items}  # type: ignore[union-attr]
    definition = await client.text_document_definition_async(types.DefinitionParams(**place(4, 6)))
    assert isinstance(definition, types.Location) and definition.uri.endswith("blocks.arch")
    assert definition.range.start == types.Position(1, 6)
    context = types.ReferenceContext(include_declaration=True)
    places = await client.text_document_references_async(types.ReferenceParams(**place(4, 6), context=context))
    assert sorted(each.range.start.line for each in places or ()) == [0, 4]
    marks = await client.text_document_document_highlight_async(types.DocumentHighlightParams(**place(2, 15)))
    assert [mark.range.start.line for mark in marks or ()] == [2, 7]
    edit = await client.text_document_rename_async(types.RenameParams(**place(2, 15), new_name="many"))
    assert edit is not None and edit.changes is not None
    assert [(each.range.start.line, each.new_text) for each in edit.changes[editor.uri]] == [(2, "many"), (7, "many")]
    with pytest.raises(Exception, match="word of the language"):
        await client.text_document_prepare_rename_async(types.PrepareRenameParams(**place(5, 6)))
    outline = await client.text_document_document_symbol_async(types.DocumentSymbolParams(**here))
    assert [each.name for each in outline or ()] == ["small"]
    folds = await client.text_document_folding_range_async(types.FoldingRangeParams(**here))
    assert [(fold.start_line, fold.end_line) for fold in folds or ()] == [(2, 7)]
    tokens = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(**here))
    assert tokens is not None and len(tokens.data) % 5 == 0 and tokens.data[:5] == (0, 0, 3, 0, 0)
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(**here))
    assert [lens.command.title.split()[1] for lens in lenses or () if lens.command] == ["parameters,"]
    picture = await client.protocol.send_request_async("arch/picture", {"uri": editor.uri, "line": 5})
    assert picture.network == "small" and picture.svg.startswith("<svg")
    await mend_and_format(client, editor)


async def mend_and_format(client: LanguageClient, editor: Editor) -> None:
    broken = TEXT.replace("maxpool 2x2", "maxpol  2x2")
    editor.type(broken)
    (finding,) = await editor.settled()
    assert (finding.code, finding.range.start) == ("E301", types.Position(5, 4))
    context = types.CodeActionContext(diagnostics=[finding])
    parameters = types.CodeActionParams(editor.document, finding.range, context)
    (action, *_) = await client.text_document_code_action_async(parameters) or ()
    assert isinstance(action, types.CodeAction) and action.edit is not None and action.edit.changes is not None
    assert [edit.new_text for edit in action.edit.changes[editor.uri]] == ["maxpool"]
    editor.type(TEXT.replace("linear classes", "linear   classes"))
    options = types.FormattingOptions(tab_size=4, insert_spaces=True)
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(editor.document, options))
    assert [edit.new_text for edit in edits or ()] == [TEXT]


@pytest.mark.asyncio
async def test_an_open_file_counts_as_it_stands_in_the_editor(client: LanguageClient, tmp_path: Path) -> None:
    await within(SECONDS, change_what_is_used(client, tmp_path))


async def change_what_is_used(client: LanguageClient, folder: Path) -> None:
    (folder / "blocks.arch").write_text(BLOCKS, encoding="utf-8")
    main, blocks = Editor(client, folder / "small.arch"), Editor(client, folder / "blocks.arch")
    blocks.open(BLOCKS)
    main.open(TEXT)
    assert await main.settled() == []
    blocks.type(BLOCKS.replace("conv_bn", "conv_norm"))
    found = await main.settled()
    assert [(each.code, each.range.start.line) for each in found] == [("E311", 0)]
    blocks.type(BLOCKS.replace("bn", "bm"))
    await blocks.settled()
    assert (await main.settled())[0].range.start == types.Position(0, 4)  # what is wrong there is told at the `use`
    client.text_document_did_close(types.DidCloseTextDocumentParams(blocks.document))


def test_the_network_in_view_comes_first_and_a_keystroke_gives_up_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "QUICK", 0.0)
    monkeypatch.setattr(documents, "PAUSE", 0.05)
    one = "network one {\n    input 3 x 8 x 8\n    conv 3x3, 4\n}\n"
    text = one + one.replace("one", "two").replace("conv", "con")
    told: list[tuple[int, bool, list[str]]] = []

    def hear(document: Document, view: View | None, findings: list[Diagnostic] | Exception) -> None:
        assert view is not None and isinstance(findings, list)
        told.append((document.version, view.whole, [each.code for each in findings]))

    async def typing() -> None:
        document = Document(hear, "untitled:1")
        for version, typed in enumerate((text, text.replace("4", "5", 1), text.replace("4", "x", 1))):
            document.change(typed, None, version)
            document.look({})
            await (document.first() if version == 1 else document.whole())
        document.close()

    asyncio.run(within(SECONDS, typing()))
    assert told == [
        (0, True, ["E301"]),
        (1, False, ["E301"]),  # remembered
        (2, False, ["E302", "E301"]),
        (2, True, ["E302", "E301"]),
    ]


def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None)
    assert main(["lsp"]) == 2
    assert capsys.readouterr().err == 'cnndsl: error: this needs pygls: pip install "cnndsl[lsp]"\n'


def test_a_text_that_cannot_be_read_is_said_at_its_beginning() -> None:
    told: list[object] = []

    async def typing() -> None:
        document = Document(lambda document, view, findings: told.append(findings), "untitled:1")
        document.change("x" * 20_000, None, 0)
        document.look({})
        assert await document.whole() is None

    asyncio.run(within(SECONDS, typing()))
    (error,) = told
    assert isinstance(error, Exception) and "line of 20,000 characters" in str(error)
    assert translate.unreadable(error).range.start == types.Position(0, 0)


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["googlenet", "resnet", "unet"])
async def test_a_file_of_the_zoo_that_is_typed(client: LanguageClient, tmp_path: Path, name: str) -> None:
    text = (ARCHS / f"{name}.arch").read_text(encoding="utf-8")
    await within(900, typed(client, tmp_path / f"{name}.arch", text, wait_every=53))
