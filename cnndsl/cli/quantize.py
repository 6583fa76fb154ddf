"""`cnndsl quantize MODEL --data DATA --to onnx`: a trained network in int8, if it is about as often right."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.amounts import show_size
from cnndsl.cli.arguments import UsageError, destination
from cnndsl.cli.photos import tell_notes, tell_unread
from cnndsl.cli.trained import add_trained, trained
from cnndsl.errors import QuantizeError
from cnndsl.files import require_place
from cnndsl.quantizing.form import TOLERANCE

if TYPE_CHECKING:
    from cnndsl.quantizing import Quantized

EXAMPLES = """\
examples:
  cnndsl quantize runs/resnet20/best --data fake --to onnx
  cnndsl quantize runs/resnet20/best --data fake --to openvino --keep conv,linear --tolerance 5
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    add_trained(parser)
    parser.add_argument(
        "--data",
        required=True,
        help="a folder with one folder for each class, fashionmnist:DIR, cifar10:DIR, or fake",
    )
    parser.add_argument(
        "--to", choices=("onnx", "openvino"), required=True, help="ONNX for ONNX Runtime, or OpenVINO's own form"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=destination, help="where to write (default: NETWORK.int8.onnx or .xml)"
    )
    parser.add_argument(
        "--tolerance",
        metavar="POINTS",
        type=_points,
        default=TOLERANCE,
        help=f"by how many points of a hundred top-1 may fall (default: {TOLERANCE:g})",
    )
    parser.add_argument(
        "--keep", metavar="LAYERS", type=_paths, default=(), help="layers and blocks that stay in float, with commas"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="of the report")
    parser.set_defaults(run=run)


def _points(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of points from 0 to 100")
    return value


def _paths(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (path.strip() for path in text.split(","))))


def run(options: argparse.Namespace) -> int:
    from cnndsl.quantizing import quantize, require_packages

    if options.output is not None:
        ending = ".xml" if options.to == "openvino" else ".onnx"
        if options.output.suffix != ending:
            raise UsageError(f"a model for {options.to} is called otherwise: end {options.output} in {ending}")
        require_place(options.output)
    require_packages(options.to)
    found = trained(options)
    if found is None:
        return 1
    from cnndsl.train.data.named import read_data

    data = read_data(options.data, len(found.classes))
    tell_notes(data.notes)
    graph, preprocessing, classes = found.network.graph, found.preprocessing, found.classes
    done = quantize(graph, found.weights, preprocessing, classes, data, options.data, to=options.to, keep=options.keep)
    tell_unread((*done.unread, *done.exact.unread))
    return _report(done, options, options.output or Path(f"{graph.name}.int8{next(iter(done.files))}"))


def _report(done: Quantized, options: argparse.Namespace, path: Path) -> int:
    """What is refused is reported, too."""
    from cnndsl.quantizing.report import quantized_json, quantized_text

    written: list[Path] = []
    refused = None
    try:
        written = done.write(path, options.tolerance)
    except QuantizeError as error:
        refused = error
    if options.format == "json":
        sys.stdout.write(quantized_json(done, options.tolerance, written))
    else:
        print(quantized_text(done))
        for each in written:
            print(f"wrote {each} ({show_size(each.stat().st_size)})")
    if refused is not None:
        print(f"cnndsl: error: {refused}", file=sys.stderr)
    return int(refused is not None)
