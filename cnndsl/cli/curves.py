"""`cnndsl curves RUN ... -o FILE.svg`: error by epoch of several runs in one chart, as in the papers' figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from cnndsl.cli.arguments import UsageError, destination

EXAMPLES = """\
examples:
  cnndsl curves runs/resnet20 -o curves.svg
  cnndsl curves runs/resnet20 runs/resnet20/metrics.csv -o both.svg
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", type=Path, help="the folder of a run, or its metrics.csv under any name"
    )
    parser.add_argument("-o", dest="output", metavar="FILE.svg", type=destination, required=True)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.draw.learning import learning_svg
    from cnndsl.errors import DataError
    from cnndsl.files import write_file
    from cnndsl.train.progress import read_metrics, series_of

    if options.output.suffix != ".svg":
        raise UsageError(f"{options.output} is to be a picture in SVG: end its name in .svg")
    series = []
    for path in options.runs:
        file = path / "metrics.csv" if path.is_dir() else path
        history = read_metrics(file)
        if not history:
            raise DataError(f"{file} has no epochs yet")
        series.append(series_of(path.resolve().name if path.is_dir() else path.stem, history))
    write_file(options.output, learning_svg(series))
    return 0
