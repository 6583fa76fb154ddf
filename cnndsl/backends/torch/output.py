"""The written pair, `name.py` and `name.safetensors`: both appear whole, or nothing changes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cnndsl.backends.torch.loading import instantiate
from cnndsl.backends.torch.source import generate_source
from cnndsl.errors import OutputError
from cnndsl.extras import require
from cnndsl.ir.graph import Graph
from cnndsl.weights import save_weights


def write(graph: Graph, directory: Path, *, seed: int = 0, name: str | None = None, weights: bool = True) -> list[Path]:
    """Write the generated source, and weights drawn from `seed`, into a folder; gives the paths.

    The folder is made if need be. Files of the same names are replaced, together and at the end: after a failure or
    Ctrl-C the folder is as it was.
    Raises `OutputError`, and `MissingExtra` if PyTorch is not installed.
    """
    if weights:
        require("torch", "safetensors", extra="torch")
    source = generate_source(graph, name)
    writers: dict[str, Callable[[Path], object]] = {
        f"{source.builder}.py": lambda path: path.write_text(source.text, encoding="utf-8", newline="\n")
    }
    if weights:
        state = instantiate(source, seed).state_dict()
        writers[f"{source.builder}.safetensors"] = lambda path: save_weights(state, path, source.name)
    return write_together(directory, writers)


def write_together(directory: Path, writers: dict[str, Callable[[Path], object]]) -> list[Path]:
    """Let each writer write its file, and put them all in place at the end, or none. Raises `OutputError`.

    Names are those of files in `directory` or, with a slash, in folders inside it.
    """
    made = _make_folder(directory)
    marks = {name: _beside(directory / name, secrets.token_hex(4)) for name in writers}
    try:
        for folder in dict.fromkeys(mark.parent for mark in marks.values()):
            made += _make_folder(folder)
        for name, writer in writers.items():
            if (directory / name).is_dir():
                raise OutputError(f"cannot write {directory / name}: it is a folder")
            writer(marks[name])
        _replace_all({marks[name]: directory / name for name in writers})
    except BaseException as error:
        for path in marks.values():
            with suppress(OSError):
                path.unlink()
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise OutputError(f"cannot write to {directory}: {_reason(error)}") from error
        raise
    return [directory / name for name in writers]


def _beside(path: Path, token: str) -> Path:
    """Where a file is written before it takes its place."""
    return path.with_name(f".{path.name}.{token}")


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


def _replace_all(moves: dict[Path, Path]) -> None:
    """Move each file to its place; if one cannot be moved, put back what was there before."""
    kept: dict[Path, Path | None] = {}
    try:
        for source, target in moves.items():
            aside = target.with_name(f"{source.name}.old")
            kept[target] = aside if target.exists() else None
            if target.exists():
                _keep(target, aside)
            os.replace(source, target)
    except BaseException:
        for target, before in kept.items():
            if before is None:
                target.unlink(missing_ok=True)
            elif before.exists():
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
        os.link(path, aside)
    except OSError:
        os.replace(path, aside)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
