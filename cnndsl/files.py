"""The one place by which files are written: whole, together, and under their names only at the end.

What is not finished lies beside its place under a name that says whose it is, so that the next run takes away what a
killed one has left: `.NAME.cnndsl-HOST-PID-TOKEN`, and with `.old` behind it what NAME was before.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from cnndsl.errors import OutputError

Writer = Callable[[Path], object]

HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]  # a folder may be shared, and processes are not
UNFINISHED = re.compile(rf"\.(?P<name>.+)\.cnndsl-{HOST}-(?P<process>[0-9]+)-[0-9a-f]{{8}}(?P<old>\.old)?")


def text_writer(text: str) -> Writer:
    return lambda path: path.write_text(text, encoding="utf-8", newline="\n")


def bytes_writer(content: bytes) -> Writer:
    return lambda path: path.write_bytes(content)


def write_file(path: Path, content: str | bytes) -> None:
    """Write one file, or leave what is there. Raises `OutputError`."""
    writer = text_writer(content) if isinstance(content, str) else bytes_writer(content)
    write_together(path.parent, {path.name: writer})


def rewriter(path: Path, name: str, before: str, after: str) -> Writer:
    """What writes a text over the one that was read from a file, which keeps its mode and its byte order mark.

    `name` is what the file is called in messages. Raises `OutputError` if it is no longer what was read, or read-only.
    """
    if not path.is_file():
        raise OutputError(f"cannot rewrite {name}: it is not a file")
    try:
        raw, mode = path.read_bytes(), path.stat().st_mode
    except OSError as error:
        raise OutputError(f"cannot rewrite {name}: {_reason(error)}") from error
    if raw.removeprefix(BOM_UTF8) != before.encode("utf-8"):
        raise OutputError(f"cannot rewrite {name}: it has changed since it was read")
    if not mode & 0o222 or not os.access(path, os.W_OK):
        raise OutputError(f"cannot rewrite {name}: it is read-only")
    data = (BOM_UTF8 if raw.startswith(BOM_UTF8) else b"") + after.encode("utf-8")

    def write(place: Path) -> None:
        place.write_bytes(data)
        shutil.copymode(path, place)

    return write


def write_together(directory: Path, writers: Mapping[str, Writer]) -> list[Path]:
    """Let each writer write its file, and put them all in place at the end, or none. Raises `OutputError`.

    Names are those of files in `directory` or, with a slash, in folders inside it; folders are made if need be. A
    link is replaced, not followed.
    """
    made = _make_folder(directory)
    mark = f"cnndsl-{HOST}-{os.getpid()}-{secrets.token_hex(4)}"
    marks = {name: (directory / name).with_name(f".{Path(name).name}.{mark}") for name in writers}
    try:
        for folder in dict.fromkeys(path.parent for path in marks.values()):
            made += _make_folder(folder)
            sweep(folder)
        for name, writer in writers.items():
            _require_replaceable(directory / name)
            writer(marks[name])
        _replace_all({marks[name]: directory / name for name in writers})
    except BaseException as error:
        for path in marks.values():
            with suppress(OSError, ValueError):
                path.unlink()
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise OutputError(f"cannot write to {directory}: {_reason(error)}") from error
        raise
    return [directory / name for name in writers]


def write_folder(folder: Path, writers: Mapping[str, Writer]) -> Path:
    """Let each writer write its file into a new folder, in their order, and put that in its place at the end.

    There must be nothing at that place, or an empty folder: two folders cannot change places in one step. Raises
    `OutputError`.
    """
    made = _make_folder(folder.parent)
    unfinished = folder.with_name(f".{folder.name}.cnndsl-{HOST}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        sweep(folder.parent)
        if os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(f"cannot write {folder}: it is there already; name a folder that is new")
        unfinished.mkdir()
        for name, writer in writers.items():
            writer(unfinished / name)
        os.rename(unfinished, folder)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        for each in reversed(made):
            with suppress(OSError):
                each.rmdir()
        if isinstance(error, OSError):
            raise OutputError(f"cannot write {folder}: {_reason(error)}") from error
        raise
    return folder


def replace_folder(folder: Path, write: Writer) -> None:
    """Let `write` make a folder, and put it in the place of the one that is there, if any. Raises `OutputError`.

    Should the process be killed between these steps, the next `sweep` puts the old one back.
    """
    unfinished = folder.with_name(f".{folder.name}.cnndsl-{HOST}-{os.getpid()}-{secrets.token_hex(4)}")
    aside = unfinished.with_name(f"{unfinished.name}.old")
    try:
        write(unfinished)
        if os.path.lexists(folder):
            os.replace(folder, aside)
        os.replace(unfinished, folder)
    except (OSError, OutputError) as error:  # which may name what is unfinished
        raise OutputError(f"cannot write {folder}: {_reason(error.__cause__ or error)}") from error
    finally:
        if os.path.lexists(aside) and not os.path.lexists(folder):
            os.replace(aside, folder)
        for left in (unfinished, aside):
            shutil.rmtree(left, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Take away what killed runs have left in a folder; what they had moved aside and not replaced goes back."""
    with suppress(OSError):
        for path in folder.iterdir():
            found = UNFINISHED.fullmatch(path.name)
            if found is None or _alive(int(found["process"])):
                continue
            with suppress(OSError):
                place = path.with_name(found["name"])
                if found["old"] and not os.path.lexists(place):
                    os.replace(path, place)
                elif path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def _alive(process: int) -> bool:
    """Whether there is such a process, or one cannot know."""
    if os.name != "posix":  # elsewhere a signal of 0 ends the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _make_folder(directory: Path) -> list[Path]:
    """Make a folder and those above it; gives the new ones, the outermost first."""
    try:
        new = [folder for folder in reversed([directory, *directory.parents]) if not folder.exists()]
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"cannot write to {directory}: it is a file, not a folder") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise OutputError(f"cannot make the folder {str(directory)!r}: {_reason(error)}") from error
    return new


