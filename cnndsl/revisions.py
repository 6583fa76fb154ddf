"""Files as they were: `REV:PATH` is the file at PATH in a revision of a git repository, with those that it uses."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from cnndsl.errors import ModelError
from cnndsl.models import Model
from cnndsl.records import dataclass
from cnndsl.source import Source, decode_source

SUFFIX = ".arch"


@dataclass(frozen=True)
class Revised:
    """A model as it was, and all files of then by where they lie today."""

    model: Model
    files: dict[Path, Source]


def is_revision(text: str) -> bool:
    """Whether a MODEL is of the form `REV:PATH.arch` or `REV:PATH.arch:network`, and no file of today."""
    revision, _, rest = text.partition(":")
    return bool(revision) and f"{rest}:".partition(":")[0].endswith(SUFFIX) and not revision.endswith(SUFFIX)


def find_revised(text: str) -> Revised:
    """What a text for which `is_revision` holds means. Raises `ModelError` and `SourceError`."""
    revision, path, network = (*text.split(":", 2), "")[:3]
    place = Path(path).resolve()
    folder = next(each for each in place.parents if each.is_dir())
    root = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    files = dict(_files(root, revision))
    if place not in files:
        raise ModelError(f"there is no {path} in {revision}")
    return Revised(Model(files[place], network or None), files)


def _files(root: Path, revision: str) -> Iterator[tuple[Path, Source]]:
    packed = _git(root, "archive", "--format=tar", "--end-of-options", revision, f":(glob)**/*{SUFFIX}")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                place = root / member.name
                yield place, decode_source(file.read(), f"{revision}:{member.name}", place)


def _git(folder: Path, *arguments: str) -> bytes:
    """What git says. Raises `ModelError` with the last line of its complaint."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ModelError("there is no git here to look for revisions") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ModelError(f"git finds nothing: {said[-1].removeprefix('fatal: ') if said else 'it does not say why'}")
    return done.stdout
