"""`cnndsl sweep MODEL -p NAME=VALUES`: what many variants of a network cost, and which of them none other beats."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import (
    MODEL_HELP,
    UsageError,
    add_outputs,
    add_request,
    inputs_from,
    max_nodes_of,
    parameters_from,
    positive,
)
from cnndsl.cli.checked import print_findings

if TYPE_CHECKING:
    from cnndsl.elaborate import Module
    from cnndsl.models import Model
    from cnndsl.sweeping.condition import Condition
    from cnndsl.sweeping.perform import Outcomes
    from cnndsl.sweeping.rows import Goals, Row
    from cnndsl.sweeping.sweep import Sweep
    from cnndsl.train.recipe import Recipe

ENDINGS = (".csv", ".svg", ".html")
MEASURES = ("params", "macs", "memory", "depth", "field")
EXAMPLES = """examples:
  cnndsl sweep resnet -p depths='[2,2,2,2],[3,4,6,3]' -p unit=basic,bottleneck --where "params < 20M"
  cnndsl sweep wide_resnet -p 'k=i for i in range(1, 13)' -o widths.csv -o widths.svg"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    add_request(parser)
    parser.add_argument("--where", metavar="CONDITION", help='which variants are wanted, such as "params < 5M"')
    parser.add_argument("--least", type=_measures, metavar="MEASURES", help="what is better if it is less")
    parser.add_argument("--most", type=_measures, metavar="MEASURES", help="what is better if it is more")
    parser.add_argument("--jobs", metavar="N", type=positive, help="how many processes (default: one a processor)")
    parser.add_argument("--train", metavar="DATA", help="then let the best learn from this, in runs/, as train does")
    parser.add_argument("--recipe", metavar="NAME|FILE.toml", help="with --train, by which they learn")
    add_outputs(
        parser, "a .csv of all variants, from which another run goes on, or a chart, .svg or .html; may be given again"
    )
    parser.set_defaults(run=run)


def _measures(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in MEASURES:
            raise argparse.ArgumentTypeError(f"{name!r} is no measure; there are {', '.join(MEASURES)}")
    return tuple(dict.fromkeys(names))


def run(options: argparse.Namespace) -> int:
    from cnndsl.diagnostics import Report
    from cnndsl.elaborate import Loader
    from cnndsl.models import find_model
    from cnndsl.sweeping.condition import condition

    goals, csv, recipe = _goals(options), _record_of(options.outputs), _recipe(options)
    model, report = find_model(options.model), Report()
    module = Loader(report, model.files).load_root(model.source)
    if not report.ok:
        print_findings(report)
        return 1
    sweep = _sweep(options, model, module)
    where = condition(options.where, module, sweep) if options.where else None
    found = _perform(sweep, csv, where, goals, options.jobs)
    _show(sweep, found, where, goals, [each for each in options.outputs if each != csv])
    best = [row.variant for row in found if row.front]
    if recipe is not None and best:
        from cnndsl.cli.sweep_training import train_variants

        return train_variants(options, model, sweep, best, recipe)
    return 0 if any(not row.error for row in found) else 1


def _recipe(options: argparse.Namespace) -> Recipe | None:
    """By which the best are to learn, if they are."""
    if options.train is None:
        if options.recipe is not None:
            raise UsageError("--recipe says how variants learn: name the data in --train")
        return None
    if options.model == "-":
        raise UsageError("the network is read by several processes: give a file, not standard input")
    from cnndsl.cli.sweep_training import recipe_of

    return recipe_of(options)


def _goals(options: argparse.Namespace) -> Goals:
    from cnndsl.sweeping.rows import Goals

    if not options.least and not options.most:
        return Goals(("macs",), ("params",))
    goals = Goals(options.least or (), options.most or ())
    twice = next((name for name in goals.least if name in goals.most), None)
    if twice is not None:
        raise UsageError(f"{twice} cannot be better both ways: it is in --least and in --most")
    if len(goals.all) < 2 and any(each.suffix != ".csv" for each in options.outputs):
        raise UsageError("a chart is over two goals: name another in --least or --most")
    return goals


def _record_of(outputs: Sequence[Path]) -> Path | None:
    """The CSV among the files to write."""
    for output in outputs:
        if output.suffix not in ENDINGS:
            raise UsageError(f"what {output} is to be is not known from its name; end it in {' '.join(ENDINGS)}")
    records = [output for output in outputs if output.suffix == ".csv"]
    if len(records) > 1:
        raise UsageError("one .csv is enough: it has all variants")
    return records[0] if records else None


def _sweep(options: argparse.Namespace, model: Model, module: Module) -> Sweep:
    from cnndsl.checking import main_network
    from cnndsl.ops.arguments import show
    from cnndsl.sweeping.sweep import ground_of, sweep_over

    given = {name: f"{value}" for name, value in parameters_from(options.parameters).items()}
    if not given:
        raise UsageError("name a parameter and its values, such as -p width=1,2,4")
    own = {name: value if isinstance(value, str) else show(value) for name, value in model.parameters.items()}
    network, input = main_network(module, model.network), inputs_from(options.input) or model.input
    return sweep_over(module, ground_of(module, network, input, max_nodes_of(options)), own | given)


def _perform(sweep: Sweep, csv: Path | None, where: Condition | None, goals: Goals, jobs: int | None) -> list[Row]:
    """All variants, counted, and written as they come."""
    from cnndsl.files import write_file
    from cnndsl.machine import processors
    from cnndsl.sweeping.perform import perform
    from cnndsl.sweeping.record import read_record, record
    from cnndsl.sweeping.rows import rows

    def judged(found: Outcomes) -> list[Row]:
        return rows(found, sweep.variants(), where, goals)

    def keep(found: Outcomes) -> None:
        if csv is not None:
            write_file(csv, record(sweep, judged(found)))

    known = read_record(csv, sweep) if csv is not None else {}
    with progress(sweep.size, len(known)) as tell:
        return judged(perform(sweep, known, jobs or processors(), keep=keep, tell=tell))


@contextmanager
def progress(size: int, known: int) -> Iterator[Callable[[int], None]]:
    """Says how far a sweep is, in a line of standard error that it takes away again; nothing where that is a file."""
    start = told = time.monotonic()

    def tell(done: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told > 0.2:
            told, speed = now, (done - known) / (now - start)
            line = f"{done:,} of {size:,} variants, {60 * speed:,.0f} a minute, {(size - done) / speed:,.0f} s left"
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)

    if not sys.stderr.isatty():
        yield lambda done: None
        return
    try:
        yield tell
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _show(sweep: Sweep, found: list[Row], where: Condition | None, goals: Goals, charts: list[Path]) -> None:
    """Print the front, and draw it."""
    from cnndsl.sweeping.table import front_table
    from cnndsl.table import aligned, html

    table = front_table(sweep, found, where, goals)
    print("\n".join([*(aligned([table.heads, *table.rows], table.left) if table.rows else []), *table.notes]))
    if charts:
        from cnndsl.draw.front import front_chart
        from cnndsl.files import write_file

        chart = front_chart(sweep, found, goals, table.notes)
        for path in charts:
            write_file(path, chart if path.suffix == ".svg" else html(table, chart) + "\n")
