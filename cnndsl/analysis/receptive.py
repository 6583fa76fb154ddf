"""How much of the input each value depends on: receptive field and jump, by axis.

The recurrence is that of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
2019. Along a chain, a layer with kernel k and stride s makes of field r and jump j

    r' = r + (k - 1) * j        j' = j * s

Upsampling has a stride below one, so it divides the jump. A merge takes the largest of its inputs, which is exact when
the branches are centred alike (half padding) and a lower bound of their union when they are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import Window

Axes = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Field:
    """What one value of a tensor sees: `size` input pixels, `jump` pixels from its neighbour; (height, width).

    `everywhere` says that it sees the whole input, as after global pooling or a linear layer, whatever its size is;
    `size` and `jump` are then what it sees through windows alone. Fields are not cut at the border of the input.
    """

    size: Axes = (1, 1)
    jump: Axes = (1, 1)
    everywhere: bool = False


def receptive_fields(graph: Graph) -> dict[str, Field]:
    """The receptive field of every node by name."""
    found: dict[str, Field] = {}
    for node in graph:
        window = node.op.window(*graph.input_shapes(node))
        found[node.name] = _through(window, _merged(found, node))
    return found


def largest_field(fields: Iterable[Field]) -> tuple[int, int]:
    """The receptive field of a network in (height, width): the most that any of its values sees through windows.

    Global pooling and linear layers see the whole input, and say nothing about the convolutions before them, nor do
    gates made of them about the convolutions behind them; so they do not count. A fraction of a pixel counts as one.
    """
    rows, columns = _largest([field.size for field in fields] or [(1, 1)])
    return ceil(round(rows, 6)), ceil(round(columns, 6))


def _merged(found: dict[str, Field], node: Node) -> Field:
    """What the inputs of a node see together."""
    fields = [found[source] for source in node.inputs] or [Field()]
    if len(fields) == 1:
        return fields[0]
    sizes, jumps = [field.size for field in fields], [field.jump for field in fields]
    return Field(_largest(sizes), _largest(jumps), any(field.everywhere for field in fields))


def _through(window: Window, field: Field) -> Field:
    if window.everywhere:
        return Field(field.size, field.jump, everywhere=True)
    (rows, columns), (down, across), (high, wide) = window.extent, field.jump, field.size
    return Field(
        (high + (rows - 1) * down, wide + (columns - 1) * across),
        (down * window.step[0], across * window.step[1]),
        field.everywhere,
    )


def _largest(pairs: list[Axes]) -> Axes:
    return max(rows for rows, _ in pairs), max(columns for _, columns in pairs)
