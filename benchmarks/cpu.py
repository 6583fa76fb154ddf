"""Inference on a CPU: the optimised module against PyTorch's own ways, ONNX Runtime and OpenVINO, network by network.

    python benchmarks/cpu.py --networks resnet50 squeezenet1_1 --batch 1 --rounds 15 --json cpu.json

Each network is measured as `cnndsl bench` measures it, and ratios are to the frozen module. On a machine that is not
quiet, `--threads 1 --clock cpu` counts the processor's time instead of the time that passes.
Every result is printed and written as soon as it is there; one that the file given by --json has is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import product
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any

import cnndsl
from cnndsl.benching.case import measure
from cnndsl.benching.environment import environment
from cnndsl.benching.names import AGAINST, BACKENDS
from cnndsl.benching.report import as_json, bench_table
from cnndsl.benching.setting import DTYPES, Setting
from cnndsl.benching.timing import CLOCKS
from cnndsl.checking import Request
from cnndsl.machine import processors
from cnndsl.models import find_model
from cnndsl.table import aligned

NETWORKS = (
    "alexnet", "vgg16", "googlenet_torchvision", "resnet50", "resnext50_32x4d", "densenet121", "squeezenet1_1",
    "inception_v4",
)  # fmt: skip
OURS = "frozen"
RUNNERS = (*BACKENDS, *AGAINST)

Result = dict[str, Any]


def setting(name: str, batch: int, dtype: str, options: argparse.Namespace) -> Setting:
    others = tuple(each for each in RUNNERS if each in options.runners and each != OURS)
    return Setting(
        find_model(name),
        Request(),
        (OURS, *others),
        batch,
        dtype,
        options.threads,
        rounds=options.rounds,
        seconds=options.budget,
        rest=options.rest / 1000,
        clock=options.clock,
    )


def benchmark(name: str, batch: int, dtype: str, options: argparse.Namespace) -> Result:
    case = measure(setting(name, batch, dtype, options), lambda line: print(line, file=sys.stderr))
    table = bench_table(case)
    print("\n".join([table.title, *aligned([table.heads, *table.rows]), *table.notes, ""]), flush=True)
    return {"model": name} | as_json(case)


def geometric_means(results: list[Result]) -> dict[str, dict[str, float]]:
    """Of the ratios to ours, by type and runner: above 1 it is slower."""
    ratios: dict[str, dict[str, list[float]]] = {}
    for result in results:
        for each in result["engines"]:
            ratios.setdefault(result["dtype"], {}).setdefault(each["engine"], []).append(each["ratio"]["median"])
    return {
        dtype: {runner: exp(fmean(map(log, values))) for runner, values in of_type.items()}
        for dtype, of_type in ratios.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--runners", nargs="+", choices=RUNNERS, default=list(RUNNERS))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--budget", type=float, default=20, help="seconds for the rounds of a network")
    parser.add_argument("--rest", type=float, default=20, help="milliseconds of pause before each turn")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu, with --threads 1, on a busy machine")
    parser.add_argument("--threads", type=int, default=processors())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = earlier(options)
    known = {(each["model"], each["batch"], each["dtype"]) for each in results}
    for batch, dtype, name in product(options.batch, options.dtype, options.networks):
        if (name, batch, dtype) not in known:
            try:
                results.append(benchmark(name, batch, dtype, options))
            except cnndsl.Error as error:
                sys.exit(str(error))
            write(results, options)
    print("geometric means of the ratios to ours:", json.dumps(geometric_means(results), indent=1))


def earlier(options: argparse.Namespace) -> list[Result]:
    """What the file holds already; it must be of this machine, these versions and these options."""
    if not options.json or not options.json.exists():
        return []
    kept = json.loads(options.json.read_text(encoding="utf-8"))
    if kept["environment"] != measured_on(options):
        sys.exit(f"{options.json} holds results of another environment: {kept['environment']}; name another file")
    results: list[Result] = kept["results"]
    return results


def measured_on(options: argparse.Namespace) -> dict[str, object]:
    return environment() | {"threads": options.threads, "clock": options.clock, "rest": options.rest}


def write(results: list[Result], options: argparse.Namespace) -> None:
    if options.json:
        told = {
            "environment": measured_on(options),
            "geometric_means": geometric_means(results),
            "results": results,
        }
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
