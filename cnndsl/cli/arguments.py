"""Arguments that several commands share: MODEL, `-p name=value`, `--input`, `--max-nodes`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.errors import Error

if TYPE_CHECKING:
    from cnndsl.checking import Request

MODEL_HELP = "PATH, PATH:network, the name of a network in the zoo, or - for standard input"


class UsageError(Error):
    """Arguments that do not go together; one line."""


def add_request(parser: argparse.ArgumentParser) -> None:
    """What sets the network: parameters, another input, the node limit."""
    parser.add_argument(
        "-p", dest="parameters", metavar="NAME=VALUE", action="append", default=[], help="set a parameter"
    )
    parser.add_argument("--input", metavar="CxHxW", type=_shape, help="another input shape, such as 3x320x320")
    parser.add_argument("--max-nodes", metavar="N", type=positive, help="how large a network may become")


def request_from(options: argparse.Namespace) -> Request:
    from cnndsl.checking import Request
    from cnndsl.elaborate.context import MAX_NODES

    return Request(_parameters(options.parameters), options.input, options.max_nodes or MAX_NODES)


def _parameters(given: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name.strip().isidentifier():
            raise UsageError(f"-p takes NAME=VALUE, not {item!r}")
        if name.strip() in values:
            raise UsageError(f"-p {name.strip()} is given twice")
        values[name.strip()] = value.strip()
    return values


def _shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9][0-9]{0,8}( ?x ?[1-9][0-9]{0,8})*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a shape such as 3x320x320")
    shape = tuple(int(part) for part in text.split("x"))
    if len(shape) not in (1, 3):
        raise argparse.ArgumentTypeError(f"{text!r} is neither channels x height x width nor one number of features")
    return shape


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
