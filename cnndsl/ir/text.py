"""The textual form of a graph: exact, stable and made to be read and diffed.

Everything the graph says is in it, and nothing else, so two graphs with the same text are the same network. It is
what `cnndsl compile --emit ir` prints, what goldens hold, and what `str(graph)` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath

from cnndsl.ir.node import MAIN, Node, Output, Scope
from cnndsl.ir.tree import Part, tree
from cnndsl.ops.arguments import show
from cnndsl.ops.base import show_shape
from cnndsl.records import dataclass
from cnndsl.source import Span

INDENT = "  "
TAB = 8  # columns are as wide as their longest cell, rounded up, so that one longer name rarely moves every line
WIDEST = 56  # a cell above this (a concat of many branches) sticks out instead of moving the others


@dataclass(frozen=True, slots=True)
class _Line:
    left: str
    right: str = ""
    shape: str = ""
    span: Span | None = None


def format_network(name: str, nodes: Sequence[Node], outputs: Sequence[Output], scopes: Mapping[str, Scope]) -> str:
    """The graph as text, one line per node under the scopes it stands in, without a final line end.

    `%conv2 = conv(%relu1) 3x3, 64 : N x 64 x 28 x 28  # file.arch:12` reads: node `conv2` is a conv of `relu1` with
    these arguments, puts out this shape (N is the batch), and comes from this line.
    """
    lines = [*_body(tree(nodes, scopes)), *_outputs(outputs)]
    left = _width(line.left for line in lines if line.right)
    right = _width(line.right for line in lines)
    shape = max((len(line.shape) for line in lines), default=0)
    header = f"network {name}: {_shapes(nodes, outputs)}"
    return "\n".join([header, "", *(_format(line, left, right, shape) for line in lines)])


def _shapes(nodes: Sequence[Node], outputs: Sequence[Output]) -> str:
    """`3 x 224 x 224 -> 1000`"""
    inputs = (show_shape(node.shape) for node in nodes if node.op.arity == 0)
    shapes = {node.name: show_shape(node.shape) for node in nodes}
    results = (shapes[output.node] for output in outputs if not output.train_only)
    return f"{', '.join(inputs)} -> {', '.join(results) or 'nothing'}"


def _body(root: Part) -> Iterator[_Line]:
    pending: list[tuple[int, Node | Part]] = [(0, item) for item in reversed(root.items)]
    while pending:
        level, item = pending.pop()
        if isinstance(item, Part):
            yield _Line(INDENT * level + _scope(item.scope), span=item.scope.span)
            pending.extend((level + 1, inner) for inner in reversed(item.items))
        else:
            shape = f": N x {show_shape(item.shape)}"
            yield _Line(f"{INDENT * level}%{item.name}", f"= {_call(item)}", shape, item.span)


def _scope(scope: Scope) -> str:
    """`stage1.bottleneck2: block bottleneck filters=64, stride=1`"""
    arguments = ", ".join(f"{name}={show(value)}" for name, value in scope.arguments.items())
    return " ".join(part for part in (f"{scope.path}:", scope.kind, scope.block, arguments) if part)


def _call(node: Node) -> str:
    """`conv(%input) 7x7, 64, /2`: the layer as the language writes it, with what it reads."""
    word, _, arguments = str(node.op).partition(" ")
    inputs = ", ".join(f"%{source}" for source in node.inputs)
    again = f" again %{node.again}" if node.again else ""
    return f"{word}{f'({inputs})' if inputs else ''} {arguments}".rstrip() + again


def _outputs(outputs: Iterable[Output]) -> Iterator[_Line]:
    yield _Line("")
    for output in outputs:
        kind = "train-only output" if output.train_only else "output"
        name = "" if output.name == MAIN else f" {output.name}"
        yield _Line(f"{kind}{name} = %{output.node}")


def _width(cells: Iterable[str]) -> int:
    longest = max((len(cell) for cell in cells if len(cell) <= WIDEST), default=0)
    return -(-longest // TAB) * TAB


def _format(line: _Line, left: int, right: int, shape: int) -> str:
    text = f"{line.left:<{left}} {line.right:<{right}} {line.shape:<{shape}}" if line.right else line.left
    if line.span is None:
        return text.rstrip()
    return f"{text:<{left + right + shape + 2}}  # {PurePath(line.span.source.name).name}:{line.span.line}"
