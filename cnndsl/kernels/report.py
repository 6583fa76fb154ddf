"""The resources of shipped kernels as a table: registers, spills, shared memory and the matrix instruction of each."""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.kernels.aot import compile_for
from cnndsl.kernels.catalogue import shipped
from cnndsl.kernels.targets import TARGETS

Place = tuple[str, str, int]  # kernel, target, position in `shipped`


@dataclass(frozen=True)
class Line:
    """What compiling one entry gave."""

    kernel: str
    label: str
    dtype: str
    target: str
    registers: int
    spills: int
    shared: int
    matrix: str
    faults: tuple[str, ...]


def examine(place: Place) -> Line:
    """Compile one entry."""
    kernel, target, index = place
    entry = shipped(kernel, TARGETS[target])[index]
    try:
        made = compile_for(TARGETS[target], entry.specialization)
    except Exception as error:  # a table of the rest is worth more than this traceback alone
        return Line(kernel, entry.label, entry.dtype, target, 0, 0, 0, "", (f"does not compile: {error!r}"[:300],))
    faults = tuple(entry.faults(made))
    return Line(kernel, entry.label, entry.dtype, target, made.registers, made.spills, made.shared, made.matrix, faults)


def table(kernel: str, lines: list[Line], targets: list[str]) -> str:
    """Markdown of one kernel: a row for each configuration and type, a column for each target."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for line in lines:
        if line.kernel == kernel:
            cell = f"{line.registers} · {line.spills} · {line.shared / 1024:.3g}"
            rows.setdefault((line.label, line.dtype), {})[line.target] = f"{cell} {line.matrix}".rstrip()
    head = [f"### {kernel}", "", f"| configuration | type | {' | '.join(targets)} |", f"|{'---|' * (len(targets) + 2)}"]
    body = [
        f"| {label} | {dtype} | {' | '.join(row.get(t, '') for t in targets)} |" for (label, dtype), row in rows.items()
    ]
    return "\n".join(head + body) + "\n"
