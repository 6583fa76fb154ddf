"""What networks must move and compute on a GPU, and the time that takes at least: no GPU is needed to count.

For each network, in half precision: eager PyTorch (every layer a kernel that reads its inputs and weights and writes
its result), our plan (its launches, as they count themselves; beside it with what their tiles read through the L2
cache), and an ideal (every weight read once, every tensor that the plan keeps written and read once, one launch). A
launch takes the longer of traffic over bandwidth and arithmetic over peak. `--json FILE` keeps the numbers.

    python benchmarks/roofline.py [--batch 32] [--json FILE] [NETWORK ...]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cnndsl
from cnndsl.backends.triton import make_plan
from cnndsl.backends.triton.plan import Launch, Plan, View
from cnndsl.backends.triton.roofline import CARDS, HALF, unfused
from cnndsl.backends.triton.traffic import launch_work, modelled
from cnndsl.ir import Graph
from cnndsl.kernels.work import Work

NETWORKS = (
    "alexnet", "vgg16", "googlenet", "googlenet_torchvision", "resnet50", "resnet152", "resnext50_32x4d",
    "densenet121", "squeezenet1_0", "squeezenet1_1", "inception_v4", "wide_resnet28_10", "fractalnet20",
)  # fmt: skip


@dataclass(frozen=True)
class Count:
    """Launches, traffic and arithmetic of one way to run a network, and its floor on each card in seconds.

    cached  seconds on each card where what tiles read through the L2 cache counts too; empty where no tiles are known
    """

    way: str
    launches: int
    bytes: int
    flops: int
    floors: dict[str, float]
    cached: dict[str, float] = field(default_factory=dict)


def count(way: str, work: list[Work]) -> Count:
    floors = {name: sum(card.seconds(each.bytes, each.halves) for each in work) for name, card in CARDS.items()}
    return Count(way, len(work), sum(each.bytes for each in work), sum(each.flops for each in work), floors)


def count_launches(way: str, launches: Sequence[Launch]) -> Count:
    cached = {name: sum(modelled(each, card) for each in launches) for name, card in CARDS.items()}
    return replace(count(way, [launch_work(launch) for launch in launches]), cached=cached)


def eager(graph: Graph, batch: int) -> list[Work]:
    """Every layer of the network alone, as PyTorch runs them in half precision."""
    return [work for _, work in unfused(graph, batch)]


def inside(plan: Plan) -> list[Launch]:
    """Without the launch that brings the caller's picture, planes of float32, into the kernels' order and type."""
    return [launch for launch in plan.launches if launch.kernel != "pack"]


def ideal(plan: Plan) -> list[Work]:
    """One launch that touches everything which must be touched, once."""
    tensors = {tensor for launch in plan.launches for tensor in launch.tensors.values() if isinstance(tensor, View)}
    buffers = {view.buffer: view for view in sorted(tensors, key=lambda view: view.channels)}
    kept = sum(view.pixels * view.leading for view in buffers.values())
    flops = sum(launch_work(launch).flops for launch in plan.launches)
    return [Work(2 * HALF * plan.batch * kept + plan.weight_bytes, flops)]


def counted(name: str, batch: int) -> Iterator[Count]:
    graph = cnndsl.load(name).graph
    plan = make_plan(graph, "sm_90", batch=batch)
    yield count("eager", eager(graph, batch))
    yield count_launches("ours", plan.launches)
    yield count_launches("ours inside", inside(plan))
    yield count("ideal", ideal(plan))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    print(f"batch {options.batch}, half precision; floors in ms\n")
    cards = [*CARDS, *(f"{card} by L2" for card in CARDS)]
    print(f"| network | way | launches | MB | GFLOP | {' | '.join(cards)} |\n|{'---|' * (5 + len(cards))}")
    for name in options.networks:
        try:
            found[name] = list(counted(name, options.batch))
        except cnndsl.ModelError as error:
            sys.exit(str(error))
        for each in found[name]:
            times = [each.floors.get(card) for card in CARDS] + [each.cached.get(card) for card in CARDS]
            floors = " | ".join("" if seconds is None else f"{1e3 * seconds:.3f}" for seconds in times)
            traffic = f"{each.bytes / 1e6:,.0f} | {each.flops / 1e9:,.0f}"
            print(f"| {name} | {each.way} | {each.launches} | {traffic} | {floors} |", flush=True)
    if options.json:
        text = json.dumps({"batch": options.batch, "networks": {k: [asdict(c) for c in v] for k, v in found.items()}})
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
