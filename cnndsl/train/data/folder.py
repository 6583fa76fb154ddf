"""A folder with one folder for each class: `DIR/CLASS/*`, or `DIR/train/CLASS/*` beside `DIR/val` or `DIR/test`.

All files are looked at before the first is learned from, by their heads, so that what is odd is told at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cnndsl.diagnostics.wording import few
from cnndsl.errors import DataError, reason
from cnndsl.photographs.images import opened
from cnndsl.train.data.images import Data, Files

HELD_OUT = ("val", "test")
EACH = 5  # one picture of so many is held out where no folder is
ODD_MODES = {"L": "grey", "LA": "grey", "1": "black and white", "I;16": "grey", "CMYK": "CMYK", "P": "a palette's"}


class Found(NamedTuple):
    """The pictures of a folder by class, and what was told of them."""

    paths: dict[str, list[Path]]
    notes: list[str]


def read_folder(folder: Path) -> Data:
    """Raises `DataError` if there is nothing to learn from, or nothing to measure on."""
    train = folder / "train"
    if not train.is_dir():
        return _parted(folder)
    beside = next((folder / name for name in HELD_OUT if (folder / name).is_dir()), None)
    if beside is None:
        raise DataError(f"{folder} has train, and beside it neither val nor test to measure on")
    learned, held = _found(train), _found(beside)
    unknown = [name for name in held.paths if name not in learned.paths]
    if unknown:
        raise DataError(f"{beside} has {few(unknown)}, and {train} has no such class")
    classes = tuple(learned.paths)
    return Data(_files(learned.paths, classes), _files(held.paths, classes), classes, (*learned.notes, *held.notes))


def read_held_out(folder: Path) -> Data:
    """To measure on: `val` or `test` if there is one, else every picture."""
    inside = next((folder / name for name in HELD_OUT if (folder / name).is_dir()), folder)
    found = _found(inside)
    files = _files(found.paths, tuple(found.paths))
    return Data(files, files, tuple(found.paths), tuple(found.notes))


def _parted(folder: Path) -> Data:
    """Every fifth picture of each class is held out, always the same ones."""
    found = _found(folder)
    classes = tuple(found.paths)
    held = {name: paths[EACH - 1 :: EACH] or paths[1:][-1:] for name, paths in found.paths.items()}
    rest = {name: [path for path in paths if path not in {*held[name]}] for name, paths in found.paths.items()}
    data = Data(_files(rest, classes), _files(held, classes), classes)
    if not data.held_out.labels:
        count = len(data.train.labels)
        raise DataError(f"{folder} has {count} picture{'s'[: count != 1]}, which leaves none to measure on")
    told = f"{folder} has no val and no test: {len(data.held_out.labels):,} of its pictures are held out"
    single = [name for name, paths in found.paths.items() if len(paths) == 1]
    alone = [f"a class with one picture is learned and not measured: {few(single)}"] if single else []
    return Data(data.train, data.held_out, classes, (told, *alone, *found.notes))


def _files(paths: dict[str, list[Path]], classes: Sequence[str]) -> Files:
    """In the order of the classes, which number the labels."""
    pairs = [(path, label) for label, name in enumerate(classes) for path in paths.get(name, ())]
    return Files([path for path, _ in pairs], [label for _, label in pairs])


def _found(folder: Path) -> Found:
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        listed = {path.name: sorted(each for each in path.iterdir() if _is_shown(each)) for path in inside}
    except OSError as error:
        raise DataError(f"cannot read {folder}: {reason(error)}") from error
    if not listed:
        raise DataError(f"{folder} has no folders, one for each class, with pictures in them")
    looks = {path: _look(path) for paths in listed.values() for path in paths}
    paths = {name: [path for path in files if not looks[path].why] for name, files in listed.items()}
    if not any(paths.values()):
        raise DataError(f"{folder} has no pictures in its {len(paths):,} folders")
    return Found(paths, [*_told(folder, paths, list(looks.values()))])


def _is_shown(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


class Look(NamedTuple):
    path: Path
    mode: str
    why: str  # it is no picture


def _look(path: Path) -> Look:
    """The head of a file."""
    try:
        with opened(path) as image:
            return Look(path, image.mode, "")
    except Exception as error:  # a broken file raises anything
        return Look(path, "", reason(error))


def _told(folder: Path, paths: dict[str, list[Path]], looks: list[Look]) -> Iterator[str]:
    empty = [name for name, files in paths.items() if not files]
    if empty:
        yield f"{folder}: without a picture: {few(empty)}"
    broken = [look for look in looks if look.why]
    if broken:
        first = f"{broken[0].path}: {broken[0].why}"
        yield f"{folder}: {len(broken):,} file{'s'[: len(broken) != 1]} left out that cannot be read; {first}"
    modes = Counter(ODD_MODES[look.mode] for look in looks if look.mode in ODD_MODES)
    for words, count in modes.items():
        yield f"{folder}: {count:,} picture{'s'[: count != 1]} of {len(looks):,} {words}, made RGB"
