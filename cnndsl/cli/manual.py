"""The manual page `man/cnndsl.1`, written from what the help says by `pytest --renew tests/test_shells.py`."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.cli.command_lines import Argument, CommandLine, command_lines, flat
from cnndsl.version import __version__

_HEAD = """\
.SH NAME
cnndsl \\- describe, check and compile convolutional networks
.SH SYNOPSIS
.B cnndsl
.I COMMAND
\\&...
.SH DESCRIPTION
An architecture of a convolutional network is described in a file, whose name ends in .arch, as its paper draws it.
cnndsl checks shapes, names and claims about it, shows it as a table or a picture, and compiles it.
.PP
MODEL is a file, FILE:NETWORK, the name of a network in the zoo, a bundle's folder, or \\- for standard input."""

_TAIL = """\
.SH EXIT STATUS
.TP
.B 0
all is well
.TP
.B 1
something was found in a file
.TP
.B 2
arguments, files or folders are wrong
.TP
.B 3
a fault of cnndsl
.SH ENVIRONMENT
.TP
.B CNNDSL_CACHE_DIR
where what takes long to make is kept
.TP
.B CNNDSL_DEBUG
show where an error comes from
.TP
.B NO_COLOR
no colours"""


def manual() -> str:
    """The page in roff."""
    lines = [f'.TH CNNDSL 1 "" "cnndsl {__version__}" "User commands"', _HEAD, ".SH COMMANDS"]
    for command in flat(command_lines()):
        lines += _section(command)
    return "\n".join([*lines, _TAIL]) + "\n"


def _section(command: CommandLine) -> Iterator[str]:
    yield f".SS {_roff(command.usage)}"
    yield _roff(command.summary)
    for argument in command.arguments:
        if argument.help:
            yield from (".TP", f".B {_roff(_heading(argument))}", _roff(argument.help))
    if command.examples:
        yield from (".PP", "Examples:", ".PP", ".nf", *map(_roff, command.examples), ".fi")


def _heading(argument: Argument) -> str:
    value = "{" + ",".join(argument.choices) + "}" if argument.choices else argument.name
    if not argument.flags:
        return value
    return ", ".join(argument.flags) + ("" if argument.takes == "nothing" else f" {value}")


def _roff(text: str) -> str:
    """A line of text in which nothing means anything to roff."""
    line = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace("%%", "%")
    return f"\\&{line}" if line.startswith((".", "'")) else line
