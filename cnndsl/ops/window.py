"""Which pixels of its input a layer looks at: what the receptive field is made of."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from math import gcd
from typing import Literal

Taps = tuple[int, ...]
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a layer reads along one axis, borders aside.

    Outputs repeat after `len(taps)` of them, by when the layer has moved on by `step` input positions. Output `o`, the
    `r`-th of round `q`, reads the positions `q * step + tap` for the taps of `taps[r]`.
    """

    taps: tuple[Taps, ...] = ((0,),)
    step: int = 1

    def reads(self, output: int) -> Taps:
        """The input positions that an output reads."""
        done, phase = divmod(output, len(self.taps))
        return tuple(done * self.step + tap for tap in self.taps[phase])


HERE = Reach()
NOWHERE = Reach(((),))


@dataclass(frozen=True, slots=True)
class Window:
    """What a layer looks at, down the rows and across the columns.

    everywhere  each value depends on the whole input too: a global pool, `linear`, the statistics of `group_norm`
    channels    of which input channels an output channel is made: one or a group of them, all, or only some are taken
    """

    rows: Reach = HERE
    columns: Reach = HERE
    _: KW_ONLY
    everywhere: bool = False
    channels: Literal["each", "all", "some"] = "each"

    @property
    def stays(self) -> bool:
        """Whether each pixel is made of the one where it stands (and perhaps of all together)."""
        return self.rows == self.columns == HERE


BLIND = Window(NOWHERE, NOWHERE)
"""No pixel at all: numbers that are drawn."""
WHOLE = Window(NOWHERE, NOWHERE, everywhere=True)
"""The whole input, and no part of it more than another."""


def sliding(kernel: Pair, stride: Pair, before: Pair = (0, 0), dilation: Pair = (1, 1)) -> Window:
    """A kernel that slides by `stride`, over an input with `before` = (rows above, columns to the left) of padding."""
    return Window(*map(_slide, kernel, stride, before, dilation))


def _slide(kernel: int, stride: int, before: int, dilation: int) -> Reach:
    return Reach((tuple(tap * dilation - before for tap in range(kernel)),), stride)


def transposed(kernel: Pair, stride: Pair, cropped: Pair, dilation: Pair) -> Window:
    """A sliding kernel backwards: output `o` meets tap `t` if the stride divides `o + cropped - t * dilation`."""
    return Window(*map(_transpose, kernel, stride, cropped, dilation))


def _transpose(kernel: int, stride: int, cropped: int, dilation: int) -> Reach:
    def taps(output: int) -> Taps:
        starts = (output + cropped - tap * dilation for tap in range(kernel))
        return tuple(sorted(start // stride for start in starts if start % stride == 0))

    return Reach(tuple(map(taps, range(stride))))


def repeated(factor: int) -> Reach:
    """Each pixel `factor` times."""
    return Reach(((0,),) * factor)


def interpolated(factor: int) -> Reach:
    """Pixels between the centres of two, `factor` times as many."""
    return Reach(tuple(_between(2 * output + 1 - factor, 2 * factor) for output in range(factor)))


def stretched(size: int, factor: int) -> Reach:
    """`factor` times as many pixels as `size`, the first and the last where they were."""
    if size == 1:
        return Reach(((0,),), 0)
    steps, gaps = size - 1, size * factor - 1
    common = gcd(steps, gaps)
    period = gaps // common
    return Reach(tuple(_between(output * steps, gaps) for output in range(period)), steps // common)


def _between(numerator: int, denominator: int) -> Taps:
    """The pixels around a position that is a fraction."""
    pixel, rest = divmod(numerator, denominator)
    return (pixel, pixel + 1) if rest else (pixel,)


def cut(size: int, parts: int) -> Reach:
    """`size` pixels cut into `parts` windows as even as can be, which overlap where they are not."""
    common = gcd(size, parts)
    ends = ((part * size // parts, -(-(part + 1) * size // parts)) for part in range(parts // common))
    return Reach(tuple(tuple(range(*each)) for each in ends), size // common)
