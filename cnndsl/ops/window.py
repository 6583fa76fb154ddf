"""Which pixels of its input a layer looks at: what the receptive field is made of."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import Literal

from cnndsl.records import dataclass, field

MOST_OUTPUTS = 4_096
"""Of longer patterns no output is looked at by itself."""

Taps = range
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a layer reads along one axis, borders aside.

    They repeat after so many `outputs`, by when the layer has moved on by `step` input positions. Output `o`, the
    `r`-th of round `q`, reads the positions `q * step + tap` for the taps of `taps[r]`. Of too many outputs there is
    one bound for all: output `o` reads some from `o * step / outputs + taps[0][0]` to `... + taps[0][-1]`.
    """

    taps: tuple[Taps, ...] = (range(1),)
    step: int = 1
    outputs: int = 1

    @property
    def exact(self) -> bool:
        """Whether it says of each output what it reads, and not only between what."""
        return len(self.taps) == self.outputs

    def reads(self, output: int) -> Taps:
        """The input positions that an output reads."""
        done, phase = divmod(output, self.outputs)
        taps, moved = self.taps[phase], done * self.step
        return range(taps.start + moved, taps.stop + moved, taps.step)


HERE = Reach()
NOWHERE = Reach((range(0),))


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
    return Reach((range(-before, kernel * dilation - before, dilation),), stride)


def transposed(kernel: Pair, stride: Pair, cropped: Pair, dilation: Pair) -> Window:
    """A sliding kernel backwards: output `o` meets tap `t` if the stride divides `o + cropped - t * dilation`."""
    return Window(*map(_transpose, kernel, stride, cropped, dilation))


def _transpose(kernel: int, stride: int, cropped: int, dilation: int) -> Reach:
    common = gcd(dilation, stride)
    apart = stride // common  # taps that meet the same output

    def taps(output: int) -> Taps:
        start = output + cropped
        if start % common:
            return range(0)
        first = start // common * pow(dilation // common, -1, apart) % apart
        met = range(first, kernel, apart)
        ends = [(start - tap * dilation) // stride for tap in (*met[-1:], *met[:1])]
        return range(ends[0], ends[1] + 1, dilation // common) if met else range(0)

    least = (cropped - (kernel - 1) * dilation) // stride
    return _pattern(stride, 1, taps, least, -(-cropped // stride))


def repeated(before: int, after: int) -> Reach:
    """`after` pixels for each `before`: the nearest ones, again or not at all."""
    common = gcd(before, after)
    period, step = after // common, before // common
    return _pattern(period, step, lambda output: _one(output * step // period), -1, 0)


def interpolated(before: int, after: int, around: int = 1) -> Reach:
    """`after` pixels for each `before`, of positions between their centres: of `around` pixels on each side."""
    common = gcd(before, after)
    period, step = after // common, before // common
    least, most = (step - period) // (2 * period) - around, -((period - step) // (2 * period)) + around

    def taps(output: int) -> Taps:
        return _between((2 * output + 1) * step - period, 2 * period, around)

    return _pattern(period, step, taps, least, most)


def stretched(before: int, after: int, around: int = 1) -> Reach:
    """The same, but the first and the last of `after` pixels are where those of `before` were."""
    if before == 1 or after == 1:
        return Reach(step=0)
    steps, gaps = before - 1, after - 1
    common = gcd(steps, gaps)
    period, step = gaps // common, steps // common
    return _pattern(period, step, lambda output: _between(output * step, period, around), -around, around)


def _between(numerator: int, denominator: int, around: int) -> Taps:
    """The pixels around a position that is a fraction."""
    pixel, rest = divmod(numerator, denominator)
    return range(pixel - around + 1, pixel + around + 1) if rest else _one(pixel)


def _one(pixel: int) -> Taps:
    return range(pixel, pixel + 1)


def cut(size: int, parts: int) -> Reach:
    """`size` pixels cut into `parts` windows as even as can be, which overlap where they are not."""
    common = gcd(size, parts)

    def taps(part: int) -> Taps:
        return range(part * size // parts, -(-(part + 1) * size // parts))

    return _pattern(parts // common, size // common, taps, -1, -(-size // parts))


def _pattern(outputs: int, step: int, taps: Callable[[int], Taps], least: int, most: int) -> Reach:
    """What each of the outputs reads; of too many, that output `o` reads from `least` to `most` around its place."""
    if outputs > MOST_OUTPUTS:
        return Reach((range(least, most + 1),), step, outputs)
    return Reach(tuple(map(taps, range(outputs))), step, outputs)
