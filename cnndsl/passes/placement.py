"""Facts for a plan that no rewrite expresses: where tensors may lie, and which layers may share a kernel.

`concat_slices` says which producers can write straight into the buffer of a concat, and `chains` which runs of
layers can be computed tile by tile without their middle tensors. A backend decides what it makes of them.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused
from cnndsl.ops.merge import Concat
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.passes.notes import Notes


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


def chains(graph: Graph) -> Iterator[tuple[str, ...]]:
    """Runs of convolutions, each the only reader of the one before, the first of any kernel and the others 1x1.

    A tile of the first gives a tile of the last, so the tensors between need never be whole (3x3 then 1x1 then the
    next block's 1x1). Runs of one are left out, and every convolution is in one run at most. A sum may end a member.
    """
    taken: set[str] = set()
    for node in graph:
        run = [node] if _plain(node, kernel=False) and node.name not in taken else []
        while run and (following := _following(graph, run[-1])) is not None:
            run.append(following)
        if len(run) > 1:
            taken.update(each.name for each in run)
            yield tuple(each.name for each in run)


def fire_chains(graph: Graph) -> Iterator[tuple[tuple[str, ...], str]]:
    """Concats of convolutions that one 1x1 alone reads: (what is stacked, the 1x1): expand, then the next squeeze."""
    for node in graph:
        if isinstance(node.op, Concat) and not graph.is_output(node.name):
            readers = graph.consumers(node.name)
            alone = all(graph.consumers(name) == (node,) and not graph.is_output(name) for name in node.inputs)
            stacked = all(_plain(graph[name], kernel=False) for name in node.inputs)
            if alone and stacked and len(readers) == 1 and _plain(readers[0], kernel=True):
                yield node.inputs, readers[0].name


def _following(graph: Graph, node: Node) -> Node | None:
    readers: Mapping[int, Node] = dict(enumerate(graph.consumers(node.name)))
    if len(readers) != 1 or graph.is_output(node.name) or readers[0].inputs[0] != node.name:
        return None
    return readers[0] if _plain(readers[0], kernel=True) and readers[0].inputs.count(node.name) == 1 else None


def _plain(node: Node, *, kernel: bool) -> bool:
    """Is it an ungrouped convolution; with `kernel`, a 1x1 of stride 1?"""
    core = node.op.core if isinstance(node.op, Fused) else node.op
    if not isinstance(core, Conv) or core.groups > 1:
        return False
    return not kernel or (core.kernel == (1, 1) and core.stride == (1, 1) and not any(core.sides))
