"""What was measured: for each problem the fastest candidates of each kernel, kept as JSON and given back as choices.

A table belongs to one GPU. Its file says with which versions of PyTorch and Triton and with which text of each kernel
it was measured; what was measured with another text is not believed. The user's own file is asked first, then the one
that ships for that GPU, whose choices hold for other versions too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import triton

from cnndsl.backends.triton import cudnn_graph, cudnn_tails, library_steps, stored
from cnndsl.backends.triton.building import Choose, Chosen, suggested
from cnndsl.backends.triton.candidates import candidates
from cnndsl.backends.triton.library import LIBRARIES
from cnndsl.cache import cache_directory
from cnndsl.errors import OutputError
from cnndsl.files import write_file
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.targets import Target
from cnndsl.kernels.templates import early, eight_bits, tails, tiles

FORMAT = 1
SHIPPED = Path(__file__).parent / "tuned"


@dataclass(frozen=True)
class Timing:
    """A candidate that computes the right thing, and how long one launch takes."""

    kernel: str
    config: Any
    microseconds: float


@dataclass(frozen=True)
class Rejection:
    """A candidate that does not; `problem` is a `problem_key`, `reason` one line."""

    problem: str
    kernel: str
    config: Any
    reason: str


@dataclass
class Table:
    """Timings on one GPU: for each problem those that are the fastest of their kernel, the fastest first.

    problems  by `problem_key`
    """

    gpu: str
    problems: dict[str, tuple[Timing, ...]] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)

    def add(self, kernel: str, problem: Any, timings: Iterable[Timing]) -> None:
        best: dict[str, Timing] = {}
        for timing in sorted(timings, key=lambda each: each.microseconds):
            best.setdefault(timing.kernel, timing)
        self.problems[problem_key(kernel, problem)] = tuple(best.values())

    def timings(self, kernel: str, problem: Any) -> tuple[Timing, ...]:
        """What is known of a problem; in bfloat16 else of its like in float16, which costs the same."""
        key = problem_key(kernel, problem)
        return self.problems.get(key) or self.problems.get(key.replace('"bf16"', '"fp16"'), ())

    def merged(self, other: Table) -> Table:
        """Both, and of what both know what `other` says."""
        return Table(self.gpu, self.problems | other.problems, list(dict.fromkeys(self.rejected + other.rejected)))


def problem_key(kernel: str, problem: Any) -> str:
    return f"{kernel} {stored.key(problem)}"


def choose_from(table: Table, *, strict: bool = False) -> Choose:
    """Choices for the lowering: the fastest that was measured, else the cost model's.

    With `strict` library kernels are left out. What is not among a problem's candidates is never chosen, so that no
    table makes a plan invalid.
    """

    def choose(kernel: str, problem: Any, target: Target) -> Chosen:
        known = table.timings(kernel, problem)
        allowed = [timing for timing in known if not (strict and timing.kernel in LIBRARIES)]
        valid = set(candidates(kernel, problem, target)) if allowed else set()
        for timing in allowed:
            if (timing.kernel, timing.config) in valid:
                return Chosen(timing.kernel, timing.config, timing.microseconds / 1e6)
        return suggested(kernel, problem, target)

    return choose


def tuned(gpu: str, *, strict: bool = False) -> Choose:
    """Choices by all that is known of a GPU, by the name that PyTorch gives it."""
    return choose_from(known_table(gpu), strict=strict)


def known_table(gpu: str) -> Table:
    """What ships for a GPU, then what was measured here."""
    shipped = read_table(SHIPPED / f"{_slug(gpu)}.json", any_version=True)
    own = read_table(path) if (path := cache_path(gpu)) else None
    table = Table(gpu)
    for found in (shipped, own):
        table = table.merged(found) if found and found.gpu == gpu else table
    return table


def cache_path(gpu: str) -> Path | None:
    """Where a GPU's table is kept for these versions; None if there is no place for it."""
    folder = cache_directory()
    name = f"{_slug(gpu)}-torch{torch.__version__}-triton{triton.__version__}.json"
    return folder / "tuned" / name if folder else None


def save_table(table: Table, path: Path | None = None) -> Path | None:
    """Add a table to the file for its GPU, or write it to `path`; None if it cannot be kept."""
    if path is None:
        path = cache_path(table.gpu)
        kept = read_table(path) if path else None
        table = kept.merged(table) if kept and kept.gpu == table.gpu else table
    if path is None:
        return None
    try:
        write_file(path, _text(table))
    except OutputError:
        return None
    return path


def read_table(path: Path, *, any_version: bool = False) -> Table | None:
    """The table in a file, without what another text of its kernel made; None if there is no readable one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT or not (any_version or found["versions"] == versions()):
            return None
        current = {kernel: text for kernel, text in found["kernels"].items() if text == kernel_hash(kernel)}
        table = Table(str(found["gpu"]))
        for entry in found["problems"]:
            timings = tuple(_timing(*each) for each in entry["timings"] if each[0] in current)
            if timings:
                table.problems[str(entry["problem"])] = timings
        rejected = (_rejection(*each) for each in found["rejected"] if each[1] in current)
        table.rejected.extend(rejected)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return None
    return table


def _timing(kernel: str, config: Any, microseconds: float) -> Timing:
    decoded = stored.decode(config)
    hash(decoded)  # TypeError for what can be no configuration
    return Timing(kernel, decoded, float(microseconds))


def _rejection(problem: str, kernel: str, config: Any, reason: str) -> Rejection:
    decoded = stored.decode(config)
    hash(decoded)
    return Rejection(problem, kernel, decoded, str(reason))


def _text(table: Table) -> str:
    used = {timing.kernel for timings in table.problems.values() for timing in timings}
    used |= {each.kernel for each in table.rejected}
    head = {
        "format": FORMAT,
        "gpu": table.gpu,
        "versions": versions(),
        "kernels": {kernel: kernel_hash(kernel) for kernel in sorted(used)},
    }
    entries = (
        {
            "problem": key,
            "timings": [[each.kernel, stored.encode(each.config), round(each.microseconds, 3)] for each in timings],
        }
        for key, timings in sorted(table.problems.items())
    )
    rejected = ([each.problem, each.kernel, stored.encode(each.config), each.reason] for each in table.rejected)
    return f'{json.dumps(head)[:-1]}, "problems": {_lines(entries)}, "rejected": {_lines(rejected)}}}\n'


def _lines(values: Iterable[object]) -> str:
    """A JSON list, a line per value, so that tables can be compared."""
    return "[\n" + ",\n".join(json.dumps(value, separators=(",", ":")) for value in values) + "\n]"


def versions() -> Mapping[str, str]:
    return {"torch": torch.__version__, "triton": triton.__version__}


@cache
def kernel_hash(kernel: str) -> str:
    """Of the text that a kernel is made from; empty for one that does not exist."""
    if kernel in FAMILIES:
        modules = [import_module(FAMILIES[kernel].module), tails, tiles, early, eight_bits]
    elif kernel in LIBRARIES:
        modules = [library_steps] if kernel == "cudnn" else [cudnn_graph, cudnn_tails]
    else:
        return ""
    texts = (Path(str(module.__file__)).read_bytes().replace(b"\r\n", b"\n") for module in modules)
    engines = cudnn_graph.version() if kernel == "cudnn_graph" else ""  # which another version has in another order
    return hashlib.sha256(b"".join(texts) + engines.encode()).hexdigest()[:16]


def _slug(gpu: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", gpu).strip("_")
