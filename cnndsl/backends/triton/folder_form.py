"""What a manifest of a folder built ahead of time may say: the form of every field.

It says nothing of how fields agree with one another and with files: `folder_checks` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

FORMAT = 5  # of manifests; 1 had no digests, 2 no counters, 3 no boxes, 4 no early kernels
MANIFEST_FILE = "manifest.json"
SIZES = {"fp16": 2, "bf16": 2, "fp32": 4, "int8": 1, "fp8": 1}  # bytes of a number
MEMORIES = ("arena", "weights", "scratch", "counters")
MOST_BYTES = 2**40

Record = dict[str, Any]


class FolderError(RuntimeError):
    """A folder that is not what was built; the message names the file and says what is wrong with it."""


def refuse(file: str, fault: str) -> NoReturn:
    raise FolderError(f"{file} {fault}")


@dataclass(frozen=True)
class Kind:
    """Values that are allowed at a place; `what` completes "must be"."""

    what: str
    allows: Callable[[Any], bool]


def _number(first: int, last: int, step: int = 1) -> Kind:
    what = f"a whole number from {first} to {last}" + (f", a multiple of {step}" if step > 1 else "")
    return Kind(what, lambda value: type(value) is int and first <= value <= last and value % step == 0)


def _text(what: str, pattern: str) -> Kind:
    return Kind(what, lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None)


def _one_of(*values: str) -> Kind:
    return Kind(f"one of {', '.join(values)}", lambda value: isinstance(value, str) and value in values)


@dataclass(frozen=True)
class Named:
    """An object whose names are not known before; each is a `name`, and has a `value`."""

    name: Kind
    value: Any


@dataclass(frozen=True)
class Listed:
    """A list of from `least` to `most` values of one kind."""

    value: Any
    least: int = 0
    most: int = 2**20


@dataclass(frozen=True)
class By:
    """One of several forms; `form` says which by what is there."""

    form: Callable[[Record], Any]


NAME = Kind("a name", lambda value: isinstance(value, str) and 0 < len(value) < 1000)
IDENTIFIER = _text("an identifier", r"[A-Za-z_]\w{0,254}")
SHA256 = _text("64 hexadecimal digits", r"[0-9a-f]{64}")
KERNEL_FILE = _text("a file in kernels/", r"kernels/\w{1,200}\.(cubin|hsaco)")
LAYER_FILE = _text("a file in layers/", r"layers/\w{1,200}\.py")
FILE = _text("a file of such a folder", r"(kernels|layers)/\w{1,200}\.\w{1,20}|\w{1,200}\.\w{1,20}")
BYTES, EXTENT, OFFSET = _number(0, MOST_BYTES), _number(1, 2**31 - 1), _number(0, MOST_BYTES)
SHAPE = Listed(EXTENT, 1, 6)
ACTIVATION = {"offset": OFFSET, "shape": Listed(EXTENT, 2, 4), "strides": Listed(EXTENT, 2, 4)}
INPUT = {"name": NAME, "memory": _one_of("input"), "index": _number(0, 2**10)}
WEIGHT = {"name": NAME, "memory": _one_of("weights"), "offset": OFFSET, "bytes": BYTES, "weight": NAME}
PLACE = {"name": NAME, "memory": _one_of("arena", "scratch", "counters"), "offset": OFFSET, "bytes": BYTES}
NOTHING = {"name": NAME, "memory": _one_of("none")}
FORMS = {"input": INPUT, "weights": WEIGHT, "arena": PLACE, "scratch": PLACE, "counters": PLACE, "none": NOTHING}
BOX = {
    "shape": Listed(EXTENT, 2, 5),
    "strides": Listed(EXTENT, 2, 5),
    "block": Listed(_number(1, 256), 2, 5),
    "swizzle": _number(0, 3),
}
BOXED = ("arena", "weights")  # where a kernel may read boxes
LAUNCH = {
    "layers": Listed(NAME),
    "kernel": _number(0, 2**20),
    "grid": (EXTENT, _number(1, 65535), _number(1, 65535)),
    "arguments": Listed(By(lambda found: _form(found)), 2, 500),
}
LAYER = {
    "layers": Listed(NAME),
    "program": LAYER_FILE,
    "builder": IDENTIFIER,
    "inputs": Listed(ACTIVATION, 1, 100),
    "output": ACTIVATION,
    "state": Named(NAME, NAME),
}
MANIFEST = {
    "cnndsl manifest": _number(FORMAT, FORMAT),
    "network": NAME,
    "target": _text("sm_ or gfx and a number", r"sm_\d{2,3}|gfx[0-9a-f]{3,4}"),
    "precision": _one_of("fp16", "bf16", "fp32", "tf32", "int8", "fp8"),
    "dtype": _one_of(*SIZES),
    "batch": _number(1, 65535),
    "memory": {name: BYTES for name in MEMORIES},
    "inputs": Listed({"name": NAME, "shape": SHAPE}, 1, 100),
    "outputs": Listed({"name": NAME, **ACTIVATION}, 1, 1000),
    "kernels": Listed(
        {
            "file": KERNEL_FILE,
            "function": IDENTIFIER,
            "parameters": _number(2, 500),
            "threads": _number(32, 1024, 32),
            "shared": _number(0, 2**20),
            "early": Kind("true or false", lambda value: isinstance(value, bool)),
        }
    ),
    "launches": Listed(By(lambda found: LAYER if "program" in found else LAUNCH), 1),
    "weights": Named(NAME, {"offset": OFFSET, "dtype": _one_of(*SIZES), "shape": SHAPE}),
    "files": Named(FILE, {"bytes": BYTES, "sha256": SHA256}),
    "sha256": SHA256,
}


def _form(argument: Record) -> Any:
    where = argument.get("memory")
    if not isinstance(where, str) or where not in FORMS:
        return {"memory": _one_of(*FORMS)}
    return FORMS[where] | ({"box": BOX} if where in BOXED and "box" in argument else {})


def match(value: Any, wanted: Any, where: str = "") -> None:
    """Refuse a value that is not what is wanted at a place, or that has anything inside that is not."""
    match wanted:
        case Kind():
            if not wanted.allows(value):
                refuse(MANIFEST_FILE, f"{where} must be {wanted.what}, not {shown(value)}")
        case By():
            _require(value, dict, where)
            match(value, wanted.form(value), where)
        case Named():
            _require(value, dict, where)
            for name, each in value.items():
                match(name, wanted.name, f"the name {shown(name)} in {where}")
                match(each, wanted.value, f"{where}[{shown(name)}]")
        case dict():
            _require(value, dict, where)
            _match_fields(value, wanted, where)
        case Listed():
            _require(value, list, where)
            if not wanted.least <= len(value) <= wanted.most:
                refuse(MANIFEST_FILE, f"{where} has {len(value)} values, not {wanted.least} to {wanted.most}")
            for index, each in enumerate(value):
                match(each, wanted.value, f"{where}[{index}]")
        case tuple():
            match(value, Listed(Kind("anything", lambda each: True), len(wanted), len(wanted)), where)
            for index, (each, kind) in enumerate(zip(value, wanted, strict=True)):
                match(each, kind, f"{where}[{index}]")


def _match_fields(value: Record, wanted: Record, where: str) -> None:
    for name in dict.fromkeys((*wanted, *value)):
        place = f"{where}.{name}" if where else name
        if name not in value:
            refuse(MANIFEST_FILE, f"lacks {place}")
        if name not in wanted:
            refuse(MANIFEST_FILE, f"has {shown(place)}, which no manifest of format {FORMAT} has")
        match(value[name], wanted[name], place)


def _require(value: Any, kind: type, where: str) -> None:
    if not isinstance(value, kind):
        refuse(MANIFEST_FILE, f"{where} must be {'an object' if kind is dict else 'a list'}, not {shown(value)}")


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
