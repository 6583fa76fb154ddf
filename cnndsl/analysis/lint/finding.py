"""What rules have in common: a finding, and how they look around a node."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.arguments import Choice
from cnndsl.ops.base import Op

Fact: TypeAlias = Literal["bounds", "constant", "does_nothing"]
Kinds: TypeAlias = tuple[type[Op], ...]
Finding: TypeAlias = tuple[Node, Diagnostic]
Rule: TypeAlias = Callable[[Graph], Iterator[Finding]]

_NAME = re.compile(r"\b[A-Za-z_]\w*\b(?!\s*=(?!=))")  # keywords of arguments left out
_LITERALS = {"true", "false", "x"}


def speaks_of(op: Op, fact: Fact) -> bool:
    """Whether a layer says more of that fact than `Op` does; most do not, and need not be asked."""
    return getattr(type(op), fact) is not getattr(Op, fact)


def only_reader(graph: Graph, node: Node) -> Node | None:
    """What reads this node, if that is one layer and the node is no output."""
    readers = graph.consumers(node.name)
    return readers[0] if len(readers) == 1 and not graph.is_output(node.name) else None


def before(graph: Graph, node: Node, kinds: Kinds, through: Kinds = ()) -> Node | None:
    """What the node reads, if it is of these kinds and nothing else reads it; layers between may be of others."""
    while len(node.inputs) == 1:
        source = graph[node.inputs[0]]
        if not isinstance(source.op, kinds + through) or only_reader(graph, source) is None:
            return None
        if isinstance(source.op, kinds):
            return source
        node = source
    return None


def is_written_out(node: Node) -> bool:
    """Whether the layer stands in the file as it is, with nothing that a parameter or a loop decides."""
    choices = (kind.choices for p in node.op.signature() if isinstance(kind := p.kind, Choice))
    known = _LITERALS.union({node.op.word}, *choices)
    return known.issuperset(_NAME.findall(node.span.text))
