"""From a graph to a plan: passes, places, launches by the rules of the layers, then the arena.

Everything here is decided without a GPU, and is the same each time.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import replace
from typing import Any

from cnndsl.backends.triton import arena
from cnndsl.backends.triton.building import Building, Choose, suggested
from cnndsl.backends.triton.eight_bits import eight_bit_buffers
from cnndsl.backends.triton.library import LIBRARIES
from cnndsl.backends.triton.plan import Buffer, Given, Launch, Plan, Port, Scratch, View
from cnndsl.backends.triton.rules import rule_for
from cnndsl.backends.triton.rules.chains import find_chains, lower_chain, open_problems
from cnndsl.backends.triton.rules.convolutions import is_stack
from cnndsl.backends.triton.rules.fallback import word_of
from cnndsl.backends.triton.rules.heads import find_heads, lower_head
from cnndsl.backends.triton.rules.kept_pools import find_kept_pools, lower_kept_pool
from cnndsl.backends.triton.rules.response_norms import find_normed_pools, lower_normed_pool
from cnndsl.backends.triton.tensor_layout import Types, extent, lay_out_tensors, packed_as
from cnndsl.errors import DeviceError, SizeError, StrictError
from cnndsl.ir.graph import Graph, Node
from cnndsl.kernels.families import pack
from cnndsl.kernels.precision import SIZES, dtype_of, eight_bits_of
from cnndsl.kernels.targets import Target
from cnndsl.ops.fused import Subsample
from cnndsl.passes.notes import Notes
from cnndsl.passes.pipeline import EIGHT_BIT_PIPELINE, GPU_PIPELINE, Pass, run

MOST_IMAGES = 2**16 - 1  # blocks along the third axis of a grid, where `pack` has one for each image


def rewritten(graph: Graph, notes: Notes | None = None, *, precision: str = "fp16") -> Graph:
    """The graph that is lowered: for inference, by the passes for a GPU at a precision."""
    return run(graph, passes_at(precision), notes=notes)


def passes_at(precision: str) -> tuple[Pass, ...]:
    """Those that rewrite a graph for a precision: kernels that pool while they read know no 8 bits."""
    return GPU_PIPELINE if eight_bits_of(precision) is None else EIGHT_BIT_PIPELINE


def lower(
    graph: Graph,
    target: Target,
    *,
    batch: int = 1,
    precision: str = "fp16",
    choose: Choose = suggested,
    notes: Notes | None = None,
) -> Plan:
    """The plan of a graph that `rewritten` has made.

    Raises ValueError for an unknown precision or a batch below 1, `DeviceError` for a precision that the GPU does not
    have, `SizeError` for too large a batch, or tensors too large for 32-bit offsets.
    """
    building = _started(graph, target, batch, precision, choose, notes or Notes())
    chains, heads, norms = find_chains(building), find_heads(building), find_normed_pools(graph)
    done = {name for each in chains.values() for name in each.members}
    pools = find_kept_pools(building, done.union(norms))
    absorbed = _absorbed(graph).union(*(each.absorbed for each in chains.values()))
    absorbed = absorbed.union(*(each.absorbed for each in heads.values()))
    building.layout = lay_out_tensors(graph, building.types, absorbed)
    inputs = tuple(_pack_input(building, node, index) for index, node in enumerate(graph.inputs))
    done |= {each.convolution for each in pools.values()} | {packed_as(graph, node).name for node in graph.inputs}
    for node in graph:
        if node.name in chains:
            lower_chain(building, chains[node.name])
        elif node.name in pools:
            lower_kept_pool(building, pools[node.name])
        elif node.name in heads:
            lower_head(building, heads[node.name])
        elif node.name in norms:
            lower_normed_pool(building, norms[node.name])
        elif node.name not in absorbed | done:
            rule_for(node.op)(building, node)
    outputs = tuple(Port(each.name, graph[each.node].shape, building.view(each.node)) for each in graph.outputs)
    buffers = _buffers(building, outputs)
    return Plan(
        graph.name,
        target.name,
        precision,
        batch,
        tuple(building.launches),
        arena.place(buffers),
        inputs,
        outputs,
        tuple(building.weights.values()),
    )


def undecided(graph: Graph, target: Target, *, batch: int, precision: str) -> Iterator[tuple[str, Any]]:
    """Problems by kernel whose times decide which launches a plan has, whether they are in it or not."""
    return open_problems(_started(graph, target, batch, precision, suggested, Notes()))


def _started(graph: Graph, target: Target, batch: int, precision: str, choose: Choose, notes: Notes) -> Building:
    """A plan before its first launch, with a place for every tensor that layers exchange, chained or not."""
    if batch < 1:
        raise ValueError(f"a batch of {batch}: it is 1 or more")
    if batch > MOST_IMAGES:
        raise SizeError(f"a batch of {batch}: kernels take {MOST_IMAGES} images at most")
    absorbed = _absorbed(graph)
    types = _types(graph, absorbed, precision, target)
    return Building(graph, types, lay_out_tensors(graph, types, absorbed), batch, precision, target, choose, notes)


def _types(graph: Graph, absorbed: Container[str], precision: str, target: Target) -> Types:
    """Those of all buffers; where they are decides which can have 8 bits."""
    usual, narrow = Types(dtype_of(precision)), eight_bits_of(precision)
    if narrow is None:
        return usual
    if not target.multiplies(narrow):
        raise DeviceError(f"{target.name} multiplies no {narrow}: that takes NVIDIA's sm_89 or newer")
    buffers = eight_bit_buffers(graph, lay_out_tensors(graph, usual, absorbed))
    return Types(usual.usual, dict.fromkeys(sorted(buffers), narrow))


def require_kernels(plan: Plan, graph: Graph) -> None:
    """Raise `StrictError` unless Triton kernels compute everything; `graph` is the one that was lowered."""
    lines = []
    for launch in plan.launches:
        if launch.kernel in ("torch", *LIBRARIES):
            node = graph[launch.nodes[0]]
            lines.append(f"{node.span}: no Triton kernel serves `{word_of(node.op)}` ({node.name})")
    if lines:
        raise StrictError("\n".join(lines))


def _absorbed(graph: Graph) -> set[str]:
    """Nodes that have no tensor: stacks of two sources, the pixels that a kernel picks from a source itself, what is
    between a pool and response normalisation, and inputs that are packed as blocks."""
    found = {each.first for each in find_normed_pools(graph).values()}
    found |= {node.name for node in graph.inputs if packed_as(graph, node) != node}
    for node in graph:
        if is_stack(node, graph.consumers(node.name)) and not graph.is_output(node.name):
            found.add(node.name)
            sources = (graph[name] for name in node.inputs)
            found |= {
                each.name
                for each in sources
                if isinstance(each.op, Subsample) and graph.consumers(each.name) == (node,)
            }
    return found


def _pack_input(building: Building, node: Node, index: int) -> Port:
    """The launch that brings the caller's tensor into the kernels' order and type."""
    packed, (channels, height, width) = packed_as(building.graph, node), extent(node.shape)
    view = building.view(packed.name)
    given = height * width
    problem = pack.Problem(
        "fp32",
        building.dtype,
        building.batch,
        view.pixels,
        channels,
        view.leading,
        (channels * given, given, 1),
        (view.leading * view.pixels, 1, view.leading),
        height // view.height,
        view.width,
    )
    building.launch("pack", problem, {"x": Given(index), "y": view}, *dict.fromkeys((node.name, packed.name)))
    return Port(node.name, node.shape, view)


def _buffers(building: Building, outputs: Iterable[Port]) -> list[Buffer]:
    """A buffer for everything that launches touch, alive from the first of them to the last."""
    found: dict[str, Buffer] = {}
    for index, launch in enumerate(building.launches):
        for name, size in _touched(building, launch):
            known = found.get(name)
            found[name] = replace(known, last=index) if known else Buffer(name, size, index, index)
    end = len(building.launches) - 1
    for port in outputs:
        found[port.view.buffer] = replace(found[port.view.buffer], last=end)
    return list(found.values())


def _touched(building: Building, launch: Launch) -> Iterable[tuple[str, int]]:
    for tensor in launch.tensors.values():
        if isinstance(tensor, View):
            size = building.batch * tensor.pixels * tensor.leading
            if size >= 2**31:
                raise SizeError(f"{tensor.buffer} has {size} elements: offsets in kernels have 32 bits, batch fewer")
            yield tensor.buffer, size * SIZES[tensor.dtype]
        elif isinstance(tensor, Scratch):
            yield tensor.buffer, tensor.elements * 4
