"""How a summary says what stands in a row: a layer with its followers, a block's call, what a scope is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

from cnndsl.ir.graph import Graph, Node, Scope
from cnndsl.ir.scopes import own_name
from cnndsl.ir.tree import Part
from cnndsl.ops.arguments import show
from cnndsl.ops.base import Shape, show_shape
from cnndsl.passes.settle_bias import undoes_bias
from cnndsl.records import replace

SHORT = 40  # characters

Chain: TypeAlias = tuple[Node, ...]  # a layer and its followers
Entry: TypeAlias = Part | Chain


def shapes_out(graph: Graph, part: Part) -> tuple[Shape, ...]:
    """The shapes of what flows out of a part, at the end of its repeats: of one tensor, or of those of a bundle."""
    given = [name for name in part.last.scope.gives if name in graph]
    return tuple(graph[name].shape for name in given) or (graph.nodes[part.last.stop - 1].shape,)


def show_shapes(shapes: Sequence[Shape]) -> str:
    """One shape or two as they are, of more the first and the last."""
    shown = [show_shape(shape) for shape in shapes]
    return ", ".join(shown if len(shown) <= 2 else [shown[0], "...", shown[-1]])


class Wording:
    """Words for the parts and nodes of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.outputs = {output.node for output in graph.outputs}

    def entries(self, part: Part) -> list[Entry]:
        """What a part holds, a row each: parts, and layers with those that merely follow them."""
        found: list[Part | list[Node]] = []
        for item in part.items:
            if isinstance(item, Part):
                found.append(item)
            elif found and isinstance(found[-1], list) and self._follows(found[-1][-1], item):
                found[-1].append(item)
            else:
                found.append([item])
        return [entry if isinstance(entry, Part) else tuple(entry) for entry in found]

    def _follows(self, before: Node, node: Node) -> bool:
        """True for a layer that does something to each value where it stands: bn, an activation, dropout."""
        alone = node.inputs == (before.name,) and len(self.graph.consumers(before.name)) == 1
        if not alone or before.name in self.outputs or before.op.arity == 0:
            return False
        stays = node.op.window(before.shape).stays and node.shape == before.shape
        return stays and not node.op.weighted

    def chain(self, chain: Chain) -> str:
        """`conv 3x3, 64 -> bn -> relu`"""
        return " -> ".join(map(self._layer, chain))

    def _layer(self, node: Node) -> str:
        """The layer as the language writes it, without a bias that follows the rule and without an input's shape."""
        op: Any = node.op
        if op.arity == 0:
            return str(op.word)
        if node.again and not next(self.graph.scopes_around(node.name)).again:
            return f"again {node.again}"
        if isinstance(getattr(op, "bias", None), bool) and op.bias is not undoes_bias(self.graph, node):
            op = replace(op, bias=None)
        return str(op)

    def scope(self, scope: Scope, inside: list[Entry]) -> str:
        """`bottleneck filters=64, stride=2` for a block's call, `again tower`, else what the scope is made of."""
        if scope.again:
            return f"again {scope.again}"
        if scope.block is not None:
            return _call(scope)
        chain = lone_chain(inside)
        if chain is not None:
            return self.chain(chain)
        heads = self._line(inside)
        return heads if heads is not None and len(heads) <= SHORT else _contents(inside)

    def _line(self, inside: list[Entry]) -> str | None:
        """`conv 1x1, 96 -> conv 3x3, 128`: the main layers of a scope, if they stand in one line."""
        heads = []
        before: Node | None = None
        for entry in inside:
            if isinstance(entry, Part) or (before is not None and entry[0].inputs != (before.name,)):
                return None
            heads.append(self._layer(entry[0]))
            before = entry[-1]
        return " -> ".join(heads)


def _contents(inside: list[Entry]) -> str:
    """`bottleneck x3, conv`: what a scope is made of, counted."""
    counts: Counter[str] = Counter()
    for entry in inside:
        if isinstance(entry, Part):
            counts[entry.scope.block or _stem(entry.scope)] += entry.count
        else:
            counts[entry[0].op.word] += 1
    return ", ".join(word if count == 1 else f"{word} x{count}" for word, count in counts.items())


def lone_chain(entries: list[Entry]) -> Chain | None:
    """The layers of a scope that holds a single row."""
    only = entries[0] if len(entries) == 1 else None
    return None if isinstance(only, Part) else only


def _call(scope: Scope) -> str:
    """A block with its arguments, by name if that is short, else the bare values as in a paper's table."""
    named = [f"{name}={show(value)}" for name, value in scope.arguments.items()]
    text = f"{scope.block} {', '.join(named)}".rstrip()
    return text if len(text) <= SHORT else f"{scope.block} {', '.join(map(show, scope.arguments.values()))}"


def _stem(scope: Scope) -> str:
    """A scope's own name without its number: `layer` for `stage1.layer6`."""
    return own_name(scope.path).rstrip("0123456789")
