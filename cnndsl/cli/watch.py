"""`check --watch`: the same check again whenever one of the files that it read has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from cnndsl.elaborate import Module

PAUSE = 0.2  # seconds between two looks at the files


def watch(check: Callable[[], Iterable[Path]]) -> NoReturn:
    """Run a check, which says what files it read, and again at each change of one; Ctrl-C ends it."""
    while True:
        began = time.time_ns()
        paths = [*check()]
        seen = {path: _state(path) for path in paths}
        if any(changed >= began for changed, _ in seen.values()):  # while it was being read
            continue
        _wait_for_change(seen)


def _wait_for_change(seen: Mapping[Path, tuple[int, int]]) -> None:
    while all(_state(path) == state for path, state in seen.items()):
        time.sleep(PAUSE)


def _state(path: Path) -> tuple[int, int]:
    """When a file was written last, and its size; a file that is not there has none."""
    try:
        found = path.stat()
    except OSError:
        return 0, -1
    return found.st_mtime_ns, found.st_size


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
