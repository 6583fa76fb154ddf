"""What a network gives: what flows at its end, one tensor or several, and its heads."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.place import Flowing, Labels
from cnndsl.elaborate.values import Poison
from cnndsl.ir.node import MAIN

Result = tuple[str, Tensor, bool]  # its name, and whether it exists in training alone


def results(elaborator: Elaborator, x: Flowing, labels: Labels) -> list[Result]:
    """The outputs of a network at whose end `x` flows; none if that failed.

    What a head has read and then flows to the end as it is, is no output of its own, unless `from` asks for it.
    """
    if x is None or isinstance(x, Poison):
        return []
    heads = elaborator.heads
    if x == elaborator.past_head:
        return heads
    if isinstance(x, Tensor):
        return [(MAIN, x, False), *heads]
    return [*_named(x, labels, {name for name, _, _ in heads}), *heads]


def _named(bundle: Bundle, labels: Labels, taken: set[str]) -> Iterator[Result]:
    """The tensors of a bundle by their labels; `output1`, `output2` for lack of one."""
    known = {x.node: name for name, (x, _) in labels.tensors.items() if isinstance(x, Tensor)}
    for number, tensor in enumerate(bundle.items, start=1):
        name = known.pop(tensor.node, f"{MAIN}{number}")
        while name in taken:
            name += "_"
        taken.add(name)
        yield name, tensor, False
