"""Local response normalisation, in one kernel with a max-pool before or after it if no other reads what is between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.rules.maps import pool_problem
from cnndsl.ir.graph import Graph, Node
from cnndsl.kernels.families import lrn
from cnndsl.ops.normalization import Lrn
from cnndsl.ops.pooling import Maxpool

# Before a pool each pixel is normalised for every window that has it: more often would take longer than to write it, of
# whose 8 channels a thread needs 150 instructions for one time, and 32 bytes of traffic for the other.
MOST = 2.5
ALONE = Maxpool((1, 1), stride=(1, 1))  # windows of one pixel, where nothing is pooled


@dataclass(frozen=True)
class NormedPool:
    """Two layers, by their names, that are one launch; the result of `first` never exists."""

    first: str
    last: str


def find_normed_pools(graph: Graph) -> Mapping[str, NormedPool]:
    """By their last layers, each layer in one of them at most."""
    found: dict[str, NormedPool] = {}
    for node in graph:
        source = graph[node.inputs[0]] if len(node.inputs) == 1 else node
        alone = graph.consumers(source.name) == (node,) and not graph.is_output(source.name)
        if alone and source.name not in found and _together(graph, source, node):
            found[node.name] = NormedPool(source.name, node.name)
    return found


def _together(graph: Graph, source: Node, node: Node) -> bool:
    if isinstance(source.op, Maxpool) and isinstance(node.op, Lrn):
        return True
    if not (isinstance(source.op, Lrn) and isinstance(node.op, Maxpool)):
        return False
    (_, *pixels), (_, *windows) = source.shape, node.shape
    rows, columns = node.op.kernel
    return rows * columns * windows[0] * windows[1] <= MOST * pixels[0] * pixels[1]


def lower_lrn(building: Building, node: Node) -> None:
    x, y = building.input(node), building.view(node.name)
    assert isinstance(node.op, Lrn)
    problem = lrn.Problem(pool_problem(building, x, y, ALONE), node.op)
    building.launch("lrn", problem, {"x": x, "y": y}, node.name)


def lower_normed_pool(building: Building, found: NormedPool) -> None:
    first, last = building.graph[found.first], building.graph[found.last]
    norm, pool = (first, last) if isinstance(first.op, Lrn) else (last, first)
    x, y = building.input(first), building.view(last.name)
    assert isinstance(norm.op, Lrn)
    problem = lrn.Problem(pool_problem(building, x, y, pool.op), norm.op, first=norm is first)
    building.launch("lrn", problem, {"x": x, "y": y}, first.name, last.name)
    building.notes.fused(last.name, first.name, how="normalised and pooled in one kernel")
