"""`check --watch`: the same check again whenever one of the files that it read has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from cnndsl.elaborate import Module

PAUSE = 0.2  # seconds between two looks at the files
_CLOCK = 20_000_000  # nanoseconds by which a file system's clock may be behind


class _State(NamedTuple):
    """When a file was written last, in nanoseconds, and its size."""

    written: int
    size: int


def watch(check: Callable[[], Iterable[Path]], named: Iterable[Path]) -> NoReturn:
    """Run a check, which says what files it read, and again at each change of one; Ctrl-C ends it."""
    paths = {*named}
    while True:
        before, began = {path: _state(path) for path in paths}, time.time_ns()
        paths.update(check())
        now = {path: _state(path) for path in paths}
        if not any(_changed(before.get(path), state, began) for path, state in now.items()):  # while they were read
            _wait_for_change(now)


def _changed(before: _State | None, now: _State, began: int) -> bool:
    """Whether a file has changed since the check began; of one that nobody knew of then, its time tells."""
    return now != before if before is not None else now.written > began - _CLOCK


def _wait_for_change(seen: Mapping[Path, _State]) -> None:
    while all(_state(path) == state for path, state in seen.items()):
        time.sleep(PAUSE)


def _state(path: Path) -> _State:
    """What is seen of a file from outside; one that is not there has no size."""
    try:
        found = path.stat()
    except OSError:
        return _State(0, -1)
    return _State(found.st_mtime_ns, found.st_size)


def files_of(module: Module) -> set[Path]:
    """The file of a module, and all that it uses."""
    seen: dict[int, Module] = {}
    pending = [module]
    while pending:
        each = pending.pop()
        if id(each) not in seen:
            seen[id(each)] = each
            pending += each.uses.values()
    return {each.source.path for each in seen.values() if each.source.path is not None}
