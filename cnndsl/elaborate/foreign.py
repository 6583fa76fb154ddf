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
    "pass": "leave it out: braces may be empty",
    "while": "`repeat n { ... }` and `for x in list { ... }` are the loops",
    "def": "blocks are defined outside networks: `block NAME(PARAMETERS) { ... }`",
    "assert": "`require` checks arguments, `expect` what is known of the network, `: SHAPE` a shape",
    "output": "the tensor that flows at the end is the output; `head NAME { ... }` makes further ones",
}

ARGUMENTS = {
    "in_channels": "input channels are never written: they are those of the current tensor",
    "in_features": "the number of inputs is never written: it is that of the current tensor",
    "ceil_mode": "that is `round=ceil`",
}

_SAME_ARGUMENTS = {
    "out_channels": "filters",
    "out_features": "features",
    "rate": "dilation",
    "negative_slope": "slope",
}

_LAYERS = {
    **dict.fromkeys(("batchnorm", "batchnorm2d", "batch_norm", "batch_normalization"), "bn"),
    **dict.fromkeys(("fc", "fully_connected"), "linear"),
    **dict.fromkeys(("deconv", "convtranspose2d"), "conv_transpose"),
    **dict.fromkeys(("max_pool", "max_pool2d", "pool"), "maxpool"),
    **dict.fromkeys(("avg_pool", "avg_pool2d"), "avgpool"),
    "gap": "global_avgpool",
    "swish": "silu",
    "cat": "concat",
    "skip": "residual",
    "chunk": "split",
    "reshape": "flatten",
}


_NO_OTHER = ("bn", "linear", "conv_transpose", "global_avgpool", "silu")  # of these, what each word means here


def command_meant(name: tree.Name, known: Iterable[str]) -> Remedy:
    """For an unknown command, where these names are known beside the layers."""
    if name.id in STATEMENTS:
        return STATEMENTS[name.id], ()
    if layer := _LAYERS.get(name.id.lower()):
        return None, (instead(name.span, layer, safe=layer in _NO_OTHER),)
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
    known = list(known)
    same = _SAME_ARGUMENTS.get(name.id)
    if same in known:
        return None, (Fix(f"that is `{same}`", (Edit(name.span, same),), safe=True),)
    fixes = meant(name.span, known)
    return None if fixes else ARGUMENTS.get(name.id), fixes
