"""Which pixels of its input a layer looks at: what the receptive field is made of."""

from __future__ import annotations

from math import gcd
from typing import Literal

from cnndsl.records import dataclass, field

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
    everywhere: bool = field(default=False, kw_only=True)
    channels: Literal["each", "all", "some"] = field(default="each", kw_only=True)

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


def repeated(before: int, after: int) -> Reach:
    """`after` pixels for each `before`: the nearest ones, again or not at all."""
    common = gcd(before, after)
    period, step = after // common, before // common
    return Reach(tuple((output * step // period,) for output in range(period)), step)


def interpolated(before: int, after: int, around: int = 1) -> Reach:
    """`after` pixels for each `before`, of positions between their centres: of `around` pixels on each side."""
    common = gcd(before, after)
    period, step = after // common, before // common
    outputs = range(period)
    return Reach(tuple(_between((2 * each + 1) * step - period, 2 * period, around) for each in outputs), step)


def stretched(before: int, after: int, around: int = 1) -> Reach:
    """The same, but the first and the last of `after` pixels are where those of `before` were."""
    if before == 1 or after == 1:
        return Reach(((0,),), 0)
    steps, gaps = before - 1, after - 1
    common = gcd(steps, gaps)
    period, step = gaps // common, steps // common
    return Reach(tuple(_between(output * step, period, around) for output in range(period)), step)


def _between(numerator: int, denominator: int, around: int) -> Taps:
    """The pixels around a position that is a fraction."""
    pixel, rest = divmod(numerator, denominator)
    return tuple(range(pixel - around + 1, pixel + around + 1)) if rest else (pixel,)


def cut(size: int, parts: int) -> Reach:
    """`size` pixels cut into `parts` windows as even as can be, which overlap where they are not."""
    common = gcd(size, parts)
    ends = ((part * size // parts, -(-(part + 1) * size // parts)) for part in range(parts // common))
    return Reach(tuple(tuple(range(*each)) for each in ends), size // common)
