"""A file of the language and all that it uses, as files that lie beside each other and use nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection

from cnndsl.elaborate import Module
from cnndsl.source import Source
from cnndsl.syntax import tree


def self_contained(module: Module, name: str) -> dict[str, str]:
    """The texts by the names of their files, first that of `module`, which is called `name`."""
    modules = {each.source: each for each in module.with_used()}
    files = {module.source: f"{name}.arch"}
    for source in modules:
        if source not in files:
            files[source] = _file_name(source, files.values())
    return {file: _with_uses_of(modules[source], files) for source, file in files.items()}


def _file_name(source: Source, taken: Collection[str]) -> str:
    stem = re.sub(r"\W", "_", source.path.stem if source.path else "used", flags=re.ASCII)
    name, number = f"{stem}.arch", 2
    while name in taken:
        name, number = f"{stem}_{number}.arch", number + 1
    return name


def _with_uses_of(module: Module, files: dict[Source, str]) -> str:
    """The text, with `use` lines that name these files."""
    text = module.source.text
    for use in reversed(module.file.uses):
        text = text[: use.span.start] + _use(use, module, files) + text[use.span.end :]
    return text


def _use(use: tree.Use, module: Module, files: dict[Source, str]) -> str:
    """One line for each file from which names come: those of `std` come from several."""
    by_file: dict[str, list[str]] = {}
    for name in use.names:
        by_file.setdefault(files[module.uses[name.id].source], []).append(name.id)
    return "\n".join(f'use {", ".join(names)} from "{file}"' for file, names in by_file.items())
