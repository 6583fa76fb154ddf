"""Which sizes of a picture a network takes with the same weights, by its layers' shape rules; what forbids others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cnndsl.backends.torch.recording import place
from cnndsl.errors import ExportError
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import LayerError, Shape, show_shape

STEPS = (1, 2, 4, 8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Fixed:
    """The layer that takes no other size, and why, if the inputs are so large."""

    layer: str
    place: str
    reason: str
    inputs: tuple[Shape, ...]

    def __str__(self) -> str:
        return f"on {_all(self.inputs)} {self.layer} ({self.place}) {self.reason}"


def size_step(graph: Graph) -> int:
    """How far apart the sizes are that the network takes: its own size plus any multiple of this in each direction.

    Raises `ExportError` with the layer that fixes the size.
    """
    flat = next((node.name for node in graph.inputs if len(node.shape) != 3), None)
    if flat is not None:
        raise ExportError(f"height and width cannot stay open: the input {flat} has none")
    fixed = None
    for step in STEPS:
        fixed = next(filter(None, (what_fixes(graph, shapes) for shapes in _larger(graph, step))), None)
        if fixed is None:
            return step
    raise ExportError(f"height and width cannot stay open: {fixed}")


def larger(graph: Graph, rows: int, columns: int) -> list[Shape]:
    """The shapes of the inputs with so many rows and columns more."""
    return [(channels, height + rows, width + columns) for channels, height, width in _images(graph)]


def _images(graph: Graph) -> Iterator[tuple[int, int, int]]:
    for node in graph.inputs:
        channels, height, width = node.shape
        yield channels, height, width


def _larger(graph: Graph, step: int) -> Iterable[list[Shape]]:
    """Some that are a little larger, and one so much that any map is."""
    much = max(max(node.shape) for node in graph.inputs) // step
    return (larger(graph, rows * step, columns * step) for rows, columns in ((1, 0), (0, 1), (3, 1), (much, much + 1)))


def what_fixes(graph: Graph, inputs: Sequence[Shape]) -> Fixed | None:
    """The first layer that with inputs of other shapes is not the same layer; None if there is none."""
    shapes = dict(zip((node.name for node in graph.inputs), inputs, strict=True))
    for node in graph:
        if node.op.arity == 0:
            continue
        given, before = tuple(shapes[name] for name in node.inputs), graph.input_shapes(node)
        try:
            shapes[node.name] = node.op.output(*given)
            other = node.op.torch(*given) != node.op.torch(*before)
        except LayerError as error:
            return Fixed(node.name, place(node), f"fails: {error}", tuple(inputs))
        if other:
            reason = f"is made for {_all(before)} and would get {_all(given)}"
            return Fixed(node.name, place(node), reason, tuple(inputs))
    return None


def _all(shapes: Iterable[Shape]) -> str:
    return " and ".join(map(show_shape, shapes))
