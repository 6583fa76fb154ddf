"""Words that people bring along from other languages and frameworks, and what is meant by them here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from cnndsl.diagnostics import Edit, Fix
from cnndsl.diagnostics.suggest import instead, meant
from cnndsl.ops import all_layers
from cnndsl.syntax import tree

Remedy: TypeAlias = tuple[str | None, tuple[Fix, ...]]  # advice, and fixes

VALUES = {
    **dict.fromkeys(("None", "none", "null"), "there is no such value: leave the argument out"),
    **dict.fromkeys(("flops", "FLOPs", "madds"), "`macs` counts multiply-accumulates"),
}

_SAME_VALUES = {
    "True": ("true", "write `true`"),
    "False": ("false", "write `false`"),
    "parameters": ("params", "`params` counts learned values"),
}

STATEMENTS = {
    "return": "the tensor that flows at the end is the result; nothing returns it",
    "layer": "a layer is its name and what it takes, on one line: `conv 3x3, 64`",
    "lambda": "nothing computes layers but blocks: `block NAME(PARAMETERS) { ... }`",
    **dict.fromkeys(("route", "shortcut"), "a tensor is labelled `as NAME` and read by `from NAME`"),
    "pass": "leave it out: braces may be empty",
    "while": "`repeat n { ... }` and `for x in list { ... }` are the loops",
    "def": "blocks are defined outside networks: `block NAME(PARAMETERS) { ... }`",
    "assert": "`require` checks arguments, `expect` what is known of the network, `: SHAPE` a shape",
    "output": "the tensor that flows at the end is the output; `head NAME { ... }` makes further ones",
}

SURPLUS = {
    "depthwise": "it has as many filters as channels come in, times `multiplier=`; `-> conv 1x1, n` makes n of them",
    "linear": "the number of inputs is never written",
}


def command_meant(name: tree.Name, known: Iterable[str]) -> Remedy:
    """For an unknown command, where these names are known beside the layers."""
    if name.id in STATEMENTS:
        return STATEMENTS[name.id], ()
    from cnndsl.habits.layers import SHIPPED, meaning  # which only a mistake needs

    means = meaning(name.id)
    if means is not None and means.word not in SHIPPED:
        return None, (instead(name.span, means.word, safe=not means.given),)
    fixes = meant(name.span, [*known, *all_layers()])
    return None if fixes else "`cnndsl ops` lists the layers", fixes


def value_meant(name: tree.Name, known: Iterable[str]) -> Remedy:
    """For an unknown name in an expression, where these are known."""
    if name.id in _SAME_VALUES:
        word, title = _SAME_VALUES[name.id]
        return None, (Fix(title, (Edit(name.span, word),), safe=True),)
    if name.id in VALUES:
        return VALUES[name.id], ()
    return None, meant(name.span, known, name.id)


def argument_meant(name: tree.Name, known: Iterable[str]) -> Remedy:
    """For an unknown argument of something that takes these."""
    from cnndsl.habits.arguments import DROPPED, INPUTS, same_argument  # as above

    known = list(known)
    same = same_argument(name.id, known)
    if same is not None:
        return None, (Fix(f"that is `{same}`", (Edit(name.span, same),), safe=True),)
    fixes = meant(name.span, known)
    return DROPPED[name.id] if not fixes and name.id in INPUTS else None, fixes
