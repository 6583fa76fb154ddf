"""Words that people bring along from other languages and frameworks, and what is meant by them here."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.diagnostics.suggest import closest
from cnndsl.ops import all_layers

VALUES = {
    "True": "write `true`",
    "False": "write `false`",
    **dict.fromkeys(("None", "none", "null"), "there is no such value: leave the argument out"),
    **dict.fromkeys(("flops", "FLOPs", "madds"), "`macs` counts multiply-accumulates"),
    "parameters": "`params` counts learned values",
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
    "out_channels": "that is `filters`",
    "out_features": "that is `features`",
    "ceil_mode": "that is `round=ceil`",
    "rate": "that is `dilation`",
    "negative_slope": "that is `slope`",
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
    "reshape": "flatten",
}


def command_meant(name: str, known: Iterable[str]) -> str:
    """The help for an unknown command, where these names are known beside the layers."""
    if name in STATEMENTS:
        return STATEMENTS[name]
    guess = _LAYERS.get(name.lower()) or closest(name, [*known, *all_layers()])
    return f"did you mean `{guess}`?" if guess else "`cnndsl ops` lists the layers"
