"""Everything a claim (`expect params ~ 25.6M`) may ask about a network, computed when it is asked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from cnndsl.analysis.cost import Cost, costs, total
from cnndsl.analysis.depth import depth
from cnndsl.ir.graph import Graph
from cnndsl.ir.node import MAIN
from cnndsl.ops.arguments import Size
from cnndsl.passes.settle_bias import settle_bias

if TYPE_CHECKING:
    from cnndsl.analysis.memory import Peak
    from cnndsl.analysis.receptive import Field, LargestField


class Facts:
    """The facts of a network as its author wrote it: biases are settled, nothing else is rewritten.

    Claims may name those in `cnndsl.elaborate.claim.NETWORK_FACTS`. All are about the part that runs outside training,
    but those called `training_...`, which count train-only heads too. A graph without outputs (broken off at a mistake)
    is taken whole.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = settle_bias(graph)

    @cached_property
    def inference(self) -> Graph:
        return self.graph.inference() if self.graph.outputs else self.graph

    @cached_property
    def cost(self) -> Cost:
        """Of the part that runs outside training."""
        return total(costs(self.inference).values())

    @cached_property
    def used(self) -> set[str]:
        """The nodes that some output needs, in training or outside."""
        return self.graph.upstream(output.node for output in self.graph.outputs)

    @cached_property
    def training(self) -> Graph:
        """The part that runs in training, with train-only heads."""
        from cnndsl.passes.drop_unused import drop_unused

        return drop_unused(self.graph) if self.graph.outputs else self.graph

    @cached_property
    def training_cost(self) -> Cost:
        """With train-only heads."""
        return self.cost if self.inference is self.graph else total(costs(self.training).values())

    @cached_property
    def peak(self) -> Peak:
        from cnndsl.analysis.memory import peak_memory

        return peak_memory(self.inference)

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The receptive field of every node, train-only ones too."""
        from cnndsl.analysis.receptive import receptive_fields  # fractions take long to be imported

        return receptive_fields(self.graph)

    @cached_property
    def field(self) -> LargestField:
        """The network's receptive field, and whether it is exact."""
        from cnndsl.analysis.receptive import largest_field

        return largest_field(self.fields[node.name] for node in self.inference)

    @property
    def params(self) -> int:
        """Learned values."""
        return self.cost.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers for one sample."""
        return self.cost.macs

    @property
    def buffers(self) -> int:
        """Values kept with the weights but not learned, such as running means."""
        return self.cost.buffers

    @property
    def training_params(self) -> int:
        return self.training_cost.params

    @property
    def training_macs(self) -> int:
        return self.training_cost.macs

    @cached_property
    def depth(self) -> int:
        """Layers with weights on the longest path."""
        return depth(self.inference)

    @property
    def receptive_field(self) -> int | Size:
        """In pixels of the input: one number for a square, else height x width. A bound unless `field.exact`."""
        rows, columns = self.field.size
        return rows if rows == columns else Size((rows, columns))

    @property
    def memory(self) -> int:
        """Peak bytes of activations for one sample in float32."""
        return self.peak.bytes

    @property
    def output(self) -> int | Size | list[int | Size]:
        """The shape of the main output, one number for a vector; without a main one, those of all outputs in a list."""
        results = [output for output in self.graph.outputs if not output.train_only]
        shapes = [self.graph[output.node].shape for output in results]
        sizes = [shape[0] if len(shape) == 1 else Size(shape) for shape in shapes]
        return sizes[0] if len(sizes) == 1 or results[0].name == MAIN else sizes

    @property
    def nodes(self) -> int:
        """Layers in the graph, the input among them."""
        return len(self.inference)
