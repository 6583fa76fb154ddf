"""Convolutions that one kernel computes tile by tile, so that the tensors between them never exist.

3x3 then 1x1 with its sum, then perhaps the next block's 1x1 (ResNet's first stages); a fire module's two expansions
and the next squeeze. The tiles are as wide as all filters, so only narrow layers qualify, and a chain has fewer tiles
than its parts would have: it is taken where the traffic that it saves outweighs that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.plan import Packed, Tensor
from cnndsl.backends.triton.rules.convolutions import is_stack, joined
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import apply
from cnndsl.kernels import chain, conv_gemm
from cnndsl.kernels.specialization import ceil_div
from cnndsl.kernels.tails import steps
from cnndsl.kernels.targets import Target
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused
from cnndsl.ops.merge import Concat
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.passes.notes import Notes

LAUNCH = 1.5e-6  # seconds that one more launch costs in a CUDA graph
GAIN = 0.9  # a chain has to be so much faster by the model, which knows nothing of its smaller tiles' reuse


@dataclass(frozen=True)
class Chain:
    """`first`, of any kernel, then `second`, 1x1, then `last`, 1x1, if there is one; by their names.

    beside  a 1x1 convolution of the same input, before `first` in the `concat` of both
    keep    whether others read the result of `second`
    """

    first: str
    second: str
    last: str | None = None
    keep: bool = True
    beside: str | None = None
    concat: str | None = None

    @property
    def members(self) -> tuple[str, ...]:
        every = (self.beside, self.first, self.concat, self.second, self.last)
        return tuple(name for name in every if name is not None)

    @property
    def absorbed(self) -> set[str]:
        """Those whose results never exist."""
        inner = {self.beside, self.first, self.concat, None if self.keep else self.second}
        return {name for name in inner if name is not None}


def find_chains(graph: Graph, batch: int, target: Target, dtype: str, notes: Notes) -> dict[str, Chain]:
    """Chains that pay, each by the name of its second convolution."""
    found: dict[str, Chain] = {}
    taken: set[str] = set()
    for candidate in _candidates(graph):
        if taken.isdisjoint(candidate.members):
            reason = _why_not(graph, candidate, batch, target, dtype)
            if reason is None:
                found[candidate.second] = candidate
                taken.update(candidate.members)
                *others, into = (name for name in candidate.members if name != candidate.concat)
                notes.fused(into, *others, how="computed tile by tile in one kernel")
            else:
                notes.declined(candidate.second, reason)
    return found


def _candidates(graph: Graph) -> Iterator[Chain]:
    """Longer ones first where two begin alike."""
    for node in graph:
        if isinstance(node.op, Concat):
            pair = _fire(graph, node)
        elif _plain(node) is not None and not _adds(node):
            pair = Chain(node.name, "")
        else:
            continue
        second = _only_reader(graph, node) if pair else None
        if pair is None or second is None or _pointwise(graph, second) is None:
            continue
        pair = replace(pair, second=second.name)
        last = _next(graph, second)
        if last is not None:
            alone = graph.consumers(second.name) == (last,) and not graph.is_output(second.name)
            yield replace(pair, last=last.name, keep=not alone)
        yield pair


def _fire(graph: Graph, concat: Node) -> Chain | None:
    """Two convolutions of one input with the same tail: a 1x1 and after it another."""
    if len(concat.inputs) != 2:
        return None
    one, other = (graph[name] for name in concat.inputs)
    first, wide = _plain(one), _plain(other)
    if first is None or wide is None or first.kernel != (1, 1) or any(first.sides) or _adds(one) or _adds(other):
        return None
    alike = one.inputs == other.inputs and first.stride == wide.stride and _tail(one) == _tail(other)
    alone = all(graph.consumers(each.name) == (concat,) and not graph.is_output(each.name) for each in (one, other))
    return Chain(other.name, "", beside=one.name, concat=concat.name) if alike and alone else None


def _plain(node: Node) -> Conv | None:
    """An ungrouped convolution that reads one input as it is."""
    op = node.op
    if not isinstance(op, Fused) or not isinstance(op.core, Conv) or op.prologue or joined(node):
        return None
    return op.core if op.core.groups == 1 else None


def _pointwise(graph: Graph, node: Node) -> Conv | None:
    """A plain 1x1 of stride 1 with one source and one output."""
    core = _plain(node)
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
    readers = graph.consumers(node.name)
    if len(readers) != 1 or graph.is_output(node.name) or is_stack(readers[0], graph.consumers(readers[0].name)):
        return None
    (reader,) = readers
    return reader if reader.inputs[0] == node.name and reader.inputs.count(node.name) == 1 else None


def _next(graph: Graph, second: Node) -> Node | None:
    """The first 1x1 that reads the second."""
    for reader in graph.consumers(second.name):
        if _pointwise(graph, reader) is not None and not _adds(reader):
            return reader
    return None


def _why_not(graph: Graph, candidate: Chain, batch: int, target: Target, dtype: str) -> str | None:
    problem = _sketch(graph, candidate, batch, dtype)
    refusal = chain.refusal(problem)
    if refusal is not None:
        return refusal
    config = chain.suggest(problem, target)
    together = _modelled(problem, ceil_div(problem.pixels, config.block_m), target)
    apart = sum(_modelled(each, _blocks(each, target), target) for each in _apart(graph, candidate, batch, dtype))
    if together > GAIN * apart:
        return f"computed tile by tile it would take {together / apart:.2f} of the time by the model"
    return None


def _modelled(problem: chain.Problem | conv_gemm.Problem, blocks: int, target: Target) -> float:
    """Seconds by the roofline, where too few blocks leave multiprocessors idle."""
    work = problem.work()
    busy = min(1.0, blocks / target.units)
    return LAUNCH + target.seconds(work.bytes, work.flops / busy)


def _blocks(problem: conv_gemm.Problem, target: Target) -> int:
    config = conv_gemm.suggest(problem, target)
    return ceil_div(problem.pixels, config.block_m) * ceil_div(problem.filters, config.block_n) * config.splits


def _apart(graph: Graph, candidate: Chain, batch: int, dtype: str) -> Iterator[conv_gemm.Problem]:
    names = (candidate.beside, candidate.first, candidate.second, candidate.last)
    return (_one(graph, graph[name], batch, dtype) for name in names if name is not None)


def _one(graph: Graph, node: Node, batch: int, dtype: str) -> conv_gemm.Problem:
    """A convolution alone, as if every tensor had a buffer of its own."""
    core = _plain(node)
    assert core is not None
    channels, height, width = graph[node.inputs[0]].shape
    return conv_gemm.Problem(
        dtype,  # type: ignore[arg-type]
        batch,
        height,
        width,
        channels,
        core.filters,
        channels,
        core.filters,
        core.kernel,
        core.stride,
        core.sides,
        core.dilation,
        tail=_tail(node),
        residual_leading=core.filters if _adds(node) else None,
    )


def _sketch(graph: Graph, candidate: Chain, batch: int, dtype: str) -> chain.Problem:
    """The chain's problem, as if every tensor had a buffer of its own."""
    first, second = (_one(graph, graph[name], batch, dtype) for name in (candidate.first, candidate.second))
    last = _one(graph, graph[candidate.last], batch, dtype) if candidate.last else None
    return chain.Problem(
        first,
        second.filters,
        second.filters,
        second.tail,
        second.residual_leading,
        beside=graph[candidate.beside].shape[0] if candidate.beside else 0,
        last=last.filters if last else 0,
        last_tail=last.tail if last else (),
        z_leading=last.filters if last else 0,
        keep=candidate.keep,
    )


