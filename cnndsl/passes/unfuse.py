"""Take fused layers apart again, for an engine that fuses by itself and knows layers only by what they are alone.

    fused(x) = epilogue(core(prologue(x)))
    slice(W x, i, j) = W[i:j] x

Siblings that were merged become convolutions of their own: an engine that keeps channels in blocks would copy slices.
Weights follow from those of the fused network, not from the original ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Original, Recipe, apply
from cnndsl.ops.base import Op
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Affine, AffineNorm, Fused
from cnndsl.ops.merge import Add
from cnndsl.ops.normalization import Lrn
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.ops.summed_lrn import SummedLrn
from cnndsl.passes.free_name import free_name


def unfuse(graph: Graph) -> Graph:
    """The same network of single layers; its recipes are those of weights of `graph`."""
    apart = _Apart(graph)
    return Graph(graph.name, (part for node in graph for part in apart.parts(node)), graph.outputs)


class _Apart:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.taken = graph.taken_names()
        self.made: set[str] = set()  # slices that are convolutions by now

    def parts(self, node: Node) -> Iterator[Node]:
        if isinstance(node.op, Fused):
            yield from self._fused(node, node.op)
        elif isinstance(node.op, Affine):
            yield replace(node, op=AffineNorm(), recipes={})
        elif isinstance(node.op, SummedLrn):
            yield replace(node, op=Lrn(**{each.name: getattr(node.op, each.name) for each in fields(Lrn)}))
        elif node.name not in self.made:
            yield replace(node, recipes={})

    def _fused(self, node: Node, op: Fused) -> Iterator[Node]:
        before = self.graph[node.inputs[0]]
        for step in op.prologue:
            before = self._before(node, step, before)
            yield before
        pieces = self._pieces(node, op)
        for piece in pieces:
            core = replace(op.core, filters=piece.shape[0]) if isinstance(op.core, Conv) else op.core
            name = free_name(f"{piece.name}_{core.word}", self.taken) if op.epilogue else piece.name
            recipes = {each: _rows(node, each, piece) for each in core.parameters(before.shape)}
            yield Node(name, core, (before.name,), core.output(before.shape), piece.span, recipes=recipes)
            yield from self._after(node, op, piece, name)

    def _pieces(self, node: Node, op: Fused) -> list[Node]:
        """The slices of a convolution of siblings, if nothing else reads it; else the node itself."""
        readers = self.graph.consumers(node.name)
        sliced = all(isinstance(reader.op, ChannelSlice) for reader in readers) and not self.graph.is_output(node.name)
        if len(readers) < 2 or not sliced or not isinstance(op.core, Conv) or op.core.groups > 1 or op.adds:
            return [node]
        self.made |= {reader.name for reader in readers}
        return list(readers)

    def _before(self, node: Node, step: Op, before: Node) -> Node:
        """A layer of a prologue."""
        op = AffineNorm() if isinstance(step, Affine) else step
        recipes: dict[str, Recipe] = {each: Original(node.key(each)) for each in op.parameters(before.shape)}
        name = free_name(f"{node.name}_{op.word}", self.taken)
        return Node(name, op, (before.name,), op.output(before.shape), node.span, recipes=recipes)

    def _after(self, node: Node, op: Fused, piece: Node, before: str) -> Iterator[Node]:
        """The layers of an epilogue; the last of them has the name by which the piece is read."""
        for number, step in enumerate(op.epilogue, start=1):
            others = node.inputs[1:] if isinstance(step, Add) else ()
            last = number == len(op.epilogue)
            name = piece.name if last else free_name(f"{piece.name}_{step.word}", self.taken)
            yield Node(name, step, (before, *others), piece.shape, piece.span)
            before = name


def _rows(node: Node, tensor: str, piece: Node) -> Recipe:
    """That tensor of a core, or what it has of a slice's channels."""
    whole = Original(node.key(tensor))
    return apply("rows", whole, piece.op.start, piece.op.stop) if isinstance(piece.op, ChannelSlice) else whole
