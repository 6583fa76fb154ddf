"""What people are told of a difference: a row for each change, for each number of the whole, and for each part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TypeAlias

from cnndsl.analysis.cost import Cost
from cnndsl.analysis.facts import Facts
from cnndsl.diff.changes import Change, Kind, Place, line_of, path_of
from cnndsl.diff.costs import Block
from cnndsl.diff.difference import Difference
from cnndsl.ops.base import show_shape

Row: TypeAlias = tuple[str, ...]

SIGNS: dict[Kind, str] = {"added": "+", "removed": "-", "changed": "~"}
PLACES = 2  # of one change
NONE = "no difference: the same layers, wired alike"

CHANGES: Row = ("", "change", "where", "lines")
PARTS: Row = ("part", "parameters", "", "MACs", "", "activations", "")


def title(difference: Difference) -> str:
    return f"{difference.old_title} -> {difference.new_title}"


def change_rows(difference: Difference) -> Iterator[Row]:
    """Sign, change, where and at which lines of the old and the new text."""
    for change in difference.changes:
        yield SIGNS[change.kind], _change(change), _places(change.places), _lines(change.places)


def _change(change: Change) -> str:
    times = f"{len(change.places):,} times: " if len(change.places) > 1 else ""
    return times + change.text


def _places(places: tuple[Place, ...]) -> str:
    shown = ", ".join(path_of(place.item) for place in places[:PLACES])
    return shown + (", ..." if len(places) > PLACES else "")


def _lines(places: tuple[Place, ...]) -> str:
    """`resnet.arch:12`, or both lines if they differ; they are those of all places."""
    lines = [PurePath(line_of(item)).name for item in (places[0].old, places[0].new) if item is not None]
    return " -> ".join(dict.fromkeys(lines))


def whole_head(difference: Difference) -> Row:
    return "", difference.old_title, difference.new_title, "change", ""


def whole_rows(difference: Difference) -> Iterator[Row]:
    """Every number of the two networks, and what it grew by."""
    old, new = difference.old, difference.new
    yield "input", _shapes(old), _shapes(new), "", ""
    for name, before, now in (
        ("parameters", old.params, new.params),
        ("MACs", old.macs, new.macs),
        ("activations, bytes", old.cost.activation_bytes, new.cost.activation_bytes),
        ("most of them at once, bytes", old.memory, new.memory),
        ("depth", old.depth, new.depth),
        ("layers", old.nodes, new.nodes),
    ):
        yield name, f"{before:,}", f"{now:,}", *grown(before, now)
    yield "receptive field", _field(old.field.size), _field(new.field.size), "", ""


def _shapes(facts: Facts) -> str:
    return ", ".join(show_shape(node.shape) for node in facts.graph.inputs)


def _field(size: tuple[int, int]) -> str:
    return f"{size[0]:,} x {size[1]:,}"


def grown(before: int, now: int) -> tuple[str, str]:
    """The change in values and as a share: `+1,024` and `+3.1%`."""
    if before == now:
        return "", ""
    return f"{now - before:+,}", f"{(now - before) / before:+.1%}" if before else "new"


def part_rows(difference: Difference) -> Iterator[Row]:
    """The outermost parts whose costs changed: what they cost now, and what that grew by."""
    for block in difference.blocks:
        if block.level == 1 and _cost(block.old) != _cost(block.new):
            yield (
                _part(block),
                f"{block.new.params:,}",
                grown(block.old.params, block.new.params)[0],
                f"{block.new.macs:,}",
                grown(block.old.macs, block.new.macs)[0],
                f"{block.new.activation_bytes:,}",
                grown(block.old.activation_bytes, block.new.activation_bytes)[0],
            )


def _cost(cost: Cost) -> tuple[int, int, int]:
    return cost.params, cost.macs, cost.activation_bytes


def _part(block: Block) -> str:
    if block.rest:
        return "the rest"
    return block.new_path if block.new_path == block.old_path else f"{block.old_path} -> {block.new_path}"
