"""What a network must move and compute on a GPU layer by layer, and the time that takes at least, counted without one.

Two ways in half precision: every layer a kernel of its own that reads its inputs and weights and writes its result, as
eager PyTorch runs them, and the launches of our plan. Both take the longer of traffic over bandwidth and arithmetic
over peak (Williams, Waterman and Patterson 2009).
"""

from __future__ import annotations

from collections import defaultdict
from math import prod

from cnndsl.analysis.cost import costs
from cnndsl.analysis.rows import Floor
from cnndsl.backends.triton import make_plan
from cnndsl.backends.triton.plan import Plan
from cnndsl.backends.triton.traffic import launch_work
from cnndsl.ir.graph import Graph, Node
from cnndsl.kernels.targets import TARGETS, Target
from cnndsl.kernels.work import Work
from cnndsl.ops.reshape import Flatten
from cnndsl.passes import PIPELINE, run
from cnndsl.passes.drop_training import drop_training
from cnndsl.passes.drop_unused import drop_unused

CARDS = {"H200": TARGETS["sm_90"], "A100": TARGETS["sm_80"], "RTX 4090": TARGETS["sm_89"]}
HALF = 2
BATCH = 32

Works = list[tuple[str, Work]]
"""What is done for a layer, by its name."""


def unfused(graph: Graph, batch: int) -> Works:
    """Every layer of the network alone."""
    graph = run(graph.inference(), (*PIPELINE, drop_training, drop_unused))
    each = costs(graph)
    layers = (node for node in graph if node.inputs and not isinstance(node.op, Flatten))
    return [(node.name, _alone(graph, node, each[node.name].macs, batch)) for node in layers]


def _alone(graph: Graph, node: Node, macs: int, batch: int) -> Work:
    shapes = graph.input_shapes(node)
    values = sum(map(prod, node.op.parameters(*shapes).values()))
    values += sum(prod(buffer.shape) for buffer in node.op.buffers(*shapes).values())
    elements = batch * (sum(map(prod, shapes)) + prod(node.shape)) + values
    return Work(HALF * elements, 2 * batch * macs)


def fused(plan: Plan) -> Works:
    """The launches of a plan, each at the first layer that it computes."""
    return [(launch.nodes[0], launch_work(launch)) for launch in plan.launches]


def floors(graph: Graph, card: Target, batch: int = BATCH) -> dict[str, tuple[Floor, Floor]]:
    """The least seconds of each layer, unfused and fused, for a batch."""
    one = _floors(graph, unfused(graph, batch), card)
    other = _floors(graph, fused(make_plan(graph, card.name, batch=batch)), card)
    return {name: (one[name], other[name]) for name in dict.fromkeys([*one, *other])}


def _floors(graph: Graph, works: Works, card: Target) -> defaultdict[str, Floor]:
    found: defaultdict[str, Floor] = defaultdict(Floor)
    for name, work in works:
        found[_written(graph, name)] += floor_of(work, card)
    return found


def _written(graph: Graph, name: str) -> str:
    """The layer as the file has it: of one that a pass made of several, as of siblings, the first of its part."""
    part = name
    while name not in graph:
        part = part.rpartition(".")[0]
        inside = f"{part}." if part else ""
        name = next((node.name for node in graph if node.inputs and node.name.startswith(inside)), name)
    return name


def floor_of(work: Work, card: Target) -> Floor:
    """Its time, and how much of that is spent on what traffic bounds."""
    seconds = card.seconds(work.bytes, work.halves)
    return Floor(seconds, seconds if card.seconds(work.bytes, 0) >= seconds else 0.0)
