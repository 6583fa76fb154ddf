"""Classifiers that one kernel computes: batch norm and activation, the mean over the map, and the linear layer.

The kernel pools in every block anew, so it pays for few images: where the model says that it takes less time than its
parts, whose launches do little work each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.plan import Tensor
from cnndsl.backends.triton.rules.convolutions import linear_problem
from cnndsl.backends.triton.tensor_layout import is_relabelled
from cnndsl.ir.graph import Graph, Node
from cnndsl.kernels import choice
from cnndsl.kernels.families import head
from cnndsl.kernels.precision import SIZES
from cnndsl.kernels.tails import expression, steps
from cnndsl.kernels.work import LAUNCH
from cnndsl.ops.base import Op
from cnndsl.ops.fused import Affine, Fused, FusedPointwise
from cnndsl.ops.linear import Linear
from cnndsl.ops.pooling import Avgpool, GlobalAvgpool
from cnndsl.ops.reshape import Flatten


@dataclass(frozen=True)
class Head:
    """The linear layer `classifier` and what it takes in, in their order: `norm` perhaps, `pool`, `flatten` perhaps."""

    classifier: str
    pool: str
    norm: str | None = None
    flatten: str | None = None

    @property
    def absorbed(self) -> tuple[str, ...]:
        """Those whose results never exist."""
        return tuple(name for name in (self.norm, self.pool, self.flatten) if name is not None)


def find_heads(building: Building) -> Mapping[str, Head]:
    """Those that pay, by their linear layers."""
    found: dict[str, Head] = {}
    for node in building.graph:
        candidate = _candidate(building.graph, node)
        if candidate is None or building.narrow(*_tensors(building.graph, candidate)):
            continue
        ratio = _together(building, candidate) / _apart(building, candidate)
        if ratio <= 1:
            found[node.name] = candidate
            building.notes.fused(node.name, *candidate.absorbed, how="pooled and classified in one kernel")
        else:
            reason = f"classified in one kernel it would take {ratio:.2f} of the time by the model"
            building.notes.declined(candidate.pool, reason)
    return found


def _tensors(graph: Graph, found: Head) -> tuple[str, ...]:
    """What it reads, what never exists, and what it writes.

    With 8 bits in one of them, its parts would have other weights than it, and a head is taken for some batches alone.
    """
    return graph[found.absorbed[0]].inputs[0], *found.absorbed, found.classifier


def _candidate(graph: Graph, node: Node) -> Head | None:
    op = node.op
    if not isinstance(op, Fused) or not isinstance(op.core, Linear) or op.adds or op.prologue:
        return None
    above, flatten = _alone(graph, node), None
    if above is not None and isinstance(above.op, Flatten) and is_relabelled(graph, above):
        flatten = above.name
        above = _alone(graph, above)
    if above is None or not _averages_all(graph, above):
        return None
    before = _alone(graph, above)
    norm = before.name if before is not None and _normalises(before) else None
    return Head(node.name, above.name, norm, flatten)


def _alone(graph: Graph, node: Node) -> Node | None:
    """What a node reads, if no other does."""
    source = graph[node.inputs[0]]
    only = graph.consumers(source.name) == (node,) and not graph.is_output(source.name) and len(node.inputs) == 1
    return source if only and source.inputs else None


def _averages_all(graph: Graph, node: Node) -> bool:
    if isinstance(node.op, GlobalAvgpool):
        return True
    shape = graph[node.inputs[0]].shape if node.inputs else ()
    return isinstance(node.op, Avgpool) and node.op.kernel == shape[1:] and not any(node.op.sides(shape))


def _normalises(node: Node) -> bool:
    steps = _steps(node)
    return len(node.inputs) == 1 and len(steps) > 0 and not any(isinstance(op, Affine) for op in steps[1:])


def _steps(node: Node) -> tuple[Op, ...]:
    """The layers of a pointwise node, an affine map perhaps the first of them."""
    if isinstance(node.op, FusedPointwise):
        return node.op.steps
    return (node.op,) if isinstance(node.op, Affine) else ()


def _problem(building: Building, found: Head) -> head.Problem:
    node, pool = building.graph[found.classifier], building.graph[found.pool]
    op = node.op
    assert isinstance(op, Fused) and isinstance(op.core, Linear)
    x = building.input(building.graph[found.norm] if found.norm else pool)
    before = _steps(building.graph[found.norm]) if found.norm else ()
    return head.Problem(
        building.dtype,
        building.batch,
        x.pixels,
        x.channels,
        op.core.features,
        x.leading,
        building.view(node.name).leading,
        any(isinstance(each, Affine) for each in before),
        tuple(expression(each) for each in before if not isinstance(each, Affine)),
        op.core.bias is not False,
        steps(op.tail),
    )


def _together(building: Building, found: Head) -> float:
    problem = _problem(building, found)
    return LAUNCH + choice.seconds(choice.suggest("head", problem, building.target), problem, building.target)


def _apart(building: Building, found: Head) -> float:
    """Seconds of a launch for each part: those that only move wait for memory."""
    problem = linear_problem(building, building.graph[found.classifier])
    linear = choice.seconds(choice.suggest("conv_gemm", problem, building.target), problem, building.target)
    maps = building.input(building.graph[found.pool])
    passes = 1 + 2 * (found.norm is not None)
    moved = passes * building.batch * maps.pixels * maps.channels * SIZES[building.dtype] / building.target.bandwidth
    return (2 + (found.norm is not None)) * LAUNCH + linear + moved


def lower_head(building: Building, found: Head) -> None:
    graph, problem = building.graph, _problem(building, found)
    node = graph[found.classifier]
    norm = graph[found.norm] if found.norm else None
    shape = (problem.filters, 1, 1, problem.channels)
    tensors: dict[str, Tensor | None] = {
        "x": building.input(norm or graph[found.pool]),
        "w": building.weight(node, "weight", shape, "over_map", 1, 1),
        "bias": building.vector(node, "bias", problem.filters) if problem.bias else None,
        "y": building.view(node.name),
    }
    if norm is not None and problem.affine:
        tensors |= {name: building.vector(norm, name, problem.channels) for name in ("scale", "shift")}
    building.launch("head", problem, tensors, *found.absorbed, node.name)