def lower_chain(building: Building, found: Chain) -> None:
    graph = building.graph
    first, second = graph[found.first], graph[found.second]
    sketch = _sketch(graph, found, building.batch, building.dtype)
    x = building.filled(building.input(first))
    y = building.view(found.second) if found.keep else None
    z = building.view(found.last) if found.last else None
    residual = building.input(second, 1) if _adds(second) else None
    problem = replace(
        sketch,
        first=replace(
            sketch.first,
            channels=x.channels,
            x_leading=x.leading,
            precision=building.products,  # type: ignore[arg-type]
        ),
        y_leading=y.leading if y else 0,
        z_leading=z.leading if z else 0,
        residual_leading=residual.leading if residual else None,
    )
    tensors: dict[str, Tensor | None] = {"x": x, "residual": residual, "y": y, "z": z}
    tensors |= _weights(building, first, "w1", "bias1", x.channels)
    tensors |= _weights(building, second, "w2", "bias2", sketch.first.filters + sketch.beside)
    if found.beside:
        tensors |= _weights(building, graph[found.beside], "beside", "bias_beside", x.channels)
    if found.last:
        tensors |= _weights(building, graph[found.last], "w3", "bias3", sketch.filters)
    names = (name for name in found.members if name != found.concat)
    building.launch("chain", problem, tensors, *names)


def _weights(building: Building, node: Node, weight: str, bias: str, channels: int) -> dict[str, Packed]:
    """Weights and bias of one convolution; one without a bias has zeros, since the kernel adds one."""
    core = _plain(node)
    assert core is not None
    shape = (core.filters, *core.kernel, channels)
    if core.bias is not False:
        vector = building.vector(node, "bias", core.filters)
    else:
        zeros = apply("no_bias", node.recipe("weight"))
        vector = building.packed(f"{node.name}.bias", (core.filters,), zeros, "fp32")
    return {weight: building.weight(node, "weight", shape, "pixels_last", channels), bias: vector}
