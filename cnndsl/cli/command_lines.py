"""All commands with their options as plain data, read from the parser: for shells' completion and the manual page."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Literal, TypeAlias

from cnndsl.cli.parser import COMMANDS, parser_of
from cnndsl.records import dataclass

Takes: TypeAlias = Literal["nothing", "model", "file", "folder", "choice", "value"]
_MODELS = ("MODEL", "OLD", "NEW")
_FILES = ("FILE", "PHOTO", "PATH")


@dataclass(frozen=True)
class Argument:
    """An option by its flags, or without flags what stands by its place."""

    flags: tuple[str, ...]
    name: str
    takes: Takes
    choices: tuple[str, ...]
    help: str


@dataclass(frozen=True)
class CommandLine:
    """`cnndsl WORDS ...`: `arguments` in the order of the help; `actions` are the next words, if there must be one."""

    words: tuple[str, ...]
    usage: str
    summary: str
    arguments: tuple[Argument, ...]
    examples: tuple[str, ...]
    actions: tuple[CommandLine, ...] = ()


def command_lines() -> list[CommandLine]:
    """All commands in the order of the help."""
    subparsers = _subparsers(parser_of([*COMMANDS]))
    return [_command(parser, (name,), COMMANDS[name]) for name, parser in subparsers.items()]


def _command(parser: argparse.ArgumentParser, words: tuple[str, ...], summary: str) -> CommandLine:
    actions = [_command(inner, (*words, word), inner.description or "") for word, inner in _subparsers(parser).items()]
    arguments = tuple(_argument(each) for each in parser._actions if not isinstance(each, argparse._SubParsersAction))
    lines = (line.strip() for line in (parser.epilog or "").splitlines())
    examples = tuple(line for line in lines if line.startswith("cnndsl "))
    usage = " ".join(parser.format_usage().split()).removeprefix("usage: ")
    return CommandLine(words, usage, summary, arguments, examples, tuple(actions))


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {name: inner for action in found for name, inner in action.choices.items()}


def _argument(action: argparse.Action) -> Argument:
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    choices = tuple(map(str, action.choices or ()))
    name = metavar or ("" if choices else action.dest.upper())
    return Argument(tuple(action.option_strings), name, _takes(action, metavar, choices), choices, action.help or "")


def _takes(action: argparse.Action, metavar: str, choices: tuple[str, ...]) -> Takes:
    if action.nargs == 0:
        return "nothing"
    if choices:
        return "choice"
    if metavar in _MODELS:
        return "model"
    return "file" if metavar.startswith(_FILES) else "folder" if metavar == "DIR" else "value"


def flat(commands: list[CommandLine]) -> Iterator[CommandLine]:
    """The commands that can be run: of those with actions, the actions."""
    for command in commands:
        yield from command.actions or (command,)
