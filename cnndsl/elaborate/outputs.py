"""What a network gives: what flows at its end, one tensor or several, and its heads."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.place import Flowing, Labels, tensors_of
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
    if x == elaborator.past_head and _is_read(elaborator, x):
        return heads
    if isinstance(x, Tensor):
        return [(MAIN, x, False), *heads]
    return [*_named(x, labels, {name for name, _, _ in heads}), *heads]


def _is_read(elaborator: Elaborator, x: Tensor | Bundle) -> bool:
    """Whether heads are made of what flows past them; what nothing reads is a result of its own."""
    read = {source for node in elaborator.drafts.nodes for source in node.inputs}
    return all(tensor.node in read for tensor in tensors_of(x))


def _named(bundle: Bundle, labels: Labels, taken: set[str]) -> Iterator[Result]:
    """The tensors of a bundle by their labels, which are of use with that; `output1`, `output2` for lack of one."""
    known = {x.node: (name, label.use) for name, label in labels.tensors.items() if isinstance(x := label.x, Tensor)}
    for number, tensor in enumerate(bundle.items, start=1):
        name, use = known.pop(tensor.node, (f"{MAIN}{number}", None))
        if use is not None:
            use.read = True
        while name in taken:
            name += "_"
        taken.add(name)
        yield name, tensor, False
