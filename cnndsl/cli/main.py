"""`cnndsl COMMAND ...`: finds the command, runs it, and turns whatever goes wrong into one line and an exit code.

Exit codes: 0 fine, 1 findings in an `.arch` file, 2 usage (arguments, files, folders), 3 an internal failure,
130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from cnndsl.cli import check, compile, conform, draw, explain, ops, predict, summary, weights, zoo
from cnndsl.errors import Error

COMMANDS = (check, summary, draw, compile, weights, conform, predict, zoo, ops, explain)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; gives the exit code."""
    sys.stdout, sys.stderr = _usable(sys.stdout), _usable(sys.stderr)
    try:
        options = _parser().parse_args(arguments)
        with _heard_interrupts() as heard:
            code: int = options.run(options)
        if heard:  # a library that was being imported has swallowed it
            raise KeyboardInterrupt
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("cnndsl: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stdout = _nowhere()
        return 0
    except Exception as error:
        return _failure(error)


@contextmanager
def _heard_interrupts() -> Iterator[list[int]]:
    """Every Ctrl-C in the block, also those whose exception is lost on its way (C extensions clear what they meet)."""
    heard: list[int] = []

    def interrupt(number: int, frame: object) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # somebody else listens, or nobody is to
        yield heard
        return
    signal.signal(signal.SIGINT, interrupt)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _usable(stream: TextIO | None) -> TextIO:
    """A stream that can be written to: one that the shell closed is None."""
    if stream is None:
        return _nowhere()
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows `?`, not a traceback
    return stream


def _nowhere() -> TextIO:
    return open(os.devnull, "w")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cnndsl", description="Describe, check and compile convolutional networks.")
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.set_defaults(run=lambda options: _no_command(options, parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def _no_command(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    if options.version:
        from cnndsl.version import __version__

        print(f"cnndsl {__version__}")
        return 0
    parser.print_help()
    return 2


def _failure(error: Exception) -> int:
    """One line for what a user can mend; for the rest, where the trace is."""
    debug = bool(os.environ.get("CNNDSL_DEBUG"))
    if isinstance(error, Error):
        if debug:
            traceback.print_exc()
        print(f"cnndsl: error: {error}", file=sys.stderr)
        return 2
    if isinstance(error, OSError):  # the files that a user names are dealt with where they are opened
        sys.stdout = _nowhere()
        print(f"cnndsl: error: cannot go on: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return 2
    if debug:
        traceback.print_exc()
    lines = str(error).splitlines()
    print(f"cnndsl: internal error: {type(error).__name__}: {lines[0] if lines else ''}", file=sys.stderr)
    if not debug:
        print("cnndsl: this is a bug; please report it with the trace that CNNDSL_DEBUG=1 shows", file=sys.stderr)
    return 3
