"""Compute a projection shortcut together with the last 1x1 of its block, as one convolution over both inputs.

    W1 x + W2 y = [W1 W2] [x; y]

with columns of the weights side by side and x, y stacked along channels (He et al. 2015, option B, where a stage
begins). The sum then costs no pass over memory at all, and one deeper product replaces two. The shortcut's stride, if
it has one, picks pixels of its input before they are stacked. Its biases add up. An activation after the sum is kept.

On a device that stacks by reading from two addresses nothing is copied; a backend that has to copy the inputs
together should leave this pass out.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Recipe, apply
from cnndsl.ops.convolution import Conv
from cnndsl.ops.fused import Fused, Subsample, core_of
from cnndsl.ops.merge import Add, Concat
from cnndsl.passes.free_name import free_name
from cnndsl.passes.notes import Notes
from cnndsl.records import replace


def projection_shortcut(graph: Graph, notes: Notes | None = None) -> Graph:
    """Expects sums fused to convolutions by `fuse_add`."""
    notes = notes or Notes()
    gone: set[str] = set()
    changed: dict[str, tuple[Node, ...]] = {}
    names = graph.taken_names()
    for node in graph:
        if not isinstance(node.op, Fused) or not node.op.epilogue or not isinstance(node.op.epilogue[0], Add):
            continue
        other = graph[node.inputs[1]]
        if not _is_1x1(other) or _ends_a_block(graph, other):
            continue  # no projection
        reason = _why_not(graph, node, other)
        if reason is None:
            changed[node.name] = _joined(graph, node, other, names)
            gone.add(other.name)
            notes.fused(node.name, other.name, how="computed with the last convolution of its block")
        else:
            notes.declined(other.name, reason)
    kept = (node for node in graph if node.name not in gone)
    return graph.rewrite(made for node in kept for made in changed.get(node.name, (node,)))


def _is_1x1(node: Node) -> bool:
    core = core_of(node.op)
    return isinstance(core, Conv) and core.kernel == (1, 1) and not any(core.sides) and core.groups == 1


def _ends_a_block(graph: Graph, node: Node) -> bool:
    """Whether it is what a block reads and adds to its result."""
    return isinstance(node.op, Fused) and bool(node.op.epilogue) and len(graph.consumers(node.name)) > 1


def _why_not(graph: Graph, node: Node, other: Node) -> str | None:
    if not _is_1x1(node):
        return f"{node.name} is no plain 1x1 convolution"
    for each in (node, other):
        if isinstance(each.op, Fused) and each.op.prologue:
            return f"{each.name} normalises its input first"
    if isinstance(other.op, Fused) and other.op.epilogue:
        return f"{other.name} ends with `{other.op.epilogue[-1].word}`"
    if graph.is_output(other.name):
        return f"{other.name} is an output of the network"
    readers = graph.consumers(other.name)
    if len(readers) > 1:
        return f"{other.name} is also read by {readers[0].name}"
    return f"{node.name} also convolves it" if other.name == node.inputs[0] else None


def _joined(graph: Graph, node: Node, other: Node, names: set[str]) -> tuple[Node, ...]:
    """The nodes that take the place of both: subsampled inputs where there are strides, their stack, the product."""
    made: list[Node] = []
    first, second = (_sampled(graph, each, node, names, made) for each in (node, other))
    stack_shape = (first.shape[0] + second.shape[0], *first.shape[1:])
    stack = Node(free_name(f"{node.name}_inputs", names), Concat(), (first.name, second.name), stack_shape, node.span)
    core = core_of(node.op)
    assert isinstance(node.op, Fused) and isinstance(core, Conv)
    weights = apply("concat_columns", node.recipe("weight"), other.recipe("weight"))
    recipes: dict[str, Recipe] = {"weight": weights}
    biases = [each.recipe("bias") for each in (node, other) if _biased(each)]
    if biases:
        recipes["bias"] = apply("add", *biases)
    core = replace(core, stride=(1, 1), bias=bool(biases))
    op = replace(node.op, core=core, epilogue=node.op.epilogue[1:])
    return (*made, stack, replace(node, op=op, inputs=(stack.name,), recipes=recipes))


def _biased(node: Node) -> bool:
    core = core_of(node.op)
    return isinstance(core, Conv) and core.bias is not False


def _sampled(graph: Graph, conv: Node, node: Node, names: set[str], made: list[Node]) -> Node:
    """The input of a convolution at the pixels that it reads."""
    source, core = graph[conv.inputs[0]], core_of(conv.op)
    assert isinstance(core, Conv)
    if core.stride == (1, 1):
        return source
    op = Subsample(stride=core.stride)
    name = free_name(f"{node.name}_pixels", names)
    made.append(Node(name, op, (source.name,), op.output(source.shape), conv.span))
    return made[-1]
