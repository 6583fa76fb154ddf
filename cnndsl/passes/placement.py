"""A fact for a plan that no rewrite expresses: which producers can write straight into the buffer of a concat."""

from __future__ import annotations

from collections.abc import Container

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.merge import Concat
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.passes.notes import Notes
from cnndsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Slice:
    """A tensor as channels `start` up to and without `stop` of the buffer of `concat`."""

    concat: str
    start: int
    stop: int


def concat_slices(
    graph: Graph, notes: Notes | None = None, leave_out: Container[str] = frozenset()
) -> dict[str, Slice]:
    """By producer, the slice it can write instead of a tensor of its own; `leave_out` are concats that need no buffer.

    A tensor has one place: of several concats that read it the last takes it (which for a dense block, where each
    concat holds the one before, makes one buffer of them all), and another one copies. An input of the network has its
    place already, a slice of a merged convolution is part of that one's tensor, and a tensor that a concat
    reads twice is written once and copied.
    """
    notes = notes or Notes()
    found: dict[str, Slice] = {}
    for node in graph:
        if not isinstance(node.op, Concat) or node.name in leave_out:
            continue
        stop = 0
        for name in node.inputs:
            start, stop = stop, stop + graph[name].shape[0]
            reason = _why_copied(graph, node, name)
            if reason is None:
                if name in found:
                    notes.declined(found[name].concat, f"{name} lies in {node.name} and is copied")
                found[name] = Slice(node.name, start, stop)
            else:
                notes.declined(node.name, reason)
    return found


def _why_copied(graph: Graph, node: Node, name: str) -> str | None:
    if graph[name].op.arity == 0:
        return f"{name} is an input of the network and is copied"
    if isinstance(graph[name].op, ChannelSlice):
        return f"{name} is part of {graph[name].inputs[0]} and is copied, unless that kernel writes it twice"
    if node.inputs.count(name) > 1:
        return f"{name} is read twice and is copied"
    return None
