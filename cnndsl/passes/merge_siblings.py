"""Compute the 1x1 convolutions that read one tensor as one convolution, and split its result.

    [W1; W2] x = [W1 x; W2 x]

with the rows of the weights stacked (Szegedy et al. 2014 write the inception module so that three of its four branches
begin with such a convolution). The input is read once instead of once for each sibling, and a matrix with more rows
is multiplied at a better rate. Each sibling's place is taken by a slice of the result, which copies nothing.
Siblings that only a concat reads come first, so that a kernel with two outputs can put them there and the rest apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Recipe, apply
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused, core_of
from cnndsl.ops.reshape import ChannelSlice
from cnndsl.passes.free_name import free_name
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def merge_siblings(graph: Graph, notes: Notes | None = None) -> Graph:
    notes = notes or Notes()
    places = {node.name: place for place, node in enumerate(graph)}
    before: dict[str, list[Node]] = defaultdict(list)  # the merged nodes, by the node they stand before
    taken = graph.taken_names()
    sliced: dict[str, Node] = {}
    for siblings in _families(graph, notes):
        place = _place(graph, places, siblings)
        if place is None:
            notes.declined(siblings[0].name, "the merged convolution would stand before what it reads")
            continue
        merged = _merged(siblings, taken)
        before[place].append(merged)
        sliced |= {node.name: node for node in _slices(siblings, merged)}
        notes.fused(merged.name, *(node.name for node in siblings), how="merged with its siblings")
    return graph.rewrite(_woven(graph, before, sliced))


def _woven(graph: Graph, before: Mapping[str, list[Node]], sliced: dict[str, Node]) -> Iterator[Node]:
    for node in graph:
        # One that is in an inner scope opens it, so it comes after those outside.
        yield from sorted(before.get(node.name, ()), key=lambda merged: merged.name.count("."))
        yield sliced.get(node.name, node)


def _families(graph: Graph, notes: Notes) -> Iterator[list[Node]]:
    """Convolutions that can be one: of the same input and stride, with the same prologue and epilogue."""
    found: dict[object, list[Node]] = {}
    readers: dict[str, list[Node]] = {}
    for node in graph:
        op = node.op
        core = core_of(op)
        if not isinstance(core, Conv) or core.kernel != (1, 1) or any(core.sides) or core.groups > 1:
            continue
        readers.setdefault(node.inputs[0], []).append(node)
        if len(node.inputs) == 1:
            around = (op.prologue, op.epilogue) if isinstance(op, Fused) else ((), ())
            affine = (node.recipes.get("scale"), node.recipes.get("shift"))
            biased = core.bias is not False
            found.setdefault((node.inputs[0], core.stride, around, affine, biased), []).append(node)
    merged = {node.name for family in found.values() if len(family) > 1 for node in family}
    for siblings in readers.values():
        for node in siblings:
            if len(siblings) > 1 and node.name not in merged:
                notes.declined(node.name, "its siblings differ in stride, bias, batch norm or activation")
    for family in found.values():
        if len(family) > 1:
            yield sorted(family, key=lambda node: not _ends_in_concat(graph, node))


def _ends_in_concat(graph: Graph, node: Node) -> bool:
    return [reader.op.word for reader in graph.consumers(node.name)] == ["concat"]


def _place(graph: Graph, places: dict[str, int], siblings: list[Node]) -> str | None:
    """Before which node the merged one goes: outside of the scopes that the siblings do not share.

    None if their input is not there yet.
    """
    common = _common(siblings)
    depth = common.count(".") + 1 if common else 0
    first = min(siblings, key=lambda node: places[node.name])
    opened = first.name.split(".")[: depth + 1]
    opening = next(node.name for node in graph if node.name.split(".")[: depth + 1] == opened)
    return opening if places[first.inputs[0]] < places[opening] else None


def _common(siblings: list[Node]) -> str:
    """The innermost scope that all are in."""
    paths = [node.name.split(".")[:-1] for node in siblings]
    shared = 0
    while all(len(path) > shared and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    return ".".join(paths[0][:shared])


def _merged(siblings: list[Node], taken: set[str]) -> Node:
    first = siblings[0]
    op = first.op if isinstance(first.op, Fused) else Fused(_core(first))
    filters = sum(_core(node).filters for node in siblings)
    recipes: dict[str, Recipe] = {"weight": apply("concat", *(node.recipe("weight") for node in siblings))}
    if _core(first).bias is not False:
        recipes["bias"] = apply("concat", *(node.recipe("bias") for node in siblings))
    recipes |= {name: recipe for name, recipe in first.recipes.items() if name in ("scale", "shift")}
    op = replace(op, core=replace(_core(first), filters=filters))
    shape = (filters, *first.shape[1:])
    common = _common(siblings)
    name = free_name(f"{common}.siblings" if common else "siblings", taken)
    return Node(name, op, first.inputs, shape, first.span, recipes=recipes)


def _core(node: Node) -> Conv:
    core = core_of(node.op)
    assert isinstance(core, Conv)
    return core


def _slices(siblings: list[Node], merged: Node) -> Iterator[Node]:
    start = 0
    for node in siblings:
        stop = start + node.shape[0]
        yield Node(node.name, ChannelSlice(start, stop), (merged.name,), node.shape, node.span)
        start = stop
