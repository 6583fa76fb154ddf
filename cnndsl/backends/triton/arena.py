"""Offsets of buffers in one arena: large ones first, each at the lowest place that is free while it lives.

Greedy by size, from Pisarchyk and Lee 2020 (Efficient Memory Management for Deep Neural Net Inference, section 5).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from cnndsl.backends.triton.plan import Buffer

ALIGNMENT = 256  # bytes; more than any kernel asks, as CUDA's own allocator gives


def place(buffers: Iterable[Buffer]) -> tuple[Buffer, ...]:
    """The same buffers in the same order, rounded up, with offsets such that none that live together overlap."""
    rounded = [replace(buffer, bytes=-(-buffer.bytes // ALIGNMENT) * ALIGNMENT) for buffer in buffers]
    placed: list[Buffer] = []
    for buffer in sorted(rounded, key=lambda each: -each.bytes):
        beside = [each for each in placed if each.first <= buffer.last and buffer.first <= each.last]
        placed.append(replace(buffer, offset=_lowest(buffer.bytes, beside)))
    by_name = {buffer.name: buffer for buffer in placed}
    return tuple(by_name[buffer.name] for buffer in rounded)


def _lowest(size: int, taken: list[Buffer]) -> int:
    """The first gap of that size."""
    offset = 0
    for each in sorted(taken, key=lambda buffer: buffer.offset):
        if each.offset - offset >= size:
            break
        offset = max(offset, each.offset + each.bytes)
    return offset
