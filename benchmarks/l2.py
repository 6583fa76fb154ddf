"""What holds plans above their floors by the L2 cache, and what two changes of the kernels would give, without a GPU.

In half precision for an H200, by kinds of launches, in ms at batch 32:

    python benchmarks/l2.py [NETWORK ...]

floor  by memory and arithmetic
by L2  with what tiles read through the L2 cache
halo   the same, if a tile of a convolution of stride 1 read each pixel once, its edges aside, and not for each tap
pairs  the same, if two tiles side by side read together what both need (clusters of two blocks on Hopper)
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cnndsl
from cnndsl.backends.triton import make_plan
from cnndsl.backends.triton.plan import Launch
from cnndsl.backends.triton.traffic import launch_work, modelled, tiling_of
from cnndsl.kernels.families import conv_gemm, conv_rows
from cnndsl.kernels.targets import TARGETS

sys.path.insert(0, str(Path(__file__).resolve().parent))
from campaign.names import NETWORKS

TARGET, BATCH = TARGETS["sm_90"], 32
GOALS = ("resnet50", "googlenet", "vgg16")
Times = tuple[float, float, float, float]  # floor, by L2, halo, pairs


def kind(launch: Launch) -> str:
    problem = launch.problem
    if not isinstance(problem, conv_gemm.Problem):
        return launch.kernel
    if problem.kernel == (problem.height, problem.width):
        return "linear"
    size = f"{problem.kernel[0]}x{problem.kernel[1]}"
    return f"{size} of the picture" if problem.channels <= 8 else f"{size}, two sources" if problem.second else size


def times(launch: Launch) -> Times:
    """Seconds of one launch."""
    work, by_l2 = launch_work(launch), modelled(launch, TARGET)
    floor, tiling, problem = TARGET.seconds(work.bytes, work.halves), tiling_of(launch), launch.problem
    if tiling is None or not isinstance(problem, conv_gemm.Problem):
        return floor, by_l2, by_l2, by_l2
    rows, columns, taps = tile(launch)
    pixels, filters = (tiling.operands * each / (rows + columns) for each in (rows, columns))
    halo, pairs = pixels / taps + filters, min(pixels / 2 + filters, pixels + filters / 2)
    return floor, by_l2, max(floor, halo / TARGET.l2), max(floor, pairs / TARGET.l2)


def tile(launch: Launch) -> tuple[int, int, int]:
    """Pixels and filters that a block reads of a channel, in proportion, and how often it reads each pixel."""
    problem, config = launch.problem, launch.config
    down, right = problem.kernel if problem.stride == (1, 1) else (1, 1)
    if isinstance(config, conv_rows.Config):
        return config.pixels * (config.lines + down - 1), config.block_n * down, right
    return config.block_m, config.block_n, down * right


def rows(name: str) -> Iterator[str]:
    """Of a table: the network, then the kinds of its launches, those first that lose the most."""
    found: dict[str, list[Times]] = defaultdict(list)
    for launch in make_plan(cnndsl.load(NETWORKS[name].model).graph, TARGET.name, batch=BATCH).launches:
        found[kind(launch)].append(times(launch))
    sums = {label: tuple(map(sum, zip(*every, strict=True))) for label, every in found.items()}
    whole = tuple(map(sum, zip(*sums.values(), strict=True)))
    yield row(name, sum(map(len, found.values())), whole)
    for label in sorted(sums, key=lambda each: sums[each][0] - sums[each][1]):
        if sums[label][1] > 1.01 * sums[label][0]:
            yield row(f"- {label}", len(found[label]), sums[label])


def row(label: str, count: int, seconds: tuple[float, ...]) -> str:
    floor, *others = seconds
    cells = (f"{1e3 * each:.3f} ({each / floor:.2f})" for each in others)
    return f"| {label} | {count} | {1e3 * floor:.3f} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=GOALS, metavar="NETWORK")
    print(f"| launches | number | floor | by L2 | halo | pairs |\n|{'---|' * 6}")
    for name in parser.parse_args().networks:
        print("\n".join(rows(name)), flush=True)


if __name__ == "__main__":
    main()
