"""Where the project's own `grammars/` and `archs/` are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def is_shipped(path: Path | None) -> bool:
    """Whether a file is one of the networks or blocks that come with cnndsl."""
    return path is not None and path.resolve().is_relative_to(shipped("archs").resolve())


def shipped(folder: str) -> Path:
    """The folder `grammars` or `archs` that ships with cnndsl."""
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder
