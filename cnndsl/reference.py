"""What layers and structures say of themselves, in words: for the command line, the reference page and editors."""

from __future__ import annotations

from inspect import cleandoc
from typing import TypeAlias

from cnndsl.elaborate.structures import STRUCTURES, Structure
from cnndsl.ops import Op, all_layers, find
from cnndsl.ops.arguments import Parameter

Entry: TypeAlias = type[Op] | type[Structure]

# The order of the reference page: `cnndsl/ops/` has a file for each; others follow.
FAMILIES = ("convolution", "linear", "pooling", "channels", "normalization", "activation", "merge", "regularization")

PAGE_HEAD = """\
# Layers and structures

Written by `pytest --renew tests/test_docs.py` from the layers' own classes; `cnndsl ops NAME` prints the same.
Arguments with a number are given in that order, or by name; the others by name alone, and a stride as `/2`.
The lines of the examples read: input shape `->` what the file says `:` output shape.
How arguments, chains and braces are written is told in [language.md](language.md).
"""


def entries() -> dict[str, Entry]:
    """All layers and structures by their words."""
    return {**all_layers(), **STRUCTURES}


def entry(word: str) -> Entry | None:
    """What the language calls so, if anything."""
    return STRUCTURES.get(word) or find(word)


def first_line(cls: type) -> str:
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
    text = default_of(parameter)
    return f" (default: {text})" if text else ""


def default_of(parameter: Parameter) -> str:
    """What holds when the argument is not given; "" if it must be, or if nothing then takes its place."""
    if parameter.required:
        return ""
    if parameter.shown is not None:
        return parameter.shown
    return "" if parameter.default is None else parameter.kind.show(parameter.default)


def by_family() -> dict[str, list[Entry]]:
    """Our own layers and structures, in the order of the reference page."""
    families: dict[str, list[Entry]] = {family: [] for family in FAMILIES}
    for layer in all_layers().values():
        package, _, family = layer.__module__.rpartition(".")
        if package == "cnndsl.ops":  # not of another package
            families.setdefault(family, []).append(layer)
    return families | {"structures": [*STRUCTURES.values()]}


def page() -> str:
    """All layers and structures as a page of Markdown, by family: `docs/layers.md`."""
    families = by_family()
    parts = [PAGE_HEAD]
    parts += [f"- {family.capitalize()}: {_links(entries)}" for family, entries in families.items()]
    for family, entries in families.items():
        parts += ["", f"## {family.capitalize()}"]
        for entry in entries:
            parts += ["", *section(entry, "###")]
    return "\n".join(parts) + "\n"


def _links(entries: list[Entry]) -> str:
    return ", ".join(f"[`{entry.word}`](#{entry.word})" for entry in entries)


def section(cls: Entry, sign: str) -> list[str]:
    """What `describe` tells, in Markdown under a heading of this sign, with the shapes that the examples give."""
    parameters = cls.signature()
    lines = [f"{sign} `{cls.word}`", "", *cleandoc(cls.__doc__ or "").split("\n")]
    if parameters:
        lines += ["", "| argument | | takes | default |", "|---|---|---|---|"]
        for number, p in enumerate(parameters, start=1):
            place = f"{number}." if p.positional else "by name"
            default = default_of(p) if p.shown or p.required or p.default is None else f"`{default_of(p)}`"
            lines.append(f"| `{p.name}` | {place} | {p.kind.expects} | {default} |".replace("|  |", "| |"))
    examples: tuple[str, ...] = getattr(cls, "examples", ())
    if examples:
        lines += ["", "```arch-shapes", *(f"{example} : {_result(example)}" for example in examples), "```"]
    return lines


def _result(example: str) -> str:
    """The shape that an example, `INPUT SHAPE -> LINE`, puts out."""
    from cnndsl.checking import check_file
    from cnndsl.ops import show_shape
    from cnndsl.source import Source

    shape, _, line = example.partition(" -> ")
    checked = check_file(Source("example", f"network example {{\ninput {shape}\n{line}\n}}\n"))
    return show_shape(checked.networks["example"].graph.output.shape)
