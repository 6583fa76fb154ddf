"""How a tensor of a file lies on a tensor of ours, so that steps that only move values need no layers.

Each axis of theirs is a row of atoms, from the slowest to the fastest, and each atom a part of an axis of ours (batch,
channels, height, width). Transposing permutes axes, reshaping cuts and joins them; what comes in and out of NHWC
cancels, and what is left in the end has a layer's name: `flatten`, `channel_shuffle`, `pixel_shuffle`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.base import Op
from cnndsl.ops.reshape import ORDERS, ChannelShuffle, Flatten, PixelShuffle, PixelUnshuffle

BATCH, CHANNELS, HEIGHT, WIDTH = range(4)
REPEATED = -1  # the axis of an atom along which all values are the same


@dataclass(frozen=True, slots=True)
class Atom:
    """`size` positions of our `axis`, which are `step` apart there."""

    axis: int
    size: int
    step: int = 1

    def cut(self, size: int) -> tuple[Atom, Atom]:
        """A slow part of that size, and the fast rest."""
        rest = self.size // size
        return Atom(self.axis, size, self.step * rest), Atom(self.axis, rest, self.step)


Axis: TypeAlias = tuple[Atom, ...]
Axes: TypeAlias = tuple[Axis, ...]


def plain(dims: Sequence[int]) -> Axes:
    """Axis for axis as ours; axes of size 1 are empty."""
    return tuple(axis_of(Atom(axis, size)) for axis, size in enumerate(dims))


def axis_of(*atoms: Atom) -> Axis:
    """An axis of these, in the one form that equal axes have."""
    joined: list[Atom] = []
    for atom in (atom for atom in atoms if atom.size > 1):
        before = joined[-1] if joined else None
        if before is not None and before.axis == atom.axis and before.step == atom.size * atom.step:
            joined[-1] = Atom(atom.axis, before.size * atom.size, atom.step)
        else:
            joined.append(atom)
    return tuple(joined)


def sizes(axes: Axes) -> tuple[int, ...]:
    return tuple(prod(atom.size for atom in axis) for axis in axes)


def repeated(axes: Axes, wanted: Sequence[int]) -> Axes:
    """The axes where those of size 1 are repeated."""
    pairs = zip(axes, wanted, strict=True)
    return tuple((Atom(REPEATED, size, 0),) if not axis and size > 1 else axis for axis, size in pairs)


def unrepeated(axes: Axes) -> Axes:
    return tuple(tuple(atom for atom in axis if atom.axis != REPEATED) for axis in axes)


def reshaped(axes: Axes, dims: Sequence[int]) -> Axes:
    """The same values in order, with other borders. Raises `Unreadable` where a border would cut unevenly."""
    if prod(sizes(axes)) != prod(dims):
        raise Unreadable(f"{prod(sizes(axes))} values do not make {' x '.join(map(str, dims))}")
    left = [atom for axis in axes for atom in axis]
    return tuple(axis_of(*_take(left, size)) for size in dims)


def _take(left: list[Atom], size: int) -> Iterator[Atom]:
    """Take atoms of together `size` from the front of `left`."""
    while size > 1:
        atom = left.pop(0)
        if size % atom.size == 0:
            size //= atom.size
            yield atom
        elif atom.size % size == 0:
            first, rest = atom.cut(size)
            left.insert(0, rest)
            yield first
            return
        else:
            raise Unreadable("its axes are cut into parts that are no whole axes")


def spread(axes: Axes, values: Any, channels: int) -> Any:
    """An array that is broadcast to the tensor's axes, as a table of our channels and all else it varies along."""
    import numpy as np

    atoms = [atom for axis in axes for atom in axis]
    whole = np.broadcast_to(values, sizes(axes)).reshape([atom.size for atom in atoms])
    order = sorted(range(len(atoms)), key=lambda index: (atoms[index].axis != CHANNELS, -atoms[index].step))
    return whole.transpose(order).reshape(channels, -1)


def layers(axes: Axes, dims: Sequence[int]) -> tuple[Op, ...]:
    """The layers that move values of an image of ours, of `dims` with its batch, to where the axes have them."""
    if axes == plain(dims):
        return ()
    for candidates in _candidates(axes, dims):
        moved, at = plain(dims), tuple(dims)
        for op in candidates:
            moved = MOVES[type(op)](moved, op)
            at = (at[0], *op.output(at[1:]))
        if moved == axes:
            return candidates
    raise Unreadable("no layer moves values so")


def _candidates(axes: Axes, dims: Sequence[int]) -> Iterator[tuple[Op, ...]]:
    if len(dims) != 4:
        return
    if len(axes) == 2:
        yield from ((Flatten(order=order),) for order in ORDERS)
    elif len(axes) == 4:
        yield from _shuffles(axes, dims[CHANNELS])
        yield from _blocks(axes, dims)


def _shuffles(axes: Axes, channels: int) -> Iterator[tuple[Op, ...]]:
    """The last part of the channels is their old groups."""
    if len(axes[1]) == 2:
        yield (ChannelShuffle(axes[1][-1].size),)


def _blocks(axes: Axes, dims: Sequence[int]) -> Iterator[tuple[Op, ...]]:
    """PyTorch has the channel before the place in a block, TensorFlow the place first."""
    (_, channels, height, _), after = dims, sizes(axes)
    larger, smaller = after[2] // height, height // after[2]
    if larger > 1 and channels % larger**2 == 0:
        yield (PixelShuffle(larger),)
        yield ChannelShuffle(larger**2), PixelShuffle(larger)
    if smaller > 1 and not height % smaller and not dims[WIDTH] % smaller:
        yield (PixelUnshuffle(smaller),)
        yield PixelUnshuffle(smaller), ChannelShuffle(channels)


def _flattened(axes: Axes, op: Any) -> Axes:
    order = ("chw".index(axis) + 1 for axis in op.order)
    return (axes[0], axis_of(*(atom for axis in order for atom in axes[axis])))


def _shuffled(axes: Axes, op: Any) -> Axes:
    batch, channels, *rest = axes
    groups, each = reshaped((channels,), (op.groups, prod(sizes((channels,))) // op.groups))
    return (batch, axis_of(*each, *groups), *rest)


def _pixels_shuffled(axes: Axes, op: Any) -> Axes:
    batch, channels, height, width = axes
    f = op.factor
    kept, rows, columns = reshaped((channels,), (prod(sizes((channels,))) // f**2, f, f))
    return batch, kept, axis_of(*height, *rows), axis_of(*width, *columns)


def _pixels_unshuffled(axes: Axes, op: Any) -> Axes:
    batch, channels, height, width = axes
    (_, _, rows, columns), f = sizes(axes), op.factor
    height, down = reshaped((height,), (rows // f, f))
    width, across = reshaped((width,), (columns // f, f))
    return batch, axis_of(*channels, *down, *across), height, width


MOVES: dict[type[Op], Any] = {
    Flatten: _flattened,
    ChannelShuffle: _shuffled,
    PixelShuffle: _pixels_shuffled,
    PixelUnshuffle: _pixels_unshuffled,
}
