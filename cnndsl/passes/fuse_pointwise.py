"""Compute what follows each other element by element in one pass over memory.

    relu(s x + t),   relu(x + y),   relu(x g + y),   (x1 + ... + xn) / n

What is left of batch norms, activations, sums, gates and means after everything that has a convolution to go with went
there (the batch norm before a 3x3 of a pre-activation network, the joins of a fractal one). A chain costs as much
memory traffic as its first member alone. A mean is its sum, scaled.
"""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.fused import Affine, FusedPointwise
from cnndsl.ops.merge import Add, Mean, Mul
from cnndsl.ops.scale import Scale
from cnndsl.passes.anchor import in_torch, in_triton
from cnndsl.passes.notes import Notes
from cnndsl.passes.sweep import Sweep
from cnndsl.records import replace

MOST = 4  # tensors that one kernel reads, the vectors of an affine map among them


def fuse_pointwise(graph: Graph, notes: Notes | None = None) -> Graph:
    notes = notes or Notes()
    sweep = Sweep(graph)
    for node in graph:
        begun = _begun(node, graph.input_shapes(node))
        if begun is None:
            sweep.keep(node)
            continue
        place = max(range(len(node.inputs)), key=lambda index: sweep.position[sweep.source(node, index).name])
        before = sweep.source(node, place)
        reason = _why_not(sweep, node, before, place, begun.op)
        if reason is None:
            others = [sweep.source(node, index).name for index in range(len(node.inputs)) if index != place]
            assert isinstance(before.op, FusedPointwise) and isinstance(begun.op, FusedPointwise)
            op = FusedPointwise((*before.op.steps, *begun.op.steps))
            sweep.absorb(node, before, op, {**before.recipes, **begun.recipes}, tuple(others))
            notes.fused(before.name, node.name, how="computed in the same pass")
        else:
            sweep.keep(begun)
            if isinstance(before.op, FusedPointwise):
                notes.declined(node.name, reason)
    return _plain(sweep.result())


def _begun(node: Node, shapes: Iterable[Shape]) -> Node | None:
    """The node as a chain of its own; None if it is not of this kind, or reads too much for one kernel."""
    op, inputs = node.op, node.inputs
    steps: tuple[Op, ...] = (op,)
    if isinstance(op, Add | Mean):
        steps = (Add(),) * (len(inputs) - 1) + ((Scale(1 / len(inputs)),) if isinstance(op, Mean) else ())
    elif isinstance(op, Mul):
        steps = (Mul(),) * (len(inputs) - 1)
        whole = {name: shape == node.shape for name, shape in zip(inputs, shapes, strict=True)}
        inputs = tuple(sorted(inputs, key=lambda name: not whole[name]))
        if not whole[inputs[0]]:
            return None
    elif not isinstance(op, Affine) and not in_triton(op):
        return None
    if len(inputs) + 2 * isinstance(op, Affine) > MOST:
        return None
    recipes = {name: node.recipe(name) for name in op.parameters(*shapes)}
    return replace(node, op=FusedPointwise(steps), inputs=inputs, recipes=recipes)


def _why_not(sweep: Sweep, node: Node, before: Node, place: int, op: Op) -> str | None:
    if not isinstance(before.op, FusedPointwise):
        return f"before it stands `{before.op.word}`"
    assert isinstance(op, FusedPointwise)
    if before.shape != node.shape:
        return f"{before.name} is a gate"
    steps = (*before.op.steps, *op.steps)
    if any(isinstance(step, Mul) for step in steps) and any(in_triton(step) and not in_torch(step) for step in steps):
        return "PyTorch has to compute some gates, and has no function of that name"
    affine = [isinstance(step, Affine) for step in steps]
    if sum(affine) > 1:
        return "there is a batch norm before it already"
    if len(before.inputs) + len(node.inputs) - 1 + 2 * any(affine) > MOST:
        return f"the kernel would read more than {MOST} tensors"
    return sweep.read_elsewhere(node.inputs[place], node)


def _plain(graph: Graph) -> Graph:
    """Chains of one are the layers they were."""

    def unwrapped(node: Node) -> Node:
        alone = isinstance(node.op, FusedPointwise) and len(node.op.steps) == 1
        return replace(node, op=node.op.steps[0]) if alone and isinstance(node.op, FusedPointwise) else node

    return graph.rewrite(map(unwrapped, graph))
