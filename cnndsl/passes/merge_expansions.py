"""Compute a 1x1 and a larger convolution of one tensor, side by side in a concat, as one convolution.

    [W1 x; W3 * x] = [centred(W1); W3] * x

where `centred` puts the 1x1's weights at the centre of the larger kernel, between zeros (the two expansions of a fire
module, Iandola et al. 2016, section 3.1). The input is read once and there is one launch less. A kernel that knows how
many of the first filters are such ones leaves the zeros out, so nothing more is multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Recipe, apply
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused, core_of
from cnndsl.ops.merge import Concat
from cnndsl.passes.notes import Notes
from cnndsl.records import replace

LARGEST = 9  # taps of a kernel: weights are as many times larger in memory


def merge_expansions(graph: Graph, notes: Notes | None = None) -> Graph:
    """Expects activations fused to convolutions by `fuse_activation`."""
    notes = notes or Notes()
    changed: dict[str, Node] = {}
    gone: set[str] = set()
    for concat in graph:
        for one, other in _pairs(graph, concat):
            reason = _why_not(graph, concat, one, other)
            if reason is not None:
                notes.declined(one.name, reason)
                continue
            merged = _merged(one, other)
            gone.add(one.name)
            if len(concat.inputs) == 2:
                merged = replace(merged, name=concat.name)
                gone.add(other.name)
            else:
                inputs = tuple(name for name in concat.inputs if name != one.name)
                changed[concat.name] = replace(concat, inputs=inputs)
            changed[merged.name] = merged
            notes.fused(merged.name, one.name, other.name, how="computed side by side")
            break  # one pair of a concat
    return graph.rewrite(changed.get(node.name, node) for node in graph if node.name not in gone)


def _pairs(graph: Graph, concat: Node) -> Iterator[tuple[Node, Node]]:
    """A 1x1 and a larger convolution of the same tensor, neighbours in a concat."""
    if not isinstance(concat.op, Concat):
        return
    for name, after in pairwise(concat.inputs):
        one, other = graph[name], graph[after]
        if one.inputs and one.inputs == other.inputs and _kernel(one) == 1 < _kernel(other):
            yield one, other


def _kernel(node: Node) -> int:
    """Taps; 0 for what is no convolution."""
    core = core_of(node.op)
    return prod(core.kernel) if isinstance(core, Conv) else 0


def _why_not(graph: Graph, concat: Node, one: Node, other: Node) -> str | None:
    first, wide = core_of(one.op), core_of(other.op)
    assert isinstance(first, Conv) and isinstance(wide, Conv)
    if _around(one) != _around(other) or (first.bias is False) != (wide.bias is False) or first.stride != wide.stride:
        return f"{other.name} differs in stride, bias, batch norm or activation"
    if isinstance(one.op, Fused) and (one.op.adds or one.op.prologue):
        return "it reads another tensor too, or normalises its input first"
    if first.groups > 1 or wide.groups > 1 or any(first.sides) or not _is_centred(wide):
        return f"the windows of {other.name} have other centres or channels"
    if prod(wide.kernel) > LARGEST:
        return f"a kernel of {wide.kernel[0]}x{wide.kernel[1]} would be almost all zeros"
    for each in (one, other):
        alone = len(graph.consumers(each.name)) == concat.inputs.count(each.name) == 1
        if not alone or graph.is_output(each.name):
            return f"{each.name} is read elsewhere too"
    return None


def _around(node: Node) -> object:
    return (node.op.prologue, node.op.epilogue) if isinstance(node.op, Fused) else ((), ())


def _is_centred(conv: Conv) -> bool:
    """Whether a window's centre is the pixel that a 1x1 without padding reads."""
    sides = [(size - 1) * step for size, step in zip(conv.kernel, conv.dilation, strict=True)]
    odd = all(size % 2 for size in conv.kernel)
    return odd and conv.sides == (sides[0] // 2, sides[0] // 2, sides[1] // 2, sides[1] // 2)


def _merged(one: Node, other: Node) -> Node:
    first, wide = core_of(one.op), core_of(other.op)
    assert isinstance(first, Conv) and isinstance(wide, Conv)
    op = other.op if isinstance(other.op, Fused) else Fused(wide)
    filters = first.filters + wide.filters
    centred = apply("centred", one.recipe("weight"), *wide.kernel)
    recipes: dict[str, Recipe] = {"weight": apply("concat", centred, other.recipe("weight"))}
    if wide.bias is not False:
        recipes["bias"] = apply("concat", one.recipe("bias"), other.recipe("bias"))
    op = replace(op, core=replace(wide, filters=filters), centred=first.filters)
    return replace(other, op=op, shape=(filters, *other.shape[1:]), recipes=recipes)
