"""Arguments that several commands share: MODEL, `-p name=value`, `--input`, `--max-nodes`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.errors import Error

if TYPE_CHECKING:
    from cnndsl.checking import Request
    from cnndsl.elaborate.given_inputs import GivenInputs
    from cnndsl.ops.base import Shape

MODEL_HELP = "PATH, PATH:network, the name of a network in the zoo, a bundle's folder, or - for standard input"

SOURCE_HELP = "torchvision:NAME, timm:NAME, package.module:callable (which runs that code), FILE.onnx or FILE.pt2"


class UsageError(Error):
    """Arguments that do not go together; one line."""


def add_request(parser: argparse.ArgumentParser) -> None:
    """What sets the network: parameters, another input, the node limit."""
    parser.add_argument(
        "-p", dest="parameters", metavar="NAME=VALUE", action="append", default=[], help="set a parameter"
    )
    parser.add_argument(
        "--input",
        metavar="[NAME=]CxHxW",
        type=_input,
        action="append",
        default=[],
        help="another input shape, such as 3x320x320; NAME says which of several inputs",
    )
    parser.add_argument("--max-nodes", metavar="N", type=positive, help="how large a network may become")


def add_outputs(parser: argparse.ArgumentParser, text: str) -> None:
    """`-o FILE`, as often as wanted: `outputs`, whose endings say what goes there."""
    parser.add_argument("-o", dest="outputs", metavar="FILE", type=destination, action="append", default=[], help=text)


def request_from(options: argparse.Namespace) -> Request:
    from cnndsl.checking import Request

    return Request(parameters_from(options.parameters), inputs_from(options.input), max_nodes_of(options))


def max_nodes_of(options: argparse.Namespace) -> int:
    from cnndsl.elaborate.context import MAX_NODES

    limit: int | None = options.max_nodes
    return limit or MAX_NODES


def parameters_from(given: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"-p takes NAME=VALUE, not {item!r}")
        if name.strip() in values:
            raise UsageError(f"-p {name.strip()} is given twice")
        values[name.strip()] = value.strip()
    return values


def inputs_from(given: list[tuple[str, Shape]]) -> GivenInputs | None:
    """The shape of the only input, or those of several by name."""
    names = [name for name, _ in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"--input {twice + '=...' if twice else ''}".rstrip() + " is given twice")
    if "" in names and len(names) > 1:
        raise UsageError("--input with a name and without one do not go together")
    return given[0][1] if "" in names else dict(given) or None


def show_input(name: str, shape: Shape) -> str:
    """What `--input` takes."""
    return f"{name}{'=' if name else ''}{'x'.join(map(str, shape))}"


def _input(text: str) -> tuple[str, Shape]:
    name, equals, given = text.rpartition("=")
    if equals and not name.strip().isidentifier():
        raise argparse.ArgumentTypeError(f"{name!r} is no name of an input")
    return name.strip(), shape(given)


def shape(text: str) -> Shape:
    if not re.fullmatch(r"[1-9][0-9]{0,8}( ?x ?[1-9][0-9]{0,8})*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a shape such as 3x320x320")
    sizes = tuple(int(part) for part in text.split("x"))
    if len(sizes) not in (1, 3):
        raise argparse.ArgumentTypeError(f"{text!r} is neither channels x height x width nor one number of features")
    return sizes


def destination(text: str) -> Path:
    if text in ("", "-"):
        raise argparse.ArgumentTypeError(f"{text!r} is no place to write to")
    return Path(text)


def positive(text: str) -> int:
    if not re.fullmatch(r"[0-9_]{1,12}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at most 18 digits, from 0")
    return int(text)
