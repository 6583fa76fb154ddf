"""What a block is called: as its class in the source, or by what it looks like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.structures.bundling import Group
from cnndsl.elaborate.structures.residual import Residual
from cnndsl.lifting.writing.labels import identifier
from cnndsl.lifting.writing.terms import EACH, Body, Command, commands_in
from cnndsl.ops import find
from cnndsl.ops.pooling import Pool


def block_name(parts: Sequence[Command], body: Body, taken: Collection[str]) -> str:
    """A free name for the block of these parts."""
    classes = Counter(part.scope.block for part in parts if part.scope is not None and part.scope.block)
    wanted = snake(classes.most_common(1)[0][0]) if classes else _looks_like(body)
    name, number = wanted, 1
    while name in taken or name in STRUCTURES or find(name) is not None:
        number += 1
        name = f"{wanted}{number}"
    return name


def snake(name: str) -> str:
    """`inverted_residual` for `InvertedResidual`, `conv_bn` for `ConvBN`, `se_block` for `SEBlock`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return identifier(words.lower(), "unit")


def _looks_like(body: Body) -> str:
    """The name that papers have for such a thing."""
    commands = [*commands_in(body)]
    words = [command.word for command in commands]
    merges = [len(command.branches) for command in commands if command.word == "concat"]
    if Group.word in words or EACH in words:
        return "exchange" if Group.word in words else "streams"
    if Residual.word in words:
        return _residual(words)
    if merges and max(merges) > 2:
        return "inception"
    if words[0] == "conv" and merges:
        return "fire"
    if "depthwise" in words:
        return "inverted" if "conv" in words[: words.index("depthwise")] else "separable"
    if "mul" in words and words.count("conv") == 2:
        return "squeeze_excite"
    if _has_pool(commands):
        return "transition" if words[0] == "bn" else "reduction"
    return "convs" if {"conv", "linear"}.intersection(words) else "unit"


def _residual(words: Sequence[str]) -> str:
    if "depthwise" in words:
        return "inverted"
    return {2: "basic", 3: "bottleneck"}.get(words.count("conv"), "unit")


def _has_pool(commands: Sequence[Command]) -> bool:
    kinds = [find(command.word) for command in commands]
    return any(kind is not None and issubclass(kind, Pool) for kind in kinds)
