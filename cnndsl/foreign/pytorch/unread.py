"""Steps that no layer says: what is said to them, and functions that are none of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnndsl.foreign.curves import at
from cnndsl.foreign.pytorch.program import defaults, sizes, word
from cnndsl.foreign.pytorch.reading import Curve, Flow, NoLayer, Reading, Value, flows_in, kept_in

if TYPE_CHECKING:
    from torch import fx


def unread(reading: Reading, node: fx.Node, given: dict[str, Value], why: str) -> Value:
    """What no layer says, with the shapes that were recorded for it."""
    flows = []
    for each in flows_in(given):
        try:
            flows.append(reading.flow(each))
        except NoLayer as deeper:  # a function that is none we know
            flows.append(unknown(reading, each, str(deeper)))
    several = isinstance(values := node.meta["val"], list | tuple)
    shapes = [tuple(map(int, each.shape)) for each in (values if several else [values])]
    steps = list(dict.fromkeys(flow.step for flow in flows))
    place, said = reading.places[node], _said(node, given)
    kept = {name: each for name, value in given.items() for each in kept_in(value)}
    made = [
        reading.plain(reading.draft.unread(word(node), why, shape[1:], steps, place, facts, kept))
        for shape, facts in (
            (shape, [*said, ("item", index)] if several else said) for index, shape in enumerate(shapes)
        )
    ]
    return made if several else made[0]


def _said(node: fx.Node, given: dict[str, Value]) -> list[tuple[str, object]]:
    """What is said to an operator besides tensors, if it is not what it takes anyway."""
    usual = defaults(node)
    tensors = {name for name, value in given.items() if any(True for _ in (*flows_in(value), *kept_in(value)))}
    return [(name, value) for name, value in given.items() if name not in tensors and value != usual.get(name)]


def unknown(reading: Reading, value: Flow | Curve, why: str) -> Flow:
    """A function that no layer computes, as a step of its own, told from others by some of its values."""
    assert isinstance(value, Curve)
    if value not in reading.settled:
        source, points = next(iter(value.roots.items()))
        flow = source if isinstance(source, Flow) else unknown(reading, source, why)
        node, facts = value.node, [(f"at {number:g}", at(points, number)) for number in (-1.0, 0.5, 2.0)]
        step = reading.draft.unread(word(node), why, sizes(node)[1:], [flow.step], reading.places[node], facts)
        reading.settled[value] = reading.plain(step)
    return reading.settled[value]
