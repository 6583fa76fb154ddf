"""Reading a bundle: every file is there, is a file, and is as it was written; nothing else is there.

Texts are read and held against their digests here; weights, which may be large, when their size is known to be right.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from cnndsl.bundle.manifest import MANIFEST, Entry, Manifest, parse_manifest
from cnndsl.errors import BundleError, SourceError, reason
from cnndsl.records import dataclass
from cnndsl.source import MAX_BYTES, Source, decode_source
from cnndsl.syntax import parse, tree

LARGEST_MANIFEST = 2**20
LARGEST_TEXT = MAX_BYTES  # of any file but the weights
ARCH = ".arch"
CHUNK = 2**20


@dataclass(frozen=True)
class BundleFolder:
    """A folder whose files are those of its manifest. `sources` are its texts of the language, by resolved path."""

    path: Path
    manifest: Manifest
    sources: dict[Path, Source]

    @property
    def source(self) -> Source:
        """The file with the network."""
        return self.sources[(self.path / self.manifest.architecture).resolve()]


def is_bundle(path: Path) -> bool:
    return os.path.lexists(path / MANIFEST)


def read_bundle(path: Path) -> BundleFolder:
    """Read a bundle, but for its weights, of which the size alone is held against the manifest.

    Raises `BundleError` with everything that is missing, added or changed.
    """
    try:
        manifest = parse_manifest(_read(path / MANIFEST, LARGEST_MANIFEST))
        problems = [
            *_listed(path, manifest),
            *(each for name in manifest.files for each in _changed(path, name, manifest)),
        ]
    except (BundleError, OSError, ValueError) as error:
        raise BundleError(f"{path} is no bundle: {reason(error) if isinstance(error, OSError) else error}") from error
    sources = {} if problems else {(path / name).resolve(): _source(path, name) for name in _archs(manifest)}
    problems += [each for source in sources.values() for each in _leaving(source, manifest)]
    if problems:
        raise BundleError("\n  ".join([f"{path} is damaged:", *problems]))
    return BundleFolder(path, manifest, sources)


def require_whole(path: Path, entry: Entry) -> None:
    """Raise `BundleError` unless a file is as it was written, however large it is."""
    with open_file(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != entry.sha256:
        raise BundleError(f"{path.parent} is damaged:\n  {path.name} was changed")


def open_file(path: Path) -> BufferedReader:
    """Open a file to read that is no link, folder, pipe or device. Raises `BundleError`, and `OSError`."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise BundleError(f"{path.name} is a link or no file")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    return os.fdopen(descriptor, "rb")


def _read(path: Path, most: int) -> bytes:
    with open_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise BundleError(f"{path.name} is larger than {most // 2**20} MiB")
    return content


def _archs(manifest: Manifest) -> list[str]:
    return [name for name in manifest.files if name.endswith(ARCH)]


def _listed(path: Path, manifest: Manifest) -> Iterator[str]:
    """What lies in the folder and is not in the manifest."""
    known = {*manifest.files, MANIFEST}
    yield from (f"{name} is not part of it" for name in sorted(os.listdir(path)) if name not in known)
    if not manifest.architecture.endswith(ARCH):
        yield f"{manifest.architecture} is no {ARCH} file"


def _changed(path: Path, name: str, manifest: Manifest) -> Iterator[str]:
    """What is wrong with one file."""
    entry, file = manifest.files[name], path / name
    try:
        with open_file(file) as opened:
            size = os.fstat(opened.fileno()).st_size
        if size != entry.bytes:
            yield f"{name} has {size:,} bytes, not {entry.bytes:,}"
        elif name != manifest.weights and hashlib.sha256(_read(file, LARGEST_TEXT)).hexdigest() != entry.sha256:
            yield f"{name} was changed"
    except FileNotFoundError:
        yield f"{name} is missing"
    except OSError as error:
        yield f"{name} cannot be read: {reason(error)}"
    except BundleError as error:
        yield str(error)


def _source(path: Path, name: str) -> Source:
    try:
        return decode_source(_read(path / name, LARGEST_TEXT), str(path / name), path / name)
    except SourceError as error:
        raise BundleError(f"{path} is damaged:\n  {error}") from error


def _leaving(source: Source, manifest: Manifest) -> Iterator[str]:
    """The files that a file uses and that are not in the bundle."""
    file, _ = parse(source)
    for use in file.uses:
        target = use.origin.id if isinstance(use.origin, tree.Name) else str(use.origin.value)
        if isinstance(use.origin, tree.Name) or target not in _archs(manifest):
            yield f"{Path(source.name).name} uses {target}, which is not part of it"
