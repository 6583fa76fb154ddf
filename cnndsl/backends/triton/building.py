"""What the lowering rules share: views of tensors, packed weights, and the list of launches that grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cnndsl.backends.triton.library import STARTS
from cnndsl.backends.triton.plan import Counters, Launch, Packed, Scratch, Tensor, View
from cnndsl.backends.triton.tensor_layout import Split, TensorLayout, Types, packed_as
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Argument, Recipe, apply
from cnndsl.kernels import choice
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.precision import LARGEST, SIZES, Dtype, EightBits, dtype_of, eight_bits_of, products_of
from cnndsl.kernels.targets import Target
from cnndsl.ops.base import Shape
from cnndsl.passes.notes import Notes

Choice = tuple[str, Any]  # a kernel and its configuration


@dataclass(frozen=True)
class Chosen:
    """What runs a problem; `seconds` of one launch, where that was measured."""

    kernel: str
    config: Any
    seconds: float | None = None


Choose = Callable[[str, Any, Target], Chosen]  # for a kernel, a problem and a GPU; it may name another kernel


@dataclass
class Building:
    """A plan that is being made of `graph`, which the passes have rewritten.

    choose  decides the kernel and configuration of each problem
    """

    graph: Graph
    types: Types
    layout: TensorLayout
    batch: int
    precision: str
    target: Target
    choose: Choose
    notes: Notes
    launches: list[Launch] = field(default_factory=list)
    weights: dict[str, Packed] = field(default_factory=dict)
    alike: dict[tuple[Shape, Dtype, Recipe], Packed] = field(default_factory=dict)

    @property
    def dtype(self) -> Dtype:
        return dtype_of(self.precision)

    @property
    def eight_bits(self) -> EightBits | None:
        """The type of tensors that have 8 bits, if there may be some."""
        return eight_bits_of(self.precision)

    @property
    def products(self) -> str:
        return products_of(self.precision)

    def view(self, name: str) -> View:
        return self.layout.views[name]

    def narrow(self, *names: str) -> bool:
        """Whether a tensor of these has 8 bits."""
        return any(view.dtype in LARGEST for name in names for view in self.layout.places(name))

    def split(self, name: str) -> Split | None:
        return self.layout.splits.get(name)

    def input(self, node: Node, index: int = 0) -> View:
        return self.view(node.inputs[index])

    def filled(self, view: View) -> View:
        """What an input of the network is packed into with the zeros that fill up its pixels, to read whole vectors."""
        packed = {packed_as(self.graph, node).name for node in self.graph.inputs}
        whole = view.buffer in packed and view == self.view(view.buffer)
        return replace(view, start=0, channels=view.leading) if whole else view

    def weight(self, node: Node, parameter: str, shape: Shape, packing: str, *arguments: Argument) -> Packed:
        """A parameter of a node in the type of the plan, packed by a function of `cnndsl.states.packing`."""
        return self.packed(f"{node.name}.{parameter}", shape, apply(packing, node.recipe(parameter), *arguments))

    def vector(self, node: Node, parameter: str, length: int) -> Packed:
        """A parameter with one number per channel, in float32."""
        return self.packed(f"{node.name}.{parameter}", (length,), node.recipe(parameter), "fp32")

    def packed(self, name: str, shape: Shape, recipe: Recipe, dtype: Dtype | None = None) -> Packed:
        """Packed weights; those that are packed alike already, for another use of the same, serve again."""
        made = Packed(name, shape, dtype or self.dtype, recipe)
        known = self.alike.setdefault((shape, made.dtype, recipe), made)
        assert self.weights.setdefault(known.name, known) == known, name
        return known

    def launch(self, kernel: str, problem: Any, tensors: Mapping[str, Tensor | None], *nodes: str) -> None:
        """Add a launch of the kernel that is chosen, with memory for its sums if they are split."""
        chosen = self._chosen(kernel, problem, tensors)
        kernel, config = chosen.kernel, chosen.config
        present = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        elements, counters = FAMILIES[kernel].sums(problem, config) if kernel in FAMILIES else (0, 0)
        if elements:
            present["partial"] = Scratch(f"{nodes[0]}.partial", elements)
            present["counters"] = Counters(counters)
        self.launches.append(Launch(kernel, problem, config, present, nodes))

    def _chosen(self, kernel: str, problem: Any, tensors: Mapping[str, Tensor | None]) -> Chosen:
        """What is chosen, unless it needs tensors to start at whole vectors and one of these does not."""
        chosen = self.choose(kernel, problem, self.target)
        views = {name: tensor for name, tensor in tensors.items() if isinstance(tensor, View)}
        if any(view.start * SIZES[view.dtype] % _starts(chosen.kernel, name) for name, view in views.items()):
            return Chosen(kernel, FAMILIES[kernel].suggest(problem, self.target))
        return chosen


def _starts(kernel: str, tensor: str) -> int:
    """Bytes at a multiple of which a tensor of a kernel must start."""
    if kernel in FAMILIES:
        return FAMILIES[kernel].starts if tensor == "x" else 1
    return STARTS.get(kernel, 1)


def suggested(kernel: str, problem: Any, target: Target) -> Chosen:
    """What is chosen where nothing was measured."""
    return Chosen(*choice.suggest(kernel, problem, target))
