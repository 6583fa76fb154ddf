"""Operators that work in place: which names of which tensor they change."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from cnndsl.foreign.network import Unread
from cnndsl.foreign.pytorch.moving import SAME, TURNS, VIEWS
from cnndsl.foreign.pytorch.program import in_place, sizes, word
from cnndsl.foreign.pytorch.reading import Curve, Flow, NoLayer, Reading, Value

if TYPE_CHECKING:
    from torch import fx

# Operators whose result is a part or a view of what they read.
SHARED = (
    VIEWS | TURNS | {"slice", "select", "narrow", "split", "split_with_sizes", "chunk", "unbind", "expand", "alias"}
)
# Those of which it is the same memory, if they change nothing else.
HANDED_ON = (SHARED | SAME | {"dropout", "feature_dropout"}) - {"clone", "_to_copy", "lift_fresh_copy"}


def require_no_other(reading: Reading, node: fx.Node) -> None:
    """Raise `NoLayer` for an operator in place on a part or a view of a tensor that is read again later."""
    number = reading.places[node].number
    for tensor in _seen_through(node)[1:]:
        if any(user not in reading.places or reading.places[user].number > number for user in tensor.users):
            raise NoLayer("it writes into a part of a tensor")


def _seen_through(node: fx.Node) -> list[fx.Node]:
    """The tensor that an operator in place changes, and those of which that is a part or a view."""
    found = []
    tensor: Any = node.args[0]
    while tensor.op == "call_function":
        found.append(tensor)
        if tensor.target is not operator.getitem and word(tensor) not in SHARED:
            break
        tensor = tensor.args[0]
    return found or [tensor]


def _memory(node: fx.Node) -> fx.Node:
    """The node that made the memory of a tensor."""
    while node.op == "call_function" and (node.target is operator.getitem or in_place(node) or word(node) in HANDED_ON):
        node = node.args[0]  # type: ignore[assignment]
    return node


def overwrite(reading: Reading, node: fx.Node, new: Value) -> None:
    """An operator in place changes what every name of its tensor stands for, but no copy of it."""
    *_, whole = _seen_through(node)
    memory = _memory(node)
    for tensor in (node.args[0], whole):
        old = reading.values[tensor]  # type: ignore[index]
        if isinstance(old, Flow | Curve) and sizes(tensor) == sizes(node):  # type: ignore[arg-type]
            for other, value in reading.values.items():
                if value == old and _memory(other) is memory:
                    reading.values[other] = new
        elif tensor is whole and isinstance(new, Flow) and isinstance(reading.draft.op(new.step), Unread):
            why = "it is written into in part"
            step = reading.draft.unread(word(node), why, sizes(whole)[1:], [new.step], reading.places[node])
            reading.values[whole] = reading.plain(step)
