"""Laws of every family of kernels, and that one more is found by its files being there.

That each compiles well ahead of time is in `test_kernels_aot.py`, that each computes what it must in
`test_triton_tuning.py`, both over the registry.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")

from cnndsl.backends.triton.stored import decode, encode
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.targets import TARGETS

PACKAGE = Path(__file__).resolve().parent.parent / "cnndsl"


@pytest.mark.parametrize(
    ("name", "dtype"), [(family.name, dtype) for family in FAMILIES.values() for dtype in family.dtypes]
)
def test_what_ships_is_taken_counted_and_stored(name: str, dtype: Dtype) -> None:
    family = FAMILIES[name]
    entries = [*family.shipped(TARGETS["sm_90"], dtype)]
    assert entries and len({entry.label for entry in entries}) == len(entries)
    for entry in entries:
        problem, config = entry.problem, entry.config
        assert family.refusal(problem) is None
        assert family.specialize(problem, config).grid
        assert family.work(problem).bytes
        assert decode(encode([problem, config])) == (problem, config)
        assert isinstance(family.suggest(problem, TARGETS["sm_90"]), type(config))


NEGATE = {
    "families": """
        from collections.abc import Iterator
        from dataclasses import dataclass
        from cnndsl.kernels.family import Family, Shipped, by_type
        from cnndsl.kernels.work import Work

        @dataclass(frozen=True)
        class Problem:
            dtype: str
            elements: int

            def work(self) -> Work:
                return Work(4 * self.elements, self.elements)

        @dataclass(frozen=True)
        class Config:
            block: int

        def configurations(target, dtype):
            return Config(1024), Config(2048)

        def suggest(problem, target):
            return Config(1024)

        def shipped(target, dtype):
            for config in configurations(target, dtype):
                yield Shipped(f"{config.block} elements", Problem(dtype, 1 << 20), config)

        FAMILIES = (Family("negate", "negate.specialize", suggest, by_type(configurations), shipped, trial="negate"),)
    """,
    "templates": """
        import triton
        import triton.language as tl
        from cnndsl.kernels.specialization import Specialization
        from cnndsl.kernels.work import ceil_div

        @triton.jit
        def negate_kernel(x, y, N: tl.constexpr, BLOCK: tl.constexpr):
            n = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
            tl.store(y + n, -tl.load(x + n, mask=n < N), mask=n < N)

        def specialize(problem, config):
            pointers = {"x": problem.dtype, "y": problem.dtype}
            constants = {"N": problem.elements, "BLOCK": config.block}
            grid = (ceil_div(problem.elements, config.block), 1, 1)
            return Specialization(negate_kernel, pointers, constants, grid, 4, 1)
    """,
    "trials": """
        from cnndsl.kernels.families import negate

        EXAMPLES = {"": negate.Problem("fp16", 1500)}

        def lay(problem, laying):
            shape = (1, 1, problem.elements, 1)
            return {"x": laying.map(shape, 1, problem.dtype)}, {"y": laying.pixels(shape, 1, problem.dtype)}

        def expected(problem, tensors):
            return {"y": -tensors["x"]}
    """,
}
USE = """
    import torch
    from cnndsl.backends.triton import candidates, trial
    from cnndsl.backends.triton.plan import Buffer, Launch, Plan, View
    from cnndsl.backends.triton.stored import dumps, loads
    from cnndsl.backends.triton.table import kernel_hash
    from cnndsl.backends.triton.text import format_plan
    from cnndsl.kernels.families import FAMILIES, negate
    from cnndsl.kernels.targets import TARGETS

    (problem,) = FAMILIES["negate"].examples.values()
    choices = candidates.candidates("negate", problem, TARGETS["sm_90"])
    assert [config.block for _, config in choices] == [1024, 2048]
    for name, config in choices:
        made = trial.trial(name, problem, torch.device("cpu"))
        trial.step(name, problem, config, made.tensors)()
        assert made.fault(made.expected()) is None
        made.poison()
        assert made.fault(made.expected()) is not None
    x, y = (View(name, 0, 30, 50, 1, 1, "fp16") for name in ("x", "y"))
    launch = Launch("negate", problem, choices[0][1], {"x": x, "y": y}, ("minus",))
    buffers = Buffer("x", 3000, 0, 0), Buffer("y", 3000, 0, 0, 3008)
    plan = Plan("toy", "sm_90", "fp16", 1, (launch,), buffers, (), ())
    assert loads(dumps(plan)) == plan and kernel_hash("negate")
    print(format_plan(plan))
"""


def test_a_family_is_added_by_its_files_alone(tmp_path: Path) -> None:
    copied = tmp_path / "cnndsl"
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    for folder, text in NEGATE.items():
        (copied / "kernels" / folder / "negate.py").write_text(dedent(text))
    (tmp_path / "use.py").write_text(dedent(USE))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "CNNDSL_CACHE_DIR": str(tmp_path / "cache")}

    def printed(*arguments: str, interpret: str) -> str:
        command = [sys.executable, *arguments]
        given = {**environment, "TRITON_INTERPRET": interpret}
        done = subprocess.run(command, capture_output=True, text=True, env=given, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    row = ["0", "negate", "minus", "y", *["1", "x", "30", "x", "50", "x", "1"], "0.01", "0.000"]
    assert row in [line.split() for line in printed("use.py", interpret="1").splitlines()]
    table = printed("-m", "cnndsl.kernels", "--kernel", "negate", "--target", "sm_90", "--type", "fp16", interpret="0")
    assert table.startswith("### negate\n") and "| 2048 elements | fp16 |" in table
