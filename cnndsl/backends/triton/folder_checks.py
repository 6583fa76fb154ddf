"""Is a folder what cnndsl built? Its manifest is compared with itself, and all its files with what it says of them.

`read` raises `FolderError`, and nothing else, before anything of the folder is run or given to a driver.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any, NoReturn

from cnndsl.backends.triton.folder_form import FORMAT, MANIFEST, MANIFEST_FILE, SIZES, Record, match, refuse, shown

WEIGHTS = "weights.safetensors"
VECTOR = 16  # bytes at a multiple of which each step of a box begins
# As safetensors spells them.
SAFE_DTYPES = {"F16": "fp16", "BF16": "bf16", "F32": "fp32", "I8": "int8", "F8_E4M3": "fp8"}


def read(folder: Path) -> Record:
    """The manifest of a folder, once all of it has been checked. Raises `FolderError`."""
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:  # ValueError: no JSON, or no text
        refuse(MANIFEST_FILE, f"cannot be read: {error}")
    _check_format(manifest)
    match(manifest, MANIFEST)
    if manifest["sha256"] != digest(manifest):
        refuse(MANIFEST_FILE, "was changed after it was built: its sha256 is that of another text")
    for fault in _contradictions(manifest):
        refuse(MANIFEST_FILE, fault)
    for name, said in manifest["files"].items():
        _check_file(folder, name, said)
    _check_weights(folder / WEIGHTS, manifest["weights"])
    checked: Record = manifest
    return checked


def digest(manifest: Mapping[str, Any]) -> str:
    """Of all that a manifest says, but for this."""
    said = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def described(path: Path) -> Record:
    """What a manifest says of a file. Raises OSError."""
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _check_format(manifest: Any) -> None:
    found = manifest.get("cnndsl manifest") if isinstance(manifest, dict) else None
    if found is None:
        refuse(MANIFEST_FILE, "is no manifest of cnndsl")
    if type(found) is not int or found != FORMAT:
        refuse(MANIFEST_FILE, f"is a manifest of format {shown(found)}, and this run.py reads {FORMAT}: build anew")


# --- what contradicts what


def _contradictions(manifest: Record) -> Iterator[str]:
    yield from _of_files(manifest)
    yield from _of_weights(manifest)
    yield from (fault for place, where in _activations(manifest) for fault in _of_activation(manifest, place, where))
    for number, launch in enumerate(manifest["launches"]):
        where = f"launches[{number}]"
        yield from (_of_layer if "program" in launch else _of_launch)(manifest, launch, where)


def _of_files(manifest: Record) -> Iterator[str]:
    programs = [each["program"] for each in manifest["launches"] if "program" in each]
    for name in (WEIGHTS, *programs, *(kernel["file"] for kernel in manifest["kernels"])):
        if name not in manifest["files"]:
            yield f"does not say what {name} holds"


def _of_weights(manifest: Record) -> Iterator[str]:
    for name, place in manifest["weights"].items():
        size = SIZES[place["dtype"]]
        yield from _outside(manifest, "weights", place["offset"], prod(place["shape"]) * size, f"weight {shown(name)}")
        if place["offset"] % size:
            yield f"weight {shown(name)} lies at {place['offset']}, between two numbers"


def _activations(manifest: Record) -> Iterator[tuple[Record, str]]:
    yield from ((port, f"outputs[{number}]") for number, port in enumerate(manifest["outputs"]))
    for number, launch in enumerate(manifest["launches"]):
        for index, place in enumerate(launch.get("inputs", ())):
            yield place, f"launches[{number}].inputs[{index}]"
        if "output" in launch:
            yield launch["output"], f"launches[{number}].output"


def _of_activation(manifest: Record, place: Record, where: str) -> Iterator[str]:
    shape, strides, size = place["shape"], place["strides"], SIZES[manifest["dtype"]]
    if len(shape) not in (2, 4) or len(strides) != len(shape) or shape[0] != manifest["batch"]:
        yield f"{where} is no tensor of this batch: its shape is {shape}, its strides {strides}"
        return
    if place["offset"] % size:
        yield f"{where} lies at {place['offset']}, between two numbers"
    reach = 1 + sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True))
    yield from _outside(manifest, "arena", place["offset"], reach * size, where)


def _of_launch(manifest: Record, launch: Record, where: str) -> Iterator[str]:
    if launch["kernel"] >= len(manifest["kernels"]):
        yield f"{where}.kernel is {launch['kernel']}, of {len(manifest['kernels'])} kernels"
        return
    wanted = manifest["kernels"][launch["kernel"]]["parameters"]
    count = sum(1 + 2 * len(each["box"]["shape"]) if "box" in each else 1 for each in launch["arguments"])
    if count != wanted:
        yield f"{where} has {count} arguments, and its kernel takes {wanted}"
    for index, argument in enumerate(launch["arguments"]):
        yield from _of_argument(manifest, argument, f"{where}.arguments[{index}]")


def _of_argument(manifest: Record, argument: Record, where: str) -> Iterator[str]:
    if argument["memory"] == "input":
        if argument["index"] >= len(manifest["inputs"]):
            yield f"{where}.index is {argument['index']}, of {len(manifest['inputs'])} inputs"
        return
    if argument["memory"] == "none":
        return
    yield from _outside(manifest, argument["memory"], argument["offset"], argument["bytes"], where)
    if "box" in argument:
        yield from _of_box(argument["box"], argument, SIZES[manifest["dtype"]], f"{where}.box")
    if argument["memory"] == "weights":
        place = manifest["weights"].get(argument["weight"])
        size = place and prod(place["shape"]) * SIZES[place["dtype"]]
        if place is None or (argument["offset"], argument["bytes"]) != (place["offset"], size):
            yield f"{where} is not where weight {shown(argument['weight'])} lies"


def _of_box(box: Record, argument: Record, size: int, where: str) -> Iterator[str]:
    """A box reads what its argument may, from where and in steps that the hardware can."""
    shape, strides = box["shape"], box["strides"]
    if not len(shape) == len(strides) == len(box["block"]):
        yield f"{where} has {len(shape)} extents, {len(strides)} strides and a block of {len(box['block'])}"
        return
    if strides[-1] != 1 or argument["offset"] % VECTOR or any(stride * size % VECTOR for stride in strides[:-1]):
        yield f"{where} does not step in whole vectors of {VECTOR} bytes: it lies at {argument['offset']}, {strides}"
    reach = size * (1 + sum((extent - 1) * stride for extent, stride in zip(shape, strides, strict=True)))
    if reach > argument["bytes"]:
        yield f"{where} ends {reach - argument['bytes']} bytes beyond the {argument['bytes']} of its argument"


def _of_layer(manifest: Record, launch: Record, where: str) -> Iterator[str]:
    for weight in launch["state"].values():
        if weight not in manifest["weights"]:
            yield f"{where}.state has {shown(weight)}, which is no weight"


def _outside(manifest: Record, memory: str, offset: int, size: int, where: str) -> Iterator[str]:
    there = manifest["memory"][memory]
    if offset + size > there:
        yield f"{where} ends {offset + size - there} bytes beyond the {there} of {memory}"


# --- what is in the files


def _check_file(folder: Path, name: str, said: Record) -> None:
    """A file of its own, in the folder itself, with these bytes."""
    path = folder / name
    try:
        if path.is_symlink() or (path.parent != folder and path.parent.is_symlink()):
            refuse(name, "is a link, or in a folder that is one")
        if not stat.S_ISREG(path.stat().st_mode):
            refuse(name, "is no file")
        size = path.stat().st_size
        found = described(path) if size == said["bytes"] else None
    except OSError as error:
        refuse(name, f"cannot be read: {error.strerror or error}")
    if size != said["bytes"]:
        refuse(name, f"has {size} bytes, not the {said['bytes']} that were built")
    if found != said:
        refuse(name, "is not what was built: its sha256 is that of other bytes")


def _check_weights(path: Path, wanted: Record) -> None:
    """Every weight with its very shape and type, and no other: PyTorch would spread one number over all of them."""
    found = _header(path)
    for name in wanted.keys() | found.keys():
        if name not in found or name not in wanted:
            refuse(WEIGHTS, f"{'lacks' if name in wanted else 'has'} {shown(name)}, against its manifest")
        expected = (wanted[name]["dtype"], wanted[name]["shape"])
        dtype, shape = SAFE_DTYPES.get(str(found[name].get("dtype"))), found[name].get("shape")
        if (dtype, shape) != expected:
            refuse(WEIGHTS, f"has {shown(name)} as {dtype} of shape {shape}, not {expected[0]} of {expected[1]}")


def _header(path: Path) -> dict[str, Record]:
    """The names of all tensors in a file of safetensors, with their types and shapes."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(size, 2**27)))
        return {name: dict(each) for name, each in header.items() if name != "__metadata__"}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        refuse(WEIGHTS, f"is no file of safetensors: {error}")
