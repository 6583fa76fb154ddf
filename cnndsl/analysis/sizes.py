"""Which sizes of square pictures a network takes, by its shape rules: all, with the same weights, without loss.

Along each axis a layer's output grows with its input in steps of its stride, so that from some size on what happens to
a size happens to those that are the network's stride away from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

from cnndsl.analysis.facts import Facts
from cnndsl.analysis.windows import slide
from cnndsl.errors import Error
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.ops.images import dilated
from cnndsl.records import dataclass


class SizesError(Error):
    """A network without pictures."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What becomes of pictures of a size: the layer that refuses them and why, the first whose weights would have other
    shapes, and the first behind whose last window pixels are left over. None if there is no such layer."""

    size: int
    refused: tuple[str, str] | None = None
    refitted: str | None = None
    losing: str | None = None

    @property
    def legal(self) -> bool:
        return self.refused is None

    @property
    def fits(self) -> bool:
        """Whether the network takes it with the same weights."""
        return self.legal and self.refitted is None

    @property
    def whole(self) -> bool:
        """Whether it is legal, and no pixel is left over."""
        return self.legal and self.losing is None


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes from 1 on, tried up to some that are larger than the network's own and its stride.

    `stride` is how far apart the pixels are, (height, width), at which neighbours of its coarsest map look.
    """

    network: str
    inputs: tuple[Shape, ...]
    stride: tuple[int, int]
    trials: tuple[Trial, ...]

    def those(self, wanted: Callable[[Trial], bool]) -> list[int]:
        return [trial.size for trial in self.trials if wanted(trial)]

    @property
    def smallest(self) -> int | None:
        """The smallest legal size, if any."""
        return next(iter(self.those(lambda trial: trial.legal)), None)


def sizes(graph: Graph) -> Sizes:
    """All sizes of the part that runs outside of training. Raises `SizesError` for a network of vectors."""
    facts = Facts(graph)
    graph = facts.inference
    flat = next((node.name for node in graph.inputs if len(node.shape) != 3), None)
    if flat is not None or not graph.inputs:
        raise SizesError(f"{graph.name} takes no pictures: {f'{flat} has' if flat else 'it has'} no height and width")
    jumps = [facts.fields[node.name].jump for node in graph]
    rows, columns = (max(ceil(jump[axis]) for jump in jumps) for axis in (0, 1))
    largest = max(max(node.shape[1:]) for node in graph.inputs) + 2 * max(rows, columns)
    attempts = Attempts(graph)
    trials = tuple(attempts.at(size) for size in range(1, largest + 1))
    return Sizes(graph.name, tuple(node.shape for node in graph.inputs), (rows, columns), trials)


class Outcome(NamedTuple):
    """What a layer makes of its inputs, or why it refuses them."""

    output: Shape = ()
    refused: str = ""
    refitted: bool = False
    losing: bool = False


class Attempts:
    """Pictures of one size after the other, put through a network; of layers that are alike each is asked once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        kinds: dict[tuple[Op, tuple[Shape, ...]], int] = {}
        self.kinds = [kinds.setdefault((node.op, graph.input_shapes(node)), len(kinds)) for node in graph]
        self.known: dict[tuple[int, tuple[Shape, ...]], Outcome] = {}

    def at(self, size: int) -> Trial:
        """What becomes of pictures of `size` x `size`."""
        shapes: dict[str, Shape] = {}
        refitted = losing = None
        for node, kind in zip(self.graph, self.kinds, strict=True):
            if node.op.arity == 0:
                shapes[node.name] = (node.shape[0], size, size)
                continue
            given = tuple(shapes[name] for name in node.inputs)
            if (kind, given) not in self.known:
                self.known[kind, given] = self._outcome(node, given)
            outcome = self.known[kind, given]
            if outcome.refused:
                return Trial(size, refused=(node.name, outcome.refused))
            shapes[node.name] = outcome.output
            refitted = refitted or (node.name if outcome.refitted else None)
            losing = losing or (node.name if outcome.losing else None)
        return Trial(size, refitted=refitted, losing=losing)

    def _outcome(self, node: Node, given: tuple[Shape, ...]) -> Outcome:
        try:
            output = node.op.output(*given)
        except LayerError as error:
            return Outcome(refused=error.message)
        refitted = node.op.parameters(*given) != node.op.parameters(*self.graph.input_shapes(node))
        return Outcome(output, refitted=refitted, losing=_loses(node, given, output))


def _loses(node: Node, given: tuple[Shape, ...], output: Shape) -> bool:
    """Whether pixels at an end lie behind the last window, and more of them than between two windows."""
    window = slide(node.op, *given) if len(output) == 3 else None
    if window is None or output[1:] == given[0][1:] or output[1] > given[0][1]:
        return False
    extent = dilated(window.kernel, getattr(node.op, "dilation", (1, 1)))
    left = (
        length - ((count - 1) * step - before + reach) - max(0, step - reach)
        for length, count, step, before, reach in zip(
            given[0][1:], output[1:], window.stride, window.pad[::2], extent, strict=True
        )
    )
    return any(pixels > 0 for pixels in left)


def in_words(found: Sequence[int], tried: int, stride: int) -> str:
    """Sizes of those from 1 to `tried`: `224 to 255`, `all from 32`, `32, 64, 96, ... (every 32nd)`, `none`."""
    if not found:
        return "none"
    start = next(iter(_regular(set(found), tried, stride)), None)
    if start is None:
        return ", ".join(_runs(found))
    before = [size for size in found if size < start]
    return ", ".join([*_runs(before), _rule([size for size in found if size >= start], stride)])


def _regular(found: set[int], tried: int, stride: int) -> Iterator[int]:
    """From which size on the last of them repeat; nothing if there are none among the largest."""
    if all(size not in found for size in range(tried - stride + 1, tried + 1)):
        return
    start = tried - stride + 1
    while start > 1 and (start - 1 in found) == (start - 1 + stride in found):
        start -= 1
    yield next(size for size in range(start, tried + 1) if size in found)


def _rule(repeating: list[int], stride: int) -> str:
    """In steps of the least number of pixels that gives them all, which divides the stride."""
    there, last = set(repeating), repeating[-1]
    step = next(
        step
        for step in range(1, stride + 1)
        if stride % step == 0 and all(size + step in there or size + step > last for size in repeating)
    )
    first = repeating[0]
    if step == 1:
        return f"all from {first}"
    among = [size for size in repeating if size < first + step]
    again = [size + step for size in among]
    return f"{', '.join([*_runs(among), *_runs(again)])}, ... (every {step} pixels)"


def _runs(found: Sequence[int]) -> Iterator[str]:
    """`7`, `224 to 255`: neighbours together."""
    start = 0
    for at, size in enumerate(found):
        if at + 1 == len(found) or found[at + 1] != size + 1:
            yield f"{found[start]} to {size}" if at > start else f"{size}"
            start = at + 1
