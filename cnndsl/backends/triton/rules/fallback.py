"""A layer that no kernel serves: PyTorch's own spelling of it as a program in the plan, never left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from cnndsl.backends.torch import generate_source
from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.plan import Launch, Packed, Tensor
from cnndsl.ir.graph import Graph, Node, Output
from cnndsl.kernels.precision import SIZES
from cnndsl.kernels.work import Work
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.fused import Fused, FusedPointwise
from cnndsl.ops.inputs import Input
from cnndsl.ops.merge import Mul
from cnndsl.states.recipes import recipes_of


@dataclass(frozen=True)
class Program:
    """PyTorch source of one layer: `builder` in `text` makes its module, whose state dict names end in parameters.

    shapes   of its inputs, without the batch
    out      of its result
    """

    layer: str
    text: str
    builder: str
    dtype: str
    batch: int
    shapes: tuple[Shape, ...]
    out: Shape
    values: int
    macs: int

    def work(self) -> Work:
        """Inputs and weights read, the result written."""
        elements = sum(map(prod, (*self.shapes, self.out)))
        return Work((self.batch * elements + self.values) * SIZES[self.dtype], 2 * self.batch * self.macs)


def word_of(op: Op) -> str:
    """The layer that no kernel serves by the word that an author wrote, whatever is fused to it."""
    if isinstance(op, Fused):
        return op.core.word
    if isinstance(op, FusedPointwise):
        return next((step.word for step in op.steps if isinstance(step, Mul)), op.steps[0].word)
    return op.word


def lower_by_torch(building: Building, node: Node) -> None:
    shapes = building.graph.input_shapes(node)
    source = generate_source(_alone(building.graph, node), "layer")
    weights = _weights(building, node)
    program = Program(
        word_of(node.op),
        source.text,
        source.builder,
        building.dtype,
        building.batch,
        shapes,
        node.shape,
        sum(prod(weight.shape) for weight in weights.values()),
        node.op.macs(*shapes),
    )
    tensors: dict[str, Tensor] = {f"x{index}": building.input(node, index) for index in range(len(node.inputs))}
    tensors |= {**weights, "y": building.view(node.name)}
    building.launches.append(Launch("torch", program, None, tensors, (node.name,)))


def _weights(building: Building, node: Node) -> dict[str, Packed]:
    """Its weights by the names in the module's state dict."""
    shapes = building.graph.input_shapes(node)
    sizes = {name: shape for name, shape in node.op.parameters(*shapes).items()}
    sizes |= {name: buffer.shape for name, buffer in node.op.buffers(*shapes).items()}
    recipes = recipes_of(node, building.graph)
    return {
        f"layer.{name}": building.packed(f"{node.name}.{name}", shape, recipes[name]) for name, shape in sizes.items()
    }


def _alone(graph: Graph, node: Node) -> Graph:
    """A network of this layer and nothing else."""
    names = [f"x{index}" for index in range(len(node.inputs))]
    inputs = (
        Node(name, Input(shape), (), shape, node.span)
        for name, shape in zip(names, graph.input_shapes(node), strict=True)
    )
    layer = replace(node, name="layer", inputs=tuple(names), recipes={})
    return Graph("layer", (*inputs, layer), (Output("output", "layer"),))
