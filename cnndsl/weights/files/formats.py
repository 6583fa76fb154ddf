"""What a file is, by its first bytes or, of an archive, by the names in it: its own name may say anything."""

from __future__ import annotations

import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal, TypeAlias

from cnndsl.errors import WeightsError, reason

Format: TypeAlias = Literal["safetensors", "index", "checkpoint", "npz", "folder", "pickle", "hdf5", "keras", "onnx"]

SUFFIXES: dict[str, Format] = {".safetensors": "safetensors", ".npz": "npz", ".pkl": "pickle", ".pickle": "pickle"}
READ_FROM = 64  # bytes that say what a file is

# What begins so at a place is not read, and what to do instead.
FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", "a Git LFS pointer and not the file itself; `git lfs pull` fetches that"),
    (4, b"TFL3", "TFLite, a program of TensorFlow; save the arrays it was made of as .npz"),
    (0, b"\x08\x01\x12", "a SavedModel of TensorFlow; save its arrays as .npz"),
    (0, b"GGUF", "GGUF; save its tensors as safetensors"),
    (0, b"\x93NUMPY", "one numpy array without a name; save all of them as .npz"),
    (0, b"\x1f\x8b", "compressed by gzip; unpack it first"),
    (0, b"<", "a web page or XML and not the file itself"),
)
INDEX = "model.safetensors.index.json"

# Likewise of archives, by a name in them.
PROGRAMS = {
    "*/code/*": "TorchScript, a program; save the module's `state_dict()`",
    "*/archive_format": "an exported program (.pt2), whose weights are not told apart from it; give it by itself",
    "serialized_exported_program.json": "an exported program (.pt2), whose weights are not told apart from it; "
    "give it by itself",
}
ARCHIVES: dict[str, Format] = {
    "model.weights.h5": "keras",
    "*.npy": "npz",
    "*/data.pkl": "checkpoint",
    "data.pkl": "checkpoint",
}
HDF5 = b"\x89HDF\r\n\x1a\n"
PICKLE = b"\x80"
# A torch checkpoint from before it was an archive is a pickle that begins with torch's own number.
OLD_CHECKPOINT = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def format_of(path: Path) -> Format:
    """How to read a file of weights. Raises `WeightsError` if it is of a known kind that holds no plain tensors."""
    if path.is_dir():
        return _in_folder(path)
    try:
        with path.open("rb") as file:
            start = file.read(READ_FROM)
    except OSError as error:
        raise WeightsError(f"cannot read weights from {path}: {reason(error)}") from error
    title = next((title for place, magic, title in FOREIGN if start[place:].startswith(magic)), None)
    if title is not None:
        raise WeightsError(f"cannot read weights from {path}: it is {title}")
    return _by_content(path, start) or SUFFIXES.get(path.suffix.lower(), "checkpoint")


def _in_folder(path: Path) -> Format:
    if (path / INDEX).is_file():
        return "index"
    if next(path.rglob("*.npy"), None) is None:
        raise WeightsError(f"cannot read weights from {path}: is a directory without {INDEX} or .npy files")
    return "folder"


def _is_onnx(start: bytes) -> bool:
    """ONNX has no magic number: a version of its format comes first, then the producer, graph or operators used."""
    return len(start) > 3 and start[0] == 0x08 and 3 <= start[1] < 32 and start[2] in (0x12, 0x1A, 0x22, 0x3A, 0x42)


def _by_content(path: Path, start: bytes) -> Format | None:
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= path.stat().st_size:
        return "safetensors"
    if start.startswith(HDF5):
        return "hdf5"
    if start.lstrip().startswith(b"{") and path.suffix.lower() == ".json":
        return "index"
    if _is_onnx(start) or (path.suffix.lower() == ".onnx" and start):
        return "onnx"
    if start.startswith(b"PK\x03\x04"):
        return _in_archive(path)
    if start.startswith(PICKLE):
        return "checkpoint" if OLD_CHECKPOINT in start else "pickle"
    return None


def _in_archive(path: Path) -> Format | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return None  # whoever reads it says what is wrong
    for pattern, title in PROGRAMS.items():
        if any(fnmatch(name, pattern) for name in names):
            raise WeightsError(f"cannot read weights from {path}: it is {title}")
    return next((kind for pattern, kind in ARCHIVES.items() if any(fnmatch(name, pattern) for name in names)), None)
