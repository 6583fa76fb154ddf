"""What a file alone leaves open when its shapes fit: each is a way in which the weights could be read wrongly.

Outputs that are compared answer all of it at once, so none of it is asked then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from cnndsl.alignment.skeleton import Skeleton, Unit
from cnndsl.ops.base import show_shape
from cnndsl.weights.adapt import Move
from cnndsl.weights.files.names import role_of
from cnndsl.weights.transfer import Transfer

SHOWN = 3  # layers of each kind
NO_FILE_SAYS = "activations, strides, padding and eps are in no file"


def open_questions(ours: Skeleton, transfer: Transfer) -> list[str]:
    """A line for each kind of thing that shapes do not tell."""
    moves = {move.ours.name: move for move in transfer.moves}
    units = [unit for unit in ours.units if unit.slots and all(slot.name in moves for slot in unit.slots.values())]
    same_names = all(move.ours.name == move.theirs.name for move in transfer.moves)
    nameless = {name for name, move in moves.items() if role_of(move.theirs.name) is None}
    return [
        *_flattened(ours, units, moves),
        *_square(units),
        *([] if same_names else _alike(units)),
        *_roles(units, nameless),
        NO_FILE_SAYS,
    ]


def _flattened(ours: Skeleton, units: Iterable[Unit], moves: Mapping[str, Move]) -> Iterator[str]:
    for unit in units:
        image, move = ours.flattened(unit), moves[next(iter(unit.slots.values())).name]
        if image and len(move.theirs.shape) == 2:
            assumed = "rows, columns, channels" if move.image else "channels, rows, columns"
            yield f"{unit.name} reads {show_shape(image)} as a vector: {assumed} is assumed, any other order fits too"


def _square(units: Iterable[Unit]) -> Iterator[str]:
    square = [unit.name for unit in units if unit.weighted and len(set(unit.slots["weight"].shape[:2])) == 1]
    if square:
        yield f"as many filters as channels, so that a turned weight would fit too: {_some(square)}"


def _alike(units: Iterable[Unit]) -> Iterator[str]:
    """Layers with equal shapes, the largest group first; small tensors of theirs stand beside them."""
    weighted = sorted((unit for unit in units if unit.weighted), key=_shapes)
    groups = [[unit.name for unit in group] for _, group in groupby(weighted, key=_shapes)]
    alike = [name for group in groups if len(group) > 1 for name in group]
    if alike:
        yield f"equal shapes, told apart by the file's order alone: {_some(alike)}"


def _shapes(unit: Unit) -> list[tuple[int, ...]]:
    return [slot.shape for slot in unit.slots.values()]


def _roles(units: Iterable[Unit], nameless: set[str]) -> Iterator[str]:
    """Tensors of one layer that have one shape and no name that says which is which."""
    found = []
    for unit in units:
        shapes = [slot.shape for slot in unit.slots.values() if slot.name in nameless]
        found += [unit.name] if len(set(shapes)) < len(shapes) else []
    if found:
        yield f"several tensors of one shape, and no names that say which is which: {_some(found)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
