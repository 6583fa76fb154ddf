"""Correctness and speed on a GPU: our backend against PyTorch's own ways, network by network.

    PYTHONPATH=. python benchmarks/gpu.py --stage correctness,baseline --minutes 9
    PYTHONPATH=. python benchmarks/gpu.py --stage tune,ours --minutes 9
    PYTHONPATH=. python benchmarks/gpu.py --stage profile,training,report --minutes 9

Stages: `correctness` (every kernel configuration and network against float64, on poisoned memory), `baseline` (eager
and `torch.compile`), `tune` (the table of kernels for this card), `ours`, `profile` (hardware counters of the costliest
kernels), `training` (forward and backward), and `report`, which writes docs/performance.md from the results.

Every result is a line in RESULTS/results.jsonl as soon as it is there. A run does what is missing, the most important
first, and stops in time; run it again and it goes on. `--dry-run` takes every path on the CPU, with tiny networks in
Triton's interpreter; `--dry-run=small` in less than a minute.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from campaign.records import Records
    from campaign.settings import Settings

HERE = Path(__file__).resolve()
STAGES = ("correctness", "baseline", "tune", "ours", "profile", "training", "report")
sys.path[:0] = [path for path in (str(HERE.parent), str(HERE.parent.parent)) if path not in sys.path]


def main() -> int:
    options = _parser().parse_args()
    if options.job:
        return _one_job(options.job, options.turn)
    if options.dry_run:
        _prepare_dry_run(options.results)
    from campaign.jobs import STAGES as JOBS
    from campaign.jobs import perform
    from campaign.records import Records
    from campaign.report import report
    from campaign.schedule import run_here, run_jobs, slots

    settings = _settings(options)
    _take_table(settings.folder)
    records = Records(settings.folder)
    stages = options.stage.split(",")
    for stage in (*([] if stages == ["report"] else ["card"]), *stages):
        print(f"{stage}, {settings.left / 60:.1f} minutes left", flush=True)
        if stage == "report":
            report(settings)
        elif settings.dry:
            for number, job in enumerate(JOBS[stage](settings, records)):
                as_always = stage == "baseline" and number == 0  # one by the way that all go on a GPU
                if as_always:
                    run_jobs([job], settings, records, 1, HERE)
                else:
                    run_here(job, settings, records, perform)
        else:
            run_jobs(JOBS[stage](settings, records), settings, records, slots(), HERE)
        records.take_card()
    return _summary(records, stages)


def _parser() -> argparse.ArgumentParser:
    from campaign.names import BATCHES, NETWORKS, PRECISIONS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", default=",".join(STAGES), help="some of them, with commas between")
    parser.add_argument("--minutes", type=float, default=9.0, help="when it must have ended (default: 9)")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--results", type=Path, default=HERE.parent / "results")
    parser.add_argument("--docs", type=Path, default=HERE.parent.parent / "docs", help="where `report` writes")
    parser.add_argument("--dry-run", nargs="?", const="full", choices=("full", "small"))
    parser.add_argument("--job", help=argparse.SUPPRESS)  # what a process of a run is started with
    parser.add_argument("--turn", type=int, help=argparse.SUPPRESS)
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    """Of a dry run: a network or all of them, one batch."""
    from campaign.names import SMALL
    from campaign.settings import Settings

    small = options.dry_run == "small"
    minutes = 120.0 if options.dry_run else options.minutes
    return Settings(
        str(options.results.resolve()),
        str(options.results.resolve() if options.dry_run else options.docs.resolve()),
        tuple(SMALL) if small else tuple(options.networks),
        (2,) if options.dry_run else tuple(options.batches),
        ("fp16",) if small else tuple(options.precisions),
        time.time() + 60 * minutes,
        bool(options.dry_run),
        small,
    )


def _prepare_dry_run(results: Path) -> None:
    """Before Triton is imported: the interpreter, a cache of its own, and stand-ins for the profilers."""
    from campaign.standins import install

    os.environ |= {"TRITON_INTERPRET": "1", "CNNDSL_CACHE_DIR": str(results.resolve() / "cache")}
    install(results.resolve() / "bin")


def _take_table(folder: Path) -> None:
    """What an earlier run has tuned, on another machine perhaps, goes on being known."""
    from campaign.tune import SHIPPED

    from cnndsl.backends.triton.table import read_table, save_table

    if (folder / SHIPPED).exists() and (table := read_table(folder / SHIPPED)) is not None:
        save_table(table)


def _one_job(text: str, turn: int | None) -> int:
    from campaign.jobs import perform
    from campaign.settings import from_text
    from campaign.turns import Turns

    settings, job = from_text(text)
    perform(settings, job, Turns(settings.folder, turn))
    return 0


def _summary(records: Records, stages: list[str]) -> int:
    """Say what failed; 1 if anything did."""
    from campaign.report import failures

    failed = failures(records, stages)
    for line in failed:
        print(f"FAILED {line}", flush=True)
    print(f"{sum(1 for _ in records.all())} results in {records.path}, {len(failed)} failures", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
