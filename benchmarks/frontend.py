"""How fast the front end is: whole processes, growth with size, and beside torchinfo and torch.fx.

    python benchmarks/frontend.py [--rounds N] [--output FILE.json]

1. `cnndsl check` as a whole process, beside an interpreter that only starts and one that only imports torch: CPU time.
2. One process: each file of the zoo is edited and checked anew, with all of its networks.
3. One process: parse, elaborate, check and cost networks of 100 to 100,000 nodes; microseconds per node.
4. ResNet-152 in one process: all shapes, parameters and MACs by cnndsl, by `torchinfo.summary` and by `torch.fx` shape
   propagation, both on the meta device (where tensors have shapes but no data), interleaved in one run.

Every figure is a median with the smallest and largest of the rounds; ratios are taken round by round.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from cnndsl.checking import Request, check_file
from cnndsl.source import Source

ROOT = Path(__file__).resolve().parent.parent
RESNET = """
block bottleneck(filters, stride = 1) {
    residual shortcut=projection {
        conv 1x1, filters -> bn -> relu
        conv 3x3, filters, /stride -> bn -> relu
        conv 1x1, 4 * filters -> bn
    }
    relu
}
network resnet(depths = [3, 8, 36, 3]) {
    input 3 x 224 x 224
    conv 7x7, 64, /2 -> bn -> relu
    maxpool 3x3, /2, pad=1
    for i, depth in enumerate(depths) {
        bottleneck 64 * 2 ** i, stride = 1 if i == 0 else 2
        repeat depth - 1 { bottleneck 64 * 2 ** i }
    }
    global_avgpool -> linear 1000
}
"""


def seconds(action: Callable[[], Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def seconds_of_process(action: Callable[[], Any]) -> float:
    """CPU time of the process that the action starts, since others may use the machine."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    action()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def interleaved(
    actions: dict[str, Callable[[], Any]], rounds: int, measure: Callable[[Callable[[], Any]], float] = seconds
) -> dict[str, list[float]]:
    """The times of each action, one after the other in every round, after one round that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            elapsed = measure(action)
            if number:
                times[name].append(elapsed)
    return times


def spread(times: list[float], scale: float = 1e3) -> dict[str, float]:
    return {"median": median(times) * scale, "min": min(times) * scale, "max": max(times) * scale}


def ratios(times: list[float], others: list[float]) -> list[float]:
    return [time / other for time, other in zip(times, others, strict=True)]


def shown(figures: dict[str, float], unit: str) -> str:
    return f"{figures['median']:9.1f} {unit}  ({figures['min']:.1f} to {figures['max']:.1f})"


def process(*command: str) -> Callable[[], Any]:
    return lambda: subprocess.run([sys.executable, *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def whole_processes(rounds: int) -> dict[str, Any]:
    resnet = ROOT / "benchmarks" / ".resnet152.arch"
    resnet.write_text(RESNET)
    try:
        times = interleaved(
            {
                "python -c pass": process("-c", "pass"),
                "import torch": process("-c", "import torch"),
                "import cnndsl": process("-c", "import cnndsl"),
                "cnndsl --help": process("-m", "cnndsl", "--help"),
                "cnndsl check GoogLeNet": process("-m", "cnndsl", "check", "archs/googlenet.arch:googlenet"),
                "cnndsl check ResNet-152": process("-m", "cnndsl", "check", str(resnet)),
            },
            rounds,
            seconds_of_process,
        )
    finally:
        resnet.unlink()
    print("whole processes: CPU, and how often `python -c pass` and `import torch` they take")
    result: dict[str, Any] = {}
    for name, each in times.items():
        to_pass, to_torch = (ratios(each, times[other]) for other in ("python -c pass", "import torch"))
        result[name] = {**spread(each), "to_pass": spread(to_pass, 1.0), "to_torch": spread(to_torch, 1.0)}
        print(f"  {name:<28}{shown(spread(each), 'ms')}  {median(to_pass):6.2f}  {median(to_torch):6.3f}")
    return result


def edits(rounds: int) -> dict[str, Any]:
    """CPU time, since others may use the machine: what an editor waits for after each change of a file."""
    medians: dict[str, float] = {}
    for path in sorted((ROOT / "archs").glob("*.arch")):
        text, times = path.read_text(encoding="utf-8"), []
        for number in range(rounds):
            edited = Source(str(path), f"{text}# edit {number}\n", path)
            start = time.process_time()
            checked = check_file(edited)
            assert all(facts.params and facts.macs and facts.depth for facts in checked.facts.values())
            times.append(time.process_time() - start)
        medians[path.name] = median(times) * 1e3
    slowest = max(medians, key=medians.__getitem__)
    print("\nan edit of a file of the zoo: CPU until all of its networks are checked")
    print(f"  median file {median(medians.values()):.1f} ms, slowest {slowest} {medians[slowest]:.1f} ms")
    return medians


def growth(rounds: int) -> list[dict[str, Any]]:
    print("\ngrowth: a network of n nodes, from text to checked costs")
    rows = []
    for nodes in (100, 1_000, 10_000, 100_000):
        text = (
            f"network n {{\n input 8 x 8 x 8\n repeat {nodes // 4} {{ residual {{ conv 3x3, 8 -> bn -> relu }} }}\n}}"
        )

        def check(text: str = text) -> None:
            checked = check_file(Source("n.arch", text), Request(max_nodes=200_000))
            assert checked.report.ok and checked.facts["n"].params

        count = max(3, rounds) if nodes < 100_000 else 3
        figures = spread([seconds(check) for _ in range(count)])
        rows.append({"nodes": nodes, **figures, "us_per_node": 1e3 * figures["median"] / nodes})
        print(f"  {nodes:>7,} nodes{shown(figures, 'ms')}  {rows[-1]['us_per_node']:6.1f} us per node")
    return rows


def against_others(rounds: int) -> dict[str, Any]:
    import torch
    import torchinfo
    from torch.fx.passes.shape_prop import ShapeProp

    import cnndsl

    source = Source("resnet.arch", RESNET)
    module = cnndsl.loads(RESNET).compile().to("meta").eval()
    image = torch.empty(1, 3, 224, 224, device="meta")
    traced = torch.fx.symbolic_trace(module)
    times = interleaved(
        {
            "cnndsl": lambda: check_file(source).facts["resnet"].macs,
            "torchinfo.summary": lambda: torchinfo.summary(module, input_data=image, device="meta", verbose=0),
            "torch.fx ShapeProp": lambda: ShapeProp(traced).propagate(image),
        },
        rounds,
    )
    print("\nResNet-152, all shapes (torchinfo and torch.fx start from a built module, cnndsl from text)")
    result: dict[str, Any] = {}
    for name, each in times.items():
        to_ours = ratios(each, times["cnndsl"])
        result[name] = {**spread(each), "ratio_to_cnndsl": spread(to_ours, 1.0)}
        print(f"  {name:<20}{shown(spread(each), 'ms')}   {median(to_ours):5.2f}x of cnndsl's time")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, help="also write the figures as JSON")
    options = parser.parse_args()
    figures = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "whole_processes_ms": whole_processes(options.rounds),
        "edit_cpu_ms": edits(options.rounds),
        "growth_ms": growth(options.rounds),
        "resnet152_ms": against_others(options.rounds),
    }
    if options.output:
        options.output.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
