"""`cnndsl ops [LAYER]`: the layers of the language, or one of them with its arguments and examples."""

from __future__ import annotations

import argparse
from inspect import cleandoc
from typing import TYPE_CHECKING, TypeAlias

from cnndsl.cli.arguments import Commands, UsageError, add_command

if TYPE_CHECKING:
    from cnndsl.elaborate.structures import Structure
    from cnndsl.ops import Op
    from cnndsl.ops.arguments import Parameter

    Entry: TypeAlias = type[Op] | type[Structure]


def add_to(commands: Commands) -> None:
    parser = add_command(commands, "ops", "List the layers, or explain one.")
    parser.add_argument("layer", metavar="LAYER", nargs="?", help="such as conv")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.diagnostics import closest
    from cnndsl.elaborate.structures import STRUCTURES
    from cnndsl.ops import all_layers, find

    entries: dict[str, Entry] = {**all_layers(), **STRUCTURES}
    if options.layer is None:
        width = max(map(len, entries))
        for word, entry in entries.items():
            print(f"{word:<{width}}  {_first_line(entry)}")
        return 0
    cls: Entry | None = find(options.layer) or STRUCTURES.get(options.layer)
    if cls is None:
        guess = closest(options.layer, list(entries))
        hint = f"did you mean {guess}?" if guess else "`cnndsl ops` lists them"
        raise UsageError(f"there is no layer {options.layer}; {hint}")
    print("\n".join(describe(cls)))
    return 0


def _first_line(cls: type) -> str:
    return cleandoc(cls.__doc__ or "").split("\n")[0]


def describe(cls: Entry) -> list[str]:
    """The documentation of a layer or structure: usage, meaning, arguments, examples."""
    parameters = cls.signature()
    positional = ", ".join(p.name.upper() for p in parameters if p.positional)
    lines = [f"{cls.word} {positional}".rstrip(), "", *cleandoc(cls.__doc__ or "").split("\n")]
    if parameters:
        width = max(len(p.name) for p in parameters)
        lines += ["", "Arguments:"]
        lines += [f"  {p.name:<{width}}  {p.kind.expects}{_default(p)}" for p in parameters]
    examples: tuple[str, ...] = getattr(cls, "examples", ())
    if examples:
        lines += ["", "Examples (input -> layer):", *(f"  {example}" for example in examples)]
    return lines


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return ""
    if parameter.shown is not None:
        return f" (default: {parameter.shown})"
    return "" if parameter.default is None else f" (default: {parameter.kind.show(parameter.default)})"
