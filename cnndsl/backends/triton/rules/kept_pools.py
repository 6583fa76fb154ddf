"""Pools that a 1x1 convolution computes while it reads, and stores too, since others read them.

A ResNet's first block takes its pool to its first 1x1 and to its projection. The pass that takes pools into
convolutions leaves such a pool alone; here the convolution is launched in its place, and pools for all.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.rules.convolutions import joined, lower_prologue, plain_problem, prologue_problem
from cnndsl.ir.graph import Graph, Node
from cnndsl.kernels import choice
from cnndsl.kernels.families import conv1x1_pre
from cnndsl.kernels.precision import SIZES
from cnndsl.kernels.work import LAUNCH
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused
from cnndsl.ops.pooling import Maxpool, Pool
from cnndsl.passes.pool_prologue import COLUMN, LARGE


@dataclass(frozen=True)
class KeptPool:
    """A pool and the convolution that computes it, by their names."""

    pool: str
    convolution: str


def find_kept_pools(building: Building, taken: Container[str]) -> Mapping[str, KeptPool]:
    """Those that pay, by their pools; `taken` nodes have another launch already."""
    found: dict[str, KeptPool] = {}
    for node in building.graph:
        if not _pools(building.graph, node) or node.name in taken:
            continue
        reader = next((each for each in building.graph.consumers(node.name) if _reads(each, node, taken)), None)
        if reader is None or building.narrow(*node.inputs, node.name, reader.name):
            continue
        if _ratio(building, node, reader) <= 1:
            found[node.name] = KeptPool(node.name, reader.name)
            building.notes.fused(reader.name, node.name, how="pooled while its input is read, and kept for others")
    return found


def _pools(graph: Graph, node: Node) -> bool:
    op = node.op
    small = isinstance(op, Maxpool) and op.native and op.kernel[0] * op.kernel[1] <= LARGE
    return small and bool(graph[node.inputs[0]].inputs)


def _reads(node: Node, pool: Node, taken: Container[str]) -> bool:
    """Whether a node is a plain 1x1 convolution of a pool and nothing else, narrow enough to read windows once."""
    op = node.op
    if not isinstance(op, Fused) or not isinstance(op.core, Conv) or op.prologue or joined(node) or node.name in taken:
        return False
    core = op.core
    plain = core.kernel == (1, 1) and core.stride == (1, 1) and not any(core.sides) and core.groups == 1
    return plain and core.filters <= COLUMN and node.inputs == (pool.name,) and op.pooled is None


def _pooling(building: Building, pool: Node, reader: Node) -> tuple[Node, conv1x1_pre.Problem]:
    """The convolution as it reads the pool's input, and its problem."""
    assert isinstance(reader.op, Fused) and isinstance(pool.op, Pool)
    node = replace(reader, op=replace(reader.op, prologue=(pool.op,)), inputs=pool.inputs)
    return node, replace(prologue_problem(building, node), kept_leading=building.view(pool.name).leading)


def _ratio(building: Building, pool: Node, reader: Node) -> float:
    """Its time relative to that of a pool, which waits for memory, and a convolution apart."""
    target, (_, problem) = building.target, _pooling(building, pool, reader)
    together = LAUNCH + choice.seconds(choice.suggest("conv1x1_pre", problem, target), problem, target)
    alone = plain_problem(building, reader)
    x, y = building.input(pool), building.view(pool.name)
    moved = building.batch * (x.pixels + y.pixels) * x.channels * SIZES[building.dtype]
    convolution = choice.seconds(choice.suggest("conv_gemm", alone, target), alone, target)
    return together / (2 * LAUNCH + convolution + moved / target.bandwidth)


def lower_kept_pool(building: Building, found: KeptPool) -> None:
    pool = building.graph[found.pool]
    node, problem = _pooling(building, pool, building.graph[found.convolution])
    lower_prologue(building, node, problem, kept=building.view(pool.name), beside=(pool.name,))
