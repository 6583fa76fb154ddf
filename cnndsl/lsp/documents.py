"""The texts that are open in an editor, and what was found out about each: first of the network in view, then of all.

A check runs in a thread of its own, and is given up when the next keystroke comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import TypeAlias

from cnndsl.checking import Request
from cnndsl.diagnostics import Diagnostic
from cnndsl.editor.first import first_look
from cnndsl.editor.view import Focus, View, whole_view
from cnndsl.errors import SourceError
from cnndsl.source import Source, decode_source

QUICK = 0.03  # seconds; what takes no longer is looked at whole at once
PAUSE = 0.25  # seconds without a keystroke before the networks out of view are looked at


class _GivenUp(Exception):
    """The text has changed meanwhile."""


Told: TypeAlias = "Callable[[Document, View | None, list[Diagnostic] | Exception], None]"


class Document:
    """One open text. `told` is called whenever more is known: with findings, or with why there can be none."""

    def __init__(self, told: Told, uri: str) -> None:
        self._told = told
        self.uri = uri
        self.source = Source(uri, "")
        self.version = 0
        self.focus: Focus | None = None
        self.last_whole: View | None = None
        self.last_readable: View | None = None  # the last one without a syntax error, for names
        self._unreadable: SourceError | None = None
        self._seconds = 0.0  # that the last whole look took
        self._task: asyncio.Task[None] | None = None
        self._stop = Event()
        self._first: asyncio.Future[View | None]
        self._whole: asyncio.Future[View | None]

    def change(self, text: str, path: Path | None, version: int) -> None:
        """Take the next text in."""
        self.version, self._unreadable = version, None
        try:
            name = str(path) if path is not None else self.uri
            self.source = decode_source(text.encode("utf-8", "replace"), name, path)
        except SourceError as error:
            self._unreadable = error

    def look(self, files: Mapping[Path, Source]) -> None:
        """Begin to look at the text, with these in place of files that it uses."""
        self.close()
        self._stop = Event()
        loop = asyncio.get_running_loop()
        self._first, self._whole = loop.create_future(), loop.create_future()
        if self._unreadable is not None:
            self._know(None, self._unreadable)
        else:
            self._task = asyncio.create_task(self._look(files))

    def uses(self, other: Document) -> bool:
        """Whether it takes something from another open text, as far as was seen."""
        modules = self.last_whole.checked.module.uses.values() if self.last_whole is not None else ()
        paths = {module.source.path.resolve() for module in modules if module.source.path is not None}
        return other is not self and other.source.path is not None and other.source.path.resolve() in paths

    def close(self) -> None:
        """Give up what is being looked at."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            self._task = None
            for future in (self._first, self._whole):
                future.cancel()

    async def first(self) -> View | None:
        """What is known soonest of this text; None if it cannot be read at all."""
        return await asyncio.shield(self._first)

    async def whole(self) -> View | None:
        """What is known when all networks were looked at."""
        return await asyncio.shield(self._whole)

    async def _look(self, files: Mapping[Path, Source]) -> None:
        stop = self._stop

        def go_on() -> None:
            if stop.is_set():
                raise _GivenUp

        request = Request(files=files, between=go_on)
        try:
            if self._seconds > QUICK and self.last_whole is not None:
                await self._look_first(self.last_whole, request)
                await asyncio.sleep(PAUSE)
            began = perf_counter()
            view = await asyncio.to_thread(whole_view, self.source, request)
            self._seconds = perf_counter() - began
            self.last_whole = view
            self._know(view, view.checked.report.shown)
        except _GivenUp:
            pass
        except Exception as error:  # a bug, perhaps; the server lives on, and the next text may be read
            self._know(None, error)

    async def _look_first(self, before: View, request: Request) -> None:
        """Look at the network in view alone, if there is one."""
        found = await asyncio.to_thread(first_look, before, self.source, request)
        if found is not None:
            self._know(*found)

    def _know(self, view: View | None, findings: list[Diagnostic] | Exception) -> None:
        """Hand on what is known now; a view of one network is not the last word."""
        for future in (self._first,) if view is not None and not view.whole else (self._first, self._whole):
            if not future.done():
                future.set_result(view)
        if view is not None and view.file.complete:
            self.last_readable = view
        self._told(self, view, findings)
