"""What became of our plans: launches, traffic, waves of blocks, wasted products and modelled times, without a GPU.

Of the networks that `gpu.py` measures, in half precision for an H200, at batch 1, 32 and 256, beside what another
version gave (`--before FILE`). `--json FILE` keeps the numbers.

    python benchmarks/plans.py [--before FILE] [--json FILE] [NETWORK ...]

MB       that launches read and write at least
L2       MB that their tiles read through the L2 cache
waves    of blocks, one after the other, that launches of matrix products need
useful   share of the products in their tiles that belong to the result
floor    ms that the plan takes at least by memory and arithmetic
by L2    the same with the L2 cache
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import cnndsl
from cnndsl.backends.triton import make_plan
from cnndsl.backends.triton.plan import Plan
from cnndsl.backends.triton.traffic import cached, floor, launch_work, modelled, tiling_of, total_work
from cnndsl.kernels.targets import TARGETS
from cnndsl.kernels.work import ceil_div

sys.path.insert(0, str(Path(__file__).resolve().parent))
from campaign.names import NETWORKS

TARGET = TARGETS["sm_90"]
BATCHES = (1, 32, 256)


@dataclass(frozen=True)
class Row:
    """A plan in numbers; `megabytes` and `cached` in 10**6 bytes, `floor` and `by_l2` in ms."""

    network: str
    batch: int
    launches: int
    megabytes: float
    cached: float
    waves: int
    useful: float
    floor: float
    by_l2: float


def row(name: str, plan: Plan) -> Row:
    tiled = [(launch, tiling) for launch in plan.launches if (tiling := tiling_of(launch)) is not None]
    wanted = sum(launch_work(launch).flops for launch, _ in tiled)
    return Row(
        name,
        plan.batch,
        len(plan.launches),
        round(total_work(plan).bytes / 1e6, 2),
        round(sum(map(cached, plan.launches)) / 1e6, 2),
        sum(ceil_div(tiling.blocks, TARGET.units) for _, tiling in tiled),
        round(wanted / sum(tiling.products for _, tiling in tiled), 3),
        round(1e3 * floor(plan, TARGET), 4),
        round(1e3 * sum(modelled(launch, TARGET) for launch in plan.launches), 4),
    )


def rows(names: list[str]) -> Iterator[Row]:
    for name in names:
        graph = cnndsl.load(NETWORKS[name].model).graph
        yield from (row(name, make_plan(graph, TARGET.name, batch=batch)) for batch in BATCHES)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows that a file keeps."""
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return found


def line(now: Row, before: Row | None) -> str:
    """A row of the table; where a number has changed, the one before stands in front of it."""
    names = [field.name for field in fields(Row)]
    pairs = [(_cell(getattr(before or now, name)), _cell(getattr(now, name))) for name in names]
    return f"| {' | '.join(new if old == new else f'{old} → {new}' for old, new in pairs)} |"


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.0f}" if value >= 10 else f"{value:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help=f"some of {', '.join(NETWORKS)}", metavar="NETWORK")
    parser.add_argument("--before", type=Path, help="what `--json` kept of another version")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if unknown := [name for name in options.networks if name not in NETWORKS]:
        parser.error(f"{unknown[0]} is none of {', '.join(NETWORKS)}")
    known = read(options.before) if options.before else []
    before = {(each["network"], each["batch"]): Row(**each) for each in known}
    print(f"| network | batch | launches | MB | L2 | waves | useful | floor | by L2 |\n|{'---|' * len(fields(Row))}")
    found = []
    for each in rows(options.networks or list(NETWORKS)):
        print(line(each, before.get((each.network, each.batch))), flush=True)
        found.append(asdict(each))
    if options.json:
        lines = ",\n  ".join(map(json.dumps, found))
        text = f'{{\n "target": "{TARGET.name}",\n "precision": "fp16",\n "rows": [\n  {lines}\n ]\n}}\n'
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
