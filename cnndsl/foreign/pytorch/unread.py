"""Steps that no layer says: what is said to them, and functions that are none of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnndsl.foreign.curves import at
from cnndsl.foreign.pytorch.arithmetic import last_step
from cnndsl.foreign.pytorch.program import defaults, word
from cnndsl.foreign.pytorch.reading import Curve, Flow, NoLayer, Reading, Value, flows_in, kept_in

if TYPE_CHECKING:
    from torch import fx


def unread(reading: Reading, node: fx.Node, given: dict[str, Value], why: str) -> Value:
    """What no layer says, with the shapes that were recorded for it."""
    flows = [reading.flow(each) for each in flows_in(given)]
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


def settled(reading: Reading, curve: Curve) -> Flow:
    """What an operator computes that is no function we know: a layer of what it reads, or else a step of its own."""
    try:
        return last_step(reading, curve)
    except NoLayer as why:
        return _unknown(reading, curve, str(why))


def _unknown(reading: Reading, curve: Curve, why: str) -> Flow:
    """A function that no layer computes, told from others by some of its values."""
    root, points = next(iter(curve.roots.items()))
    flow, facts = reading.flow(root), [(f"at {number:g}", at(points, number)) for number in (-1.0, 0.5, 2.0)]
    node, shape = curve.node, reading.shape(flow)
    step = reading.draft.unread(word(node), why, shape, [flow.step], reading.places[node], facts)
    return Flow(step, flow.axes)