def require_place(path: Path) -> None:
    """Raise `OutputError` if a file can plainly not be written there, before the work that makes it."""
    _require_replaceable(path)
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        raise OutputError(f"cannot write to {above}: it is a file, not a folder")
    if not os.access(above, os.W_OK):
        raise OutputError(f"cannot write to {above}: permission denied")


def _require_replaceable(path: Path) -> None:
    """Raise `OutputError` for what a file must not take the place of: a folder, a device, a pipe."""
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    stream = path.is_symlink() and os.readlink(path).startswith(("/proc/", "/dev/"))  # as /dev/stdout is
    if stream or (path.exists() and not path.is_file()):
        raise OutputError(f"cannot write {path}: it is a device or a pipe, not a file")


def _replace_all(moves: Mapping[Path, Path]) -> None:
    """Move each file to its place; if one cannot be moved, put back what was there before.

    The last one leaves nothing to put back, so a single file is never absent from its place, even for a moment.
    """
    kept: dict[Path, Path | None] = {}
    *firsts, last = moves.items()
    try:
        for source, target in firsts:
            aside = target.with_name(f"{source.name}.old")
            there = os.path.lexists(target)
            kept[target] = aside if there else None
            if there:
                _keep(target, aside)
            os.replace(source, target)
        os.replace(*last)
    except BaseException:
        for target, before in kept.items():
            if before is None:
                target.unlink(missing_ok=True)
            elif os.path.lexists(before):
                os.replace(before, target)
                before.unlink(missing_ok=True)  # two names of one file stay both
        raise
    for before in kept.values():
        if before is not None:
            with suppress(OSError):
                before.unlink()


def _keep(path: Path, aside: Path) -> None:
    """Give a file a second name, or where there are no such links, another one."""
    try:
        if path.is_symlink():
            os.symlink(os.readlink(path), aside)
        else:
            os.link(path, aside)
    except FileNotFoundError:  # another run put a new file in its place just then
        if os.path.lexists(path):
            _keep(path, aside)
    except OSError:
        os.replace(path, aside)


def _reason(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
