"""Shapes as others state them: with a batch, with their channels last, with any separator."""

from __future__ import annotations

import re

from cnndsl.habits.foreign_line import Unclear
from cnndsl.habits.order import channels_first
from cnndsl.ops.base import show_shape

_AXIS = r"[-?]?\d+|\?|None|\bN\b|\bB\b|\bbatch(?:_size)?\b|\bbs\b"
_BATCH = re.compile(r"^(?:-1|1|\?|None|N|B|batch|batch_size|bs)$", re.IGNORECASE)
_SHAPE_WORDS = re.compile(
    r"\b(?:shape|size|channels|height|width|input_shape|batch_shape|dims?|by|c|h|w)\b\s*[=:]?|[-?]?\d+|\?"
    r"|None|\bN\b|\bB\b|\bbatch(?:_size)?\b|\bbs\b|[xX×*,，()\[\]:=\s\"']|x(?=\d)",
    re.IGNORECASE,
)


def is_shape(text: str) -> bool:
    """Whether this is a part of a stated shape, and no name."""
    return _SHAPE_WORDS.fullmatch(text) is not None


def shape_meant(text: str) -> tuple[int, ...] | None:
    """`(None, 32, 32, 3)`, `3, 32, 32`, `N x 3 x 32 x 32` as channels, height and width."""
    if _SHAPE_WORDS.sub("", text):
        return None
    axes = re.findall(_AXIS, re.sub(r"(?<=\d)\s*[xX×*]\s*(?=[\d?-])", " ", text))
    if len(axes) in (2, 4) and _BATCH.match(axes[0]):
        axes = axes[1:]
    if len(axes) not in (1, 3) or not all(axis.isdigit() for axis in axes):
        return None
    return channels_first(tuple(map(int, axes)))


def stated(text: str) -> str:
    shape = shape_meant(text)
    if shape is None:
        raise Unclear(text)
    return show_shape(shape)
