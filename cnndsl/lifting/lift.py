"""`lift`: a foreign network becomes text, and nothing is given that was not proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cnndsl.architecture import Architecture
from cnndsl.errors import LiftError, ParameterError
from cnndsl.foreign.network import Unread
from cnndsl.foreign.sources import Foreign, from_module, read_source
from cnndsl.ir.graph import Graph, Node
from cnndsl.lifting.proof import Proof, prove
from cnndsl.lifting.sizes import following
from cnndsl.lifting.writing import written
from cnndsl.lifting.writing.labels import identifier
from cnndsl.ops.base import Shape, show_shape

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Lifted:
    """What was lifted.

    text          the `.arch` file
    architecture  the checked network that it describes
    weights       the weights of the source, by the names of that network
    proof         what was compared, and how it came out
    """

    text: str
    architecture: Architecture = field(repr=False)
    weights: dict[str, Tensor] = field(repr=False)
    proof: Proof


def lift(source: nn.Module | str, /, *, input: Shape | Sequence[Shape] | None = None) -> Lifted:
    """Describe a network of other makers in the language.

    source  a module, or what `cnndsl lift` takes: `torchvision:NAME`, `timm:NAME`, `package.module:callable`, FILE.pt2
    input   the shape of its input, as (channels, height, width), or a list of them if it has several

    Raises `LiftError` with the steps that no layer says, or where the proof fails; `ModelError`, `WeightsError` or
    `MissingExtra` if there is no such source, it cannot be recorded, or a library is not installed.
    """
    shapes = _shapes(input)
    if isinstance(source, str):
        return lift_foreign(read_source(source, shapes))
    title = type(source).__name__
    return lift_foreign(from_module(source, shapes, title, f"from a {title}"))


def lift_foreign(foreign: Foreign) -> Lifted:
    """The text of a network that was read, proved. Raises `LiftError`."""
    gaps = [_gap(node) for node in foreign.network.unread()]
    if gaps:
        raise LiftError(f"cannot lift {foreign.title}: {_counted(len(gaps))} no layer of the language", gaps)
    if all(node.op.arity == 0 for node in foreign.network.graph):
        raise LiftError(f"cannot lift {foreign.title}: it has no layers")
    made = written(_named(following(foreign.network.graph)), header=_header(foreign))
    architecture, weights, proof = prove(foreign, made)
    return Lifted(made.text, architecture, weights, proof)


def partial_text(foreign: Foreign) -> str:
    """The text of what can be lifted; a step that no layer says is the word `unread`, with a comment above."""
    graph = foreign.network.graph
    nameless = _named(graph).rewrite(map(_nameless, graph))
    header = [*_header(foreign), "Not whole: there is no layer for what is called `unread`, so this does not check."]
    reasons = {node.op.operator: node.op.why for node in foreign.network.unread() if isinstance(node.op, Unread)}
    lines = []
    for line in written(nameless, header=header).text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        words = [operator for operator in reasons if f'unread "{operator}"' in line]
        lines += [f"{indent}# gap: `{operator}`: {reasons[operator]}" for operator in words]
        lines.append(line)
    return "\n".join(lines)


def _named(graph: Graph) -> Graph:
    """The graph with outputs that have names of the language."""
    outputs = [replace(output, name=identifier(output.name, "output")) for output in graph.outputs]
    return graph.rewrite(graph.nodes, outputs)


def _nameless(node: Node) -> Node:
    """An unread step without its place, so that blocks with such steps are alike."""
    return replace(node, op=replace(node.op, where="")) if isinstance(node.op, Unread) else node


def _header(foreign: Foreign) -> list[str]:
    return [f"{foreign.title.rpartition(':')[2]}, lifted {foreign.origin}."]


def _gap(node: Node) -> str:
    """`matmul of blocks.0.attn (64 x 56 x 56): no layer computes matmul`"""
    op = node.op
    why = op.why if isinstance(op, Unread) else ""
    return f"{op} ({show_shape(node.shape)})" + (f": {why}" if why else "")


def _counted(count: int) -> str:
    return "a step is" if count == 1 else f"{count} steps are"


def _shapes(input: Shape | Sequence[Shape] | None) -> list[Shape] | None:
    if input is None:
        return None
    several = isinstance(input, list | tuple) and bool(input) and isinstance(input[0], list | tuple)
    shapes = [tuple(each) for each in input] if several else [tuple(input)]  # type: ignore[arg-type]
    if not all(type(size) is int and size > 0 for shape in shapes for size in shape) or not all(shapes):
        raise ParameterError(f"input is a shape such as (3, 320, 320), or a list of them, not {input!r}")
    return shapes  # type: ignore[return-value]
