"""What a MODEL is, everywhere: `PATH`, `PATH:network`, a zoo name, a bundle's folder, or `-` for standard input."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from os.path import exists, isdir, isfile  # which, unlike those of `Path`, raise nothing on a name that cannot be one
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.errors import ModelError
from cnndsl.records import dataclass, field
from cnndsl.shipped import shipped
from cnndsl.source import MAX_BYTES, Source, decode_source, read_source

if TYPE_CHECKING:
    from cnndsl.bundle.folder import BundleFolder

_NETWORK = re.compile(r"^network\s+([A-Za-z_][A-Za-z0-9_]*)", re.MULTILINE)


@dataclass(frozen=True)
class Model:
    """A file, and the network of it that was named, if one was; of a bundle also what that network was given.

    files  what is read in place of the files that it uses, by resolved path
    """

    source: Source
    network: str | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)
    input: GivenInputs | None = None
    files: Mapping[Path, Source] = field(default_factory=dict)


def find_model(text: str) -> Model:
    """The file and network that MODEL names. Raises `ModelError`, `SourceError` or `BundleError`."""
    if text == "-":
        return Model(decode_source(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>"))
    if isdir(text):
        from cnndsl.bundle.folder import is_bundle, read_bundle  # hashes, which a check of a file does without

        if is_bundle(Path(text)):
            return bundled_model(read_bundle(Path(text)))
    path, network = Path(text), None
    if not exists(path) and ":" in text:
        before, _, after = text.rpartition(":")
        if after.isidentifier():
            path, network = Path(before), after
    if network is None and text.isidentifier() and not isfile(path):
        return zoo_model(text)
    if network is not None and str(path).isidentifier() and not isfile(path):
        return Model(_zoo_file(str(path)), network)
    return Model(read_source(path), network)


def bundled_model(bundle: BundleFolder) -> Model:
    """The network of a bundle, as it was saved."""
    said = bundle.manifest
    return Model(bundle.source, said.network, said.parameters, said.input, bundle.sources)


def zoo_files() -> list[Path]:
    """The files of the zoo, in the order of their names."""
    return sorted(shipped("archs").glob("*.arch"))


def zoo_names() -> Iterator[tuple[str, Path]]:
    """Every network of the zoo, with its file."""
    for path in zoo_files():
        for name in _NETWORK.findall(path.read_text(encoding="utf-8")):
            yield name, path


def zoo_model(name: str) -> Model:
    """A network of the zoo by its own name."""
    own_file = shipped("archs") / f"{name}.arch"
    candidates = [own_file] if own_file.is_file() else []
    for path in [*candidates, *zoo_files()]:
        source = read_source(path)
        if name in _NETWORK.findall(source.text):
            return Model(source, name)
    hint = did_you_mean(name, [known for known, _ in zoo_names()], "`cnndsl zoo` lists them")
    raise ModelError(f"there is no file {name} and no network of that name in the zoo; {hint}")


def _zoo_file(stem: str) -> Source:
    path = shipped("archs") / f"{stem}.arch"
    if not path.is_file():
        hint = did_you_mean(stem, [file.stem for file in zoo_files()], "`cnndsl zoo` lists those of the zoo")
        raise ModelError(f"there is no file {stem}; {hint}")
    return read_source(path)
