"""`cnndsl bench MODEL`: how fast engines run a network on this machine, beside each other."""

from __future__ import annotations

import argparse
import os
import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, UsageError, add_outputs, add_request, positive, request_from
from cnndsl.cli.checked import checked_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from cnndsl.benching.case import Case
    from cnndsl.benching.setting import Setting

ENDINGS = (".json", ".csv", ".html", ".svg")
EXAMPLES = """examples:
  cnndsl bench squeezenet1_1 --batch 1,8
  cnndsl bench squeezenet1_1 --against torchvision:squeezenet1_1,onnxruntime,openvino -o squeezenet.json"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    add_request(parser)
    parser.add_argument(
        "--backends",
        metavar="NAMES",
        type=_names,
        default=("eager", "optimized"),
        help="eager, channels_last, compiled, optimized, frozen; ratios are to the first (default: eager,optimized)",
    )
    parser.add_argument(
        "--against", metavar="NAMES", type=_names, default=(), help="onnxruntime, openvino, torchvision:NAME, timm:NAME"
    )
    parser.add_argument("--batch", metavar="N,...", type=_batches, default=(1,), help="(default: 1)")
    parser.add_argument("--dtype", metavar="TYPES", type=_names, default=("fp32",), help="fp32, bf16 (default: fp32)")
    parser.add_argument("--rounds", metavar="N", type=positive, default=30, help="at least 6 (default: 30)")
    parser.add_argument("--threads", metavar="N", type=positive, help="(default: one a processor)")
    add_outputs(parser, f"by its ending: {' '.join(ENDINGS)}; may be given again")
    parser.set_defaults(run=run)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _batches(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(positive(part.strip()) for part in text.split(",")))


def run(options: argparse.Namespace) -> int:
    _check(options)
    if checked_network(options, warn=False) is None:
        return 1
    from cnndsl.benching.case import measure
    from cnndsl.benching.report import bench_table
    from cnndsl.table import aligned

    cases: list[Case] = []
    tell = _telling()
    for setting in _settings(options):
        cases.append(measure(setting, tell))
        tell("")
        table = bench_table(cases[-1])
        print("\n".join([table.title, *aligned([table.heads, *table.rows]), *table.notes, ""]), flush=True)
        _write(cases, options.outputs)
    return 0


def _check(options: argparse.Namespace) -> None:
    """All that can be wrong with the arguments, before any work."""
    from cnndsl.benching.names import check_engines
    from cnndsl.benching.setting import DTYPES, LEAST_ROUNDS
    from cnndsl.files import require_place

    for output in options.outputs:
        if output.suffix not in ENDINGS:
            raise UsageError(f"what {output} is to be is not known from its name; end it in {' '.join(ENDINGS)}")
        require_place(output)
    for dtype in options.dtype:
        if dtype not in DTYPES:
            raise UsageError(f"there is no dtype {dtype}; there are {', '.join(DTYPES)}")
    if options.rounds < LEAST_ROUNDS:
        raise UsageError(f"--rounds is at least {LEAST_ROUNDS}: of fewer no interval can be told")
    if not options.backends or not options.dtype:
        raise UsageError("name at least one in --backends and in --dtype")
    if options.model == "-":
        raise UsageError("the network is read by several processes: give a file, not standard input")
    if len(options.batch) * len(options.dtype) > 1 and any(each.suffix == ".svg" for each in options.outputs):
        raise UsageError("an .svg shows one batch and one dtype; an .html shows all")
    check_engines(options.backends, options.against)


def _settings(options: argparse.Namespace) -> list[Setting]:
    from cnndsl.benching.setting import Setting
    from cnndsl.machine import processors
    from cnndsl.models import find_model

    model, request = find_model(options.model), request_from(options)
    engines, threads = options.backends + options.against, options.threads or processors()
    return [
        Setting(model, request, engines, batch, dtype, threads, rounds=options.rounds)
        for batch, dtype in product(options.batch, options.dtype)
    ]


def _telling() -> Callable[[str], None]:
    """Says what is being done in one line of standard error, or nothing where that is a file."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return lambda line: None
    return lambda line: print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)


def _write(cases: list[Case], outputs: list[Path]) -> None:
    """What there is by now: a run that is interrupted leaves the settings that it has done."""
    from cnndsl.benching.environment import environment
    from cnndsl.benching.page import bench_chart, bench_page
    from cnndsl.benching.report import bench_csv, bench_json
    from cnndsl.files import write_file

    writers: dict[str, Callable[[], str]] = {
        ".json": lambda: bench_json(cases, environment()),
        ".csv": lambda: bench_csv(cases),
        ".html": lambda: bench_page(cases, environment()),
        ".svg": lambda: bench_chart(cases[-1]),
    }
    for output in outputs:
        write_file(output, writers[output.suffix]())
