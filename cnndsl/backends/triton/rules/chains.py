"""Convolutions that one kernel computes tile by tile, so that the tensors between them never exist.

3x3 then 1x1 with its sum or projection, then perhaps the next block's 1x1 (ResNet's first stages); a fire module's
merged expansions and the next squeeze. The tiles are as wide as all filters, so only narrow layers qualify, and a chain
has fewer tiles than its parts would have. It is taken where it was measured to be faster than its parts, else where it
is by the model that chooses tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.plan import Packed, Tensor
from cnndsl.backends.triton.rules.convolutions import (
    inner_problem,
    is_stack,
    joined,
    joined_problem,
    joined_weights,
    plain_problem,
    second_source,
)
from cnndsl.ir.graph import Graph, Node
from cnndsl.kernels import choice
from cnndsl.kernels.families import chain, conv_gemm
from cnndsl.kernels.tails import steps
from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import LAUNCH
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused
from cnndsl.ops.reshape import ChannelSlice

REACH = 2.0  # how far off the model may be: chains that it sees as so much slower are not even measured


@dataclass(frozen=True)
class Chain:
    """`first`, of any kernel, then `second`, 1x1, then `last`, 1x1, if there is one; by their names.

    keep  whether others read the result of `second`
    """

    first: str
    second: str
    last: str | None = None
    keep: bool = True

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(name for name in (self.first, self.second, self.last) if name is not None)

    @property
    def absorbed(self) -> set[str]:
        """Those whose results never exist."""
        return {self.first} if self.keep else {self.first, self.second}


def find_chains(building: Building) -> dict[str, Chain]:
    """Chains that pay, each by the name of its second convolution; every tensor still has its place."""
    found: dict[str, Chain] = {}
    taken: set[str] = set()
    for candidate in _wide(building):
        if taken.isdisjoint(candidate.members):
            reason = _why_not(building, candidate)
            if reason is None:
                found[candidate.second] = candidate
                taken.update(candidate.members)
                *others, into = candidate.members
                building.notes.fused(into, *others, how="computed tile by tile in one kernel")
            else:
                building.notes.declined(candidate.second, reason)
    return found


def open_problems(building: Building) -> Iterator[tuple[str, chain.Problem | conv_gemm.Problem]]:
    """What has to be measured, by kernel, to decide about all chains that may pay."""
    for candidate in _wide(building):
        problem = _problem(building, candidate)
        parts = _parts(building, candidate)
        if chain.refusal(problem) is None and _modelled_ratio(problem, parts, building.target) < REACH:
            yield "chain", problem
            yield from (("conv_gemm", part) for part in parts)


def _wide(building: Building) -> Iterator[Chain]:
    """Candidates between whose tensors none has 8 bits, which the kernel does not know."""
    for candidate in _candidates(building.graph):
        if not any(part.scaled for part in _parts(building, candidate)):
            yield candidate


def _candidates(graph: Graph) -> Iterator[Chain]:
    """Longer ones first where two begin alike."""
    for node in graph:
        if _plain(node) is None or _adds(node):
            continue
        second = _only_reader(graph, node)
        if second is None or _pointwise(graph, second) is None:
            continue
        last = _next(graph, second)
        if last is not None:
            alone = graph.consumers(second.name) == (last,) and not graph.is_output(second.name)
            yield Chain(node.name, second.name, last.name, keep=not alone)
        yield Chain(node.name, second.name)


def _plain(node: Node) -> Conv | None:
    """An ungrouped convolution that reads one input as it is."""
    return None if joined(node) else _ungrouped(node)


def _ungrouped(node: Node) -> Conv | None:
    """The same of one input or two joined ones."""
    op = node.op
    if not isinstance(op, Fused) or not isinstance(op.core, Conv) or op.prologue or op.pooled:
        return None
    return op.core if op.core.groups == 1 else None


def _pointwise(graph: Graph, node: Node) -> Conv | None:
    """A 1x1 of stride 1 with one output."""
    core = _ungrouped(node)
    if core is None or core.kernel != (1, 1) or core.stride != (1, 1) or any(core.sides):
        return None
    sliced = any(isinstance(reader.op, ChannelSlice) for reader in graph.consumers(node.name))
    return None if sliced else core


def _adds(node: Node) -> bool:
    return isinstance(node.op, Fused) and node.op.adds


def _tail(node: Node) -> tuple[str, ...]:
    assert isinstance(node.op, Fused)
    return steps(node.op.epilogue)


def _only_reader(graph: Graph, node: Node) -> Node | None:
    """The layer that alone reads a node, as what it convolves: through a stack if it has two sources."""
    readers = graph.consumers(node.name)
    if len(readers) != 1 or graph.is_output(node.name) or readers[0].inputs.count(node.name) > 1:
        return None
    (reader,) = readers
    beyond = graph.consumers(reader.name)
    if is_stack(reader, beyond) and not graph.is_output(reader.name):
        return beyond[0]
    return reader if reader.inputs[0] == node.name else None


def _next(graph: Graph, second: Node) -> Node | None:
    """The first 1x1 that reads the second."""
    for reader in graph.consumers(second.name):
        if _pointwise(graph, reader) is not None and not joined(reader) and not _adds(reader):
            return reader
    return None


def _shortcut(graph: Graph, candidate: Chain) -> Node | None:
    """The other source of the second, if that is a joined convolution."""
    second = graph[candidate.second]
    sources = graph[second.inputs[0]].inputs if joined(second) else ()
    return next((graph[name] for name in sources if name != candidate.first), None)


def _why_not(building: Building, candidate: Chain) -> str | None:
    problem, parts = _problem(building, candidate), _parts(building, candidate)
    refusal = chain.refusal(problem)
    if refusal is not None:
        return refusal
    ratio, source = _measured_ratio(building, problem, parts), "as measured"
    if ratio is None:
        ratio, source = _modelled_ratio(problem, parts, building.target), "by the model"
    return f"computed tile by tile it would take {ratio:.2f} of the time {source}" if ratio > 1 else None


def _measured_ratio(building: Building, problem: chain.Problem, parts: list[conv_gemm.Problem]) -> float | None:
    """The time of a chain relative to that of its parts, each by what is chosen for it; None if one is not known."""
    together = building.choose("chain", problem, building.target).seconds
    apart = [building.choose("conv_gemm", part, building.target).seconds for part in parts]
    known = [seconds for seconds in apart if seconds is not None]
    return together / sum(known) if together is not None and len(known) == len(apart) else None


def _modelled_ratio(problem: chain.Problem, parts: list[conv_gemm.Problem], target: Target) -> float:
    return _modelled("chain", problem, target) / sum(_modelled("conv_gemm", part, target) for part in parts)


def _modelled(kernel: str, problem: chain.Problem | conv_gemm.Problem, target: Target) -> float:
    """Seconds of a launch by what would be chosen for it."""
    return LAUNCH + choice.seconds(choice.suggest(kernel, problem, target), problem, target)


def _parts(building: Building, candidate: Chain) -> list[conv_gemm.Problem]:
    return [_alone(building, building.graph[name]) for name in candidate.members]


def _alone(building: Building, node: Node) -> conv_gemm.Problem:
    if not joined(node):
        return plain_problem(building, node)
    first, second = (building.graph[name] for name in building.graph[node.inputs[0]].inputs)
    return joined_problem(building, node, first, second)


def _problem(building: Building, candidate: Chain) -> chain.Problem:
    graph = building.graph
    second = graph[candidate.second]
    last = graph[candidate.last] if candidate.last else None
    shortcut = _shortcut(graph, candidate)
    return chain.Problem(
        inner_problem(building, graph[candidate.first]),
        second.shape[0],
        building.view(candidate.second).leading if candidate.keep else 0,
        _tail(second),
        building.input(second, 1).leading if _adds(second) else None,
        last=last.shape[0] if last else 0,
        last_tail=_tail(last) if last else (),
        z_leading=building.view(last.name).leading if last else 0,
        keep=candidate.keep,
        bias=_has_bias(second),
        last_bias=last is not None and _has_bias(last),
        second=second_source(building, shortcut)[0] if shortcut else None,
    )


def _has_bias(node: Node) -> bool:
    core = _ungrouped(node)
    return core is not None and core.bias is not False


def lower_chain(building: Building, found: Chain) -> None:
    graph = building.graph
    first, second = graph[found.first], graph[found.second]
    problem = _problem(building, found)
    x = building.filled(building.input(first))
    tensors: dict[str, Tensor | None] = {
        "x": x,
        "residual": building.input(second, 1) if _adds(second) else None,
        "y": building.view(found.second) if found.keep else None,
        "z": building.view(found.last) if found.last else None,
    }
    tensors |= _weights(building, first, "w1", "bias1", x.channels)
    tensors |= _seconds_weights(building, found, problem)
    if found.last:
        tensors |= _weights(building, graph[found.last], "w3", "bias3", problem.filters)
    building.launch("chain", problem, tensors, *found.members)


def _seconds_weights(building: Building, found: Chain, problem: chain.Problem) -> dict[str, Tensor | None]:
    """Weights and bias of the second, with the projection that is added to it."""
    second, shortcut = building.graph[found.second], _shortcut(building.graph, found)
    if shortcut is None or problem.second is None:
        return {**_weights(building, second, "w2", "bias2", problem.first.filters)}
    channels = {found.first: problem.first.filters, shortcut.name: problem.second.channels}
    sources = building.graph[second.inputs[0]].inputs
    weights = dict(
        zip(sources, joined_weights(building, second, building.dtype, *map(channels.__getitem__, sources)), strict=True)
    )
    bias = building.vector(second, "bias", problem.filters) if problem.bias else None
    x2 = second_source(building, shortcut)[1]
    return {"w2": weights[found.first], "bias2": bias, "projection": weights[shortcut.name], "x2": x2}


def _weights(building: Building, node: Node, weight: str, bias: str, channels: int) -> dict[str, Packed | None]:
    """Weights and bias of one convolution."""
    core = _plain(node)
    assert core is not None
    shape = (core.filters, *core.kernel, channels)
    vector = building.vector(node, "bias", core.filters) if _has_bias(node) else None
    return {weight: building.weight(node, "weight", shape, "pixels_last", channels), bias: vector}
