"""Shipped kernels compiled ahead of time, without a GPU: no spills, shared memory in limits, tensor cores, wide access.

The compiler and the interpreter do not live in one process, so that the compiler runs in another.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")

from cnndsl.kernels.catalogue import DTYPE_ORDER, shipped
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.targets import TARGETS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "kernels.md"


PRODUCTS = tuple(name for name, family in FAMILIES.items() if family.tiling is not None)
OTHERS = tuple(name for name in FAMILIES if name not in PRODUCTS)
# What differs most, a minute of compiling. The others are of the same instructions with other sizes: the slow run.
DEFAULT = [
    ("sm_90", "fp16", PRODUCTS[: len(PRODUCTS) // 2]),
    ("sm_90", "fp16", PRODUCTS[len(PRODUCTS) // 2 :]),
    ("sm_90", "fp16", OTHERS),
    ("gfx942", "fp16", ("conv_gemm",)),
]
EVERY = [
    (name, dtype, tuple(FAMILIES))
    for name, target in TARGETS.items()
    for dtype in DTYPE_ORDER
    if target.multiplies(dtype)
]


@pytest.mark.parametrize(
    ("target", "dtype", "kernels"), [*DEFAULT, *(pytest.param(*each, marks=pytest.mark.slow) for each in EVERY)]
)
def test_everything_that_ships_compiles_well(target: str, dtype: str, kernels: tuple[str, ...]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "cnndsl.kernels", "--target", target, "--type", dtype]
    command += [word for kernel in kernels for word in ("--kernel", kernel)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kernel", FAMILIES)
def test_the_page_has_a_row_for_everything_that_ships(kernel: str) -> None:
    """Renew it with the command that it names."""
    section = PAGE.read_text(encoding="utf-8").split(f"### {kernel}\n")[1].split("###")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in section.splitlines() if "|" in line]
    head, _, *body = rows
    assert head == ("configuration", "type", *TARGETS)
    expected: dict[tuple[str, str], set[str]] = {}
    for target in TARGETS.values():
        for entry in shipped(kernel, target):
            expected.setdefault((entry.label, entry.dtype), set()).add(target.name)
    assert [row[:2] for row in body] == [*expected]
    for label, dtype, *cells in body:
        filled = {target for target, cell in zip(TARGETS, cells, strict=True) if cell}
        assert filled == expected[label, dtype]
        assert all(re.fullmatch(r"\d+ · 0 · [\d.]+( wgmma| mma| mfma)?", cell) for cell in cells if cell)
