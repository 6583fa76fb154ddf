"""`cnndsl export MODEL --to onnx`: a network for other programs, compared with the module before it is written."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.amounts import show_size
from cnndsl.cli.arguments import MODEL_HELP, UsageError, add_request, destination, seed
from cnndsl.cli.checked import bundle_named, checked_network

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.architecture import Architecture
    from cnndsl.export import Exported, Open, To

OPEN: tuple[Open, ...] = ("batch", "size")


EXAMPLES = """\
examples:
  cnndsl export lenet5 --to onnx -o lenet5.onnx
  cnndsl export lenet5 --to pt2 -o lenet5.pt2
  cnndsl export lenet5 --to server -o models
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--to",
        choices=("onnx", "pt2", "server"),
        required=True,
        help="ONNX, PyTorch's exported program, or a model repository of NVIDIA's Triton Inference Server",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        type=destination,
        help="where to write (default: the network's name; for server the folder models)",
    )
    parser.add_argument(
        "--weights",
        metavar="PATH",
        type=Path,
        help="NAME.safetensors or its folder (default: a bundle's, else initial ones)",
    )
    parser.add_argument("--seed", type=seed, metavar="N", default=0, help="of initial weights (default: 0)")
    parser.add_argument("--optimize", action="store_true", help="fold batch norms into weights")
    parser.add_argument(
        "--dynamic",
        metavar="SIZES",
        type=_sizes,
        default=("batch",),
        help="sizes that stay open: batch (the default), size (height and width), both with a comma, or none",
    )
    parser.add_argument("--heads", action="store_true", help="heads for training alone are outputs, too")
    parser.add_argument(
        "--taps", metavar="PATHS", type=_paths, default=(), help="layers and blocks that are outputs, too, with commas"
    )
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.export import export, require_packages

    form: To = "pt2" if options.to == "pt2" else "onnx"
    require_packages(form)
    if options.to == form and options.output is not None and options.output.suffix != f".{form}":
        raise UsageError(f"--to {form} writes a FILE.{form}, not {options.output}")
    if options.weights is not None and options.seed:
        raise UsageError("--seed is of initial weights, and --weights gives others")
    network = checked_network(options)
    if network is None:
        return 1

    classes = _classes(options, network) if options.to == "server" else None
    made = export(
        network.graph,
        form,
        weights=_weights(options, network.name),
        seed=options.seed,
        optimize=options.optimize,
        dynamic=options.dynamic,
        heads=options.heads,
        taps=options.taps,
    )
    for path in _write(made, options, network.name, classes):
        print(f"wrote {path} ({show_size(path.stat().st_size)})")
    runner = "in ONNX Runtime" if form == "onnx" else "read back"
    print(f"it computes what the module computes, {runner} on {', '.join(map(str, made.cases))}:")
    print(f"outputs differ by {made.apart:.1e} of their largest value at most")
    return 0


def _write(made: Exported, options: argparse.Namespace, name: str, classes: Sequence[str] | None) -> list[Path]:
    if options.to == "server":
        from cnndsl.export.server import other_versions, write_repository

        folder = options.output or Path("models")
        written = write_repository(folder, made, classes)
        for version in other_versions(folder, name):
            print(f"note: {folder / name / str(version)} is there, too, and the server serves the highest version")
        return written
    path = options.output or Path(f"{name}.{options.to}")
    made.write(path)
    return [path]


def _classes(options: argparse.Namespace, network: Architecture) -> Sequence[str] | None:
    """Their names where they are known: those of a bundle, or of what stands beside the weights."""
    from cnndsl.photographs.preprocessing import class_names, preprocessing_beside
    from cnndsl.states.data_folder import find_weights

    names: Sequence[str] | None = None
    if options.weights is None:
        bundle = bundle_named(options.model)
        names = None if bundle is None else bundle.classes
    else:
        file = find_weights(network.name, options.weights)
        preprocessing = preprocessing_beside(file)
        names = None if preprocessing is None else class_names(preprocessing, file.parent)
    return names if names is not None and network.output_shape == (len(names),) else None


def _weights(options: argparse.Namespace, name: str) -> Path | Mapping[str, Tensor] | None:
    """Those that were named, else those of a bundle."""
    from cnndsl.states.data_folder import find_weights

    if options.weights is not None:
        return find_weights(name, options.weights)
    bundle = bundle_named(options.model)
    return None if bundle is None else bundle.weights()


def _sizes(text: str) -> tuple[Open, ...]:
    given = [] if text == "none" else text.split(",")
    unknown = next((each for each in given if each not in OPEN), None)
    if unknown is not None:
        raise argparse.ArgumentTypeError(f"{unknown!r} is no size that can stay open: batch, size, batch,size or none")
    return tuple(each for each in OPEN if each in given)


def _paths(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))
