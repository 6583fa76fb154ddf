"""Slices that take a tensor apart are one call in the source: `x1, x2 = x.chunk(2, dim=1)`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, pairwise

from cnndsl.backends.torch.tree import Layer, Part, Section
from cnndsl.ops.base import TorchExpression
from cnndsl.ops.reshape import ChannelSlice


def join_slices(sections: Iterable[Section]) -> None:
    """Let slices beside each other that leave no channel out be one part of their section, with several outputs."""
    for section in sections:
        section.parts = list(_joined(section.parts))


def _joined(parts: list[Part]) -> Iterator[Part]:
    for _, run in groupby(parts, key=lambda part: part.inputs if _slice_of(part) else part):
        layers = list(run)
        whole = _whole(layers)
        if whole is None:
            yield from layers
        else:
            yield whole


def _whole(parts: list[Part]) -> Layer | None:
    """The slices as one part, if they are all of a tensor, in order."""
    slices = [op for part in parts if (op := _slice_of(part)) is not None]
    first = parts[0]
    if len(slices) < 2 or not isinstance(first, Layer):
        return None
    follows = all(one.stop == other.start for one, other in pairwise(slices))
    if not follows or slices[0].start != 0 or slices[-1].stop != first.input_shapes[0][0]:
        return None
    others = tuple(output for part in parts[1:] for output in part.outputs)
    return replace(first, spelling=_spelling([op.stop - op.start for op in slices]), others=others)


def _spelling(sizes: list[int]) -> TorchExpression:
    if len(set(sizes)) == 1:
        return TorchExpression(f"{{0}}.chunk({len(sizes)}, dim=1)")
    named = {f"size{number}": size for number, size in enumerate(sizes, start=1)}
    return TorchExpression(f"{{0}}.split([{', '.join(f'{{{name}}}' for name in named)}], dim=1)", named)


def _slice_of(part: Part) -> ChannelSlice | None:
    return part.node.op if isinstance(part, Layer) and isinstance(part.node.op, ChannelSlice) else None
