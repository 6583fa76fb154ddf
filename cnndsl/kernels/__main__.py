"""`python -m cnndsl.kernels` compiles what ships, for GPUs that need not be there, and prints the table of resources.

It exits with 1 if a kernel spills, needs more shared memory than there is, or misses the tensor cores. Arguments narrow
it down: `--kernel NAME`, `--target NAME`, `--type NAME`.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from cnndsl.kernels.catalogue import DTYPE_ORDER, shipped
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.report import examine, table
from cnndsl.kernels.targets import TARGETS
from cnndsl.machine import processors


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cnndsl.kernels", description=__doc__)
    parser.add_argument("--kernel", action="append", choices=FAMILIES, default=None)
    parser.add_argument("--target", action="append", choices=TARGETS, default=None)
    parser.add_argument("--type", action="append", choices=DTYPE_ORDER, default=None)
    chosen = parser.parse_args(argv)
    kernels, targets = chosen.kernel or [*FAMILIES], chosen.target or [*TARGETS]
    places = [
        (kernel, target, index)
        for kernel in kernels
        for target in targets
        for index, entry in enumerate(shipped(kernel, TARGETS[target]))
        if entry.dtype in (chosen.type or DTYPE_ORDER)
    ]
    with ProcessPoolExecutor(processors(), get_context("spawn")) as workers:
        lines = list(workers.map(examine, places, chunksize=4))
    print("\n".join(table(kernel, lines, targets) for kernel in kernels))
    for line in lines:
        for fault in line.faults:
            print(f"{line.kernel}, {line.label}, {line.dtype}, {line.target}: {fault}", file=sys.stderr)
    return any(line.faults for line in lines)


if __name__ == "__main__":
    sys.exit(main())
