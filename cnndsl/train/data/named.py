"""The data that a command line names: `fake`, `fashionmnist:DIR`, `cifar10:DIR`, or a folder."""

from __future__ import annotations

from pathlib import Path

from cnndsl.errors import DataError
from cnndsl.train.data.fake import fake_data
from cnndsl.train.data.folder import read_folder, read_held_out
from cnndsl.train.data.images import Data
from cnndsl.train.data.stored import read_cifar, read_fashion

STORED = {"fashionmnist": read_fashion, "cifar10": read_cifar}


def read_data(named: str, classes: int) -> Data:
    """To learn from and to measure on; `classes` are how many `fake` has. Raises `DataError`."""
    if named == "fake":
        return fake_data(classes)
    return _stored(named) or _required(read_folder(_folder(named)))


def data_to_measure(named: str, classes: int) -> Data:
    """What is held out of it, or all of a folder that says nothing of that. Raises `DataError`."""
    if named == "fake":
        return fake_data(classes)
    return _stored(named) or read_held_out(_folder(named))


def _stored(named: str) -> Data | None:
    kind, colon, folder = named.partition(":")
    return STORED[kind](_folder(folder)) if colon and kind in STORED else None


def _folder(text: str) -> Path:
    if not text or not Path(text).is_dir():
        raise DataError(f"there is no folder {text!r}; data is a folder, fashionmnist:DIR, cifar10:DIR, or fake")
    return Path(text)


def _required(data: Data) -> Data:
    if len(data.train.labels) < 2 or not data.held_out.labels:
        learned, measured = len(data.train.labels), len(data.held_out.labels)
        raise DataError(
            f"too few pictures: {learned} to learn from (at least 2) and {measured} to measure on (at least 1)"
        )
    return data
