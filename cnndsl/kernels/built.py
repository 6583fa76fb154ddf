"""Compiled kernels as they are kept between runs, each in a file of its own named by all that it follows from."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import triton

from cnndsl.cache import cache_directory
from cnndsl.errors import OutputError
from cnndsl.files import write_file
from cnndsl.kernels.aot import Compiled
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.targets import Target

FORMAT = 3  # of kept files; part of their names


@dataclass(frozen=True)
class Built:
    """What `Compiled` says of a kernel, without its assembly.

    function  the name of its entry in `binary`
    """

    function: str
    binary: bytes = field(repr=False)
    parameters: int
    scratch: int
    threads: int
    shared: int
    registers: int
    spills: int
    matrix: str
    widest: int
    narrowest_copy: int
    boxes: bool
    swizzles: tuple[int, ...] = ()
    early: bool = False

    @staticmethod
    def of(made: Compiled) -> Built:
        return Built(
            made.name,
            made.binary,
            made.parameters,
            made.scratch,
            made.threads,
            made.shared,
            made.registers,
            made.spills,
            made.matrix,
            made.widest,
            made.narrowest_copy,
            made.boxes,
            made.swizzles,
            made.early,
        )


def dumps(built: Built) -> str:
    """As one line."""
    return json.dumps(asdict(built) | {"binary": base64.b64encode(built.binary).decode()})


def loads(text: str) -> Built:
    """Raises ValueError, TypeError or KeyError for what is no built kernel."""
    found = json.loads(text)
    binary = base64.b64decode(found["binary"], validate=True)
    return Built(**found | {"binary": binary, "swizzles": tuple(found["swizzles"])})


def digest(specialization: Specialization, target: Target) -> str:
    """A name for the compiled kernel: equal for those that are compiled alike, whether or not the interpreter is on."""
    parts = (
        FORMAT,
        triton.__version__,
        target.name,
        templates_hash(),
        _name(specialization.kernel),
        [*specialization.pointers.items()],
        [(name, _name(value) if callable(value) else value) for name, value in specialization.constants.items()],
        specialization.warps,
        specialization.stages,
        specialization.registers,
        sorted(specialization.unaligned),
        [*specialization.boxes.items()],
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _name(function: Any) -> str:
    """Of a jitted function; that of a tail holds a hash of its expressions."""
    return str(getattr(function, "fn", function).__name__)


@cache
def templates_hash() -> str:
    """Of the text that kernels are compiled from: a change in any of them makes all anew."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    texts = (file.read_bytes().replace(b"\r\n", b"\n") for file in files)
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def kept(key: str) -> Built | None:
    """The kernel of that name, if it was kept and its file is whole."""
    path = _path(key)
    with suppress(OSError, ValueError, TypeError, KeyError):
        return loads(path.read_text(encoding="utf-8")) if path else None
    return None


def keep(key: str, built: Built) -> None:
    """Keep a kernel for later runs, if there is a place for it. A file appears whole, whoever else writes it."""
    path = _path(key)
    if path is not None:
        with suppress(OutputError):
            write_file(path, dumps(built))


def _path(key: str) -> Path | None:
    directory = cache_directory()
    return directory / "kernels" / f"{key}.json" if directory else None
