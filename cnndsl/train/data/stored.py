"""Data sets that come as a few files of numbers: FashionMNIST as Zalando's IDX files, CIFAR-10 as Toronto's."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from cnndsl.errors import DataError, reason
from cnndsl.train.data.images import Data, Stored
from cnndsl.train.data.vision import vision

FASHION = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
CIFAR = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32  # of CIFAR's pictures
RECORD = 1 + 3 * SIDE * SIDE


def read_fashion(folder: Path) -> Data:
    """`train-images-idx3-ubyte` and the three others, packed by gzip or not. Raises `DataError`."""
    return Data(_idx_pair(folder, "train"), _idx_pair(folder, "t10k"), FASHION)


def _idx_pair(folder: Path, name: str) -> Stored:
    pixels, labels = _idx(folder / f"{name}-images-idx3-ubyte", 3), _idx(folder / f"{name}-labels-idx1-ubyte", 1)
    if len(pixels) != len(labels) or not len(labels) or labels.max() >= len(FASHION):
        raise DataError(f"{folder}: the labels of {name} do not belong to its pictures")
    return Stored(f"fashionmnist {name}", pixels, labels.tolist())


def _idx(path: Path, axes: int) -> Any:
    import numpy as np

    packed = path.with_name(f"{path.name}.gz")
    try:
        data = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"cannot read {packed}: {reason(error)}") from error
    sizes = [int(size) for size in np.frombuffer(data[4 : 4 + 4 * axes], ">u4")] if len(data) >= 4 + 4 * axes else []
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * axes) if sizes else np.empty(0, np.uint8)
    if data[:4] != bytes([0, 0, 8, axes]) or values.size != np.prod(sizes):
        raise DataError(f"{path} is no IDX file of bytes along {axes} axes, or is cut short")
    return values.reshape(sizes)


def read_cifar(folder: Path) -> Data:
    """Binary files, or Python's, whose digests torchvision looks at before it unpickles. Raises `DataError`."""
    inside = [folder, folder / "cifar-10-batches-bin"]
    binary = next((each for each in inside if (each / "data_batch_1.bin").exists()), None)
    if binary is None:
        return _unpickled(folder)
    train = _records([binary / f"data_batch_{number}.bin" for number in range(1, 6)], "train")
    return Data(train, _records([binary / "test_batch.bin"], "test"), CIFAR)


def _records(paths: list[Path], name: str) -> Stored:
    import numpy as np

    try:
        data = b"".join(path.read_bytes() for path in paths)
    except OSError as error:
        raise DataError(f"cannot read CIFAR-10: {error.filename}: {reason(error)}") from error
    if not data or len(data) % RECORD:
        raise DataError(f"{paths[0]} holds no whole pictures of CIFAR-10, each {RECORD:,} bytes")
    rows = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    if rows[:, 0].max() >= len(CIFAR):
        raise DataError(f"{paths[0]} has labels that CIFAR-10 has not")
    pixels = rows[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return Stored(f"cifar10 {name}", np.ascontiguousarray(pixels), rows[:, 0].tolist())


def _unpickled(folder: Path) -> Data:
    CIFAR10 = vision("datasets").CIFAR10
    root = folder.parent if folder.name == CIFAR10.base_folder else folder
    try:
        train, test = CIFAR10(root, train=True), CIFAR10(root, train=False)
    except RuntimeError as error:  # they are missing, or were changed
        raise DataError(f"{folder} holds neither CIFAR-10's binary files nor its whole Python ones") from error
    parts = {"train": train, "test": test}
    stored = {name: Stored(f"cifar10 {name}", part.data, part.targets) for name, part in parts.items()}
    return Data(stored["train"], stored["test"], CIFAR)
