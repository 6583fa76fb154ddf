"""Vectors that become images of one pixel again: a gate that was computed with linear layers.

The language has no step that does so, and needs none: a linear layer of one pixel is a 1x1 convolution, and all else
treats both alike. So everything from the last image on is made of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from cnndsl.foreign.draft import Kept, Step
from cnndsl.foreign.network import Unread
from cnndsl.ops.base import Op, Shape, show_shape
from cnndsl.ops.convolution import Conv
from cnndsl.ops.linear import Linear
from cnndsl.ops.reshape import Flatten


@dataclass(frozen=True)
class Pixel(Op):
    """A vector as an image of one pixel, until it is known how."""

    word: ClassVar[str] = "pixel"

    def output(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], 1, 1)


def with_pixels(steps: Sequence[Step], outputs: Sequence[int]) -> tuple[list[Step], list[int]]:
    """The steps without `Pixel`, and where the outputs are among them."""
    work = _Work(steps, _wanted(steps))
    for number in range(len(steps)):
        work.take(number)
    return work.done, [work.vector(number) for number in outputs]


def _wanted(steps: Sequence[Step]) -> set[int]:
    """The vectors that have to be pixels: those that become some, and what they are made of."""
    pending = [step.inputs[0] for step in steps if isinstance(step.op, Pixel)]
    found: set[int] = set()
    while pending:
        number = pending.pop()
        step = steps[number]
        if number not in found and len(step.shape) == 1:
            found.add(number)
            if not _ends(steps, step):
                pending += step.inputs
    return found


def _ends(steps: Sequence[Step], step: Step) -> bool:
    """Whether a vector is made of an image."""
    if isinstance(step.op, Linear):
        return isinstance(steps[step.inputs[0]].op, Flatten)
    return isinstance(step.op, Flatten)


class _Work:
    """`pixels` are the new numbers of what is an image of one pixel now, `vectors` of what is one, or was flattened."""

    def __init__(self, steps: Sequence[Step], wanted: set[int]) -> None:
        self.steps, self.wanted = steps, wanted
        self.done: list[Step] = []
        self.new: dict[int, int] = {}
        self.vectors: dict[int, int] = {}

    def take(self, number: int) -> None:
        step = self.steps[number]
        if isinstance(step.op, Pixel):
            self.new[number] = self._pixel(step)
        elif number in self.wanted:
            self.new[number] = self._converted(step)
        else:
            read = self.pixel_or_vector if isinstance(step.op, Linear) else self.vector
            self.new[number] = self._add(replace(step, inputs=tuple(map(read, step.inputs))))

    def vector(self, number: int) -> int:
        """A step as it was: what has become a pixel is flattened."""
        if number not in self.wanted or len(self.done[self.new[number]].shape) == 1:
            return self.new[number]
        if number not in self.vectors:
            before = self.done[self.new[number]]
            self.vectors[number] = self._add(Step(Flatten(), (self.new[number],), before.shape[:1], before.place))
        return self.vectors[number]

    def pixel_or_vector(self, number: int) -> int:
        return self.new[number]

    def _add(self, step: Step) -> int:
        self.done.append(step)
        return len(self.done) - 1

    def _pixel(self, step: Step) -> int:
        source = self.new[step.inputs[0]]
        if len(self.done[source].shape) == 3:
            return source
        shape = (*self.done[source].shape, 1, 1)
        op = Unread("view", step.place.path, shape, "a vector becomes an image")
        return self._add(Step(op, (source,), shape, step.place))

    def _converted(self, step: Step) -> int:
        inputs = [self.new[source] for source in step.inputs]
        shapes = [self.done[source].shape for source in inputs]
        if isinstance(step.op, Flatten) and shapes[0][1:] == (1, 1):
            return inputs[0]
        if isinstance(step.op, Linear):
            return self._convolution(step)
        if any(len(shape) != 3 for shape in shapes) or not shapes or isinstance(step.op, Flatten | Unread):
            return self._add(replace(step, inputs=tuple(map(self.vector, step.inputs))))
        return self._add(replace(step, inputs=tuple(inputs), shape=tuple(step.op.output(*shapes))))

    def _convolution(self, step: Step) -> int:
        """A linear layer as the convolution of all pixels of its image."""
        assert isinstance(step.op, Linear)
        before, source = self.steps[step.inputs[0]], self.new[step.inputs[0]]
        if isinstance(before.op, Flatten) and before.op.order == "chw" and len(self.done[source].shape) == 1:
            source = self.new[before.inputs[0]]
        shape = self.done[source].shape
        if len(shape) != 3:
            return self._add(replace(step, inputs=(source,)))
        sides = None if shape[1:] == (1, 1) else (0, 0, 0, 0)
        op = Conv((shape[1], shape[2]), step.op.features, pad=sides, bias=step.op.bias)
        tensors = {**step.tensors, "weight": reshaped(step.tensors["weight"], (step.op.features, *shape))}
        return self._add(Step(op, (source,), (step.op.features, 1, 1), step.place, tensors))


def reshaped(kept: Kept, shape: Shape) -> Kept:
    """The same values in another shape, which are as the source keeps them if they were."""
    if kept.value.numel() != _count(shape):
        raise ValueError(f"{kept.name} does not have the values of {show_shape(shape)}")
    return kept if kept.shape == shape else replace(kept, value=kept.value.reshape(shape))


def _count(shape: Shape) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
