"""What is written in and behind the boxes: layers with their kinds, names, badges, and what a pointer is told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from cnndsl.analysis.cost import Cost, costs, total
from cnndsl.analysis.facts import Facts
from cnndsl.analysis.wording import Chain, Wording, shapes_out
from cnndsl.draw.counts import count, memory
from cnndsl.draw.lettering import shortened
from cnndsl.draw.model import Fact, Kind, Section
from cnndsl.ir.graph import Node
from cnndsl.ir.scopes import own_name
from cnndsl.ir.tree import Part
from cnndsl.ops.activation import LogSoftmax, Prelu, Softmax
from cnndsl.ops.base import Op, Shape, show_shape
from cnndsl.ops.merge import Merge
from cnndsl.ops.normalization import Lrn, Normalization
from cnndsl.ops.pooling import AdaptivePool, GlobalPool, Pool

LONGEST = 44  # characters of a layer in a box
LONGEST_FOLLOWER = 14
SYMBOLS = {"add": "+", "mul": "×", "sub": "−", "fractal_join": "join"}
COUNTED = {"params": "params", "macs": "MACs"}
PLAIN = ("branch", "shortcut", "row", "column", "fractal")  # scopes that show by their place alone

_KINDS: tuple[tuple[tuple[type[Op], ...], Kind], ...] = (
    ((Merge,), "merge"),
    ((Pool, GlobalPool, AdaptivePool), "pool"),
    ((Normalization, Lrn), "norm"),
    ((Prelu, Softmax, LogSoftmax), "activation"),
)


def kind(op: Op) -> Kind:
    """What colour a layer has."""
    if op.arity == 0:
        return "terminal"
    for classes, found in _KINDS:
        if isinstance(op, classes):
            return found
    if op.weighted:
        return "weights"
    return "activation" if op.pointwise and op.word != "identity" else "merge" if op.arity is None else "other"


class Labels:
    """Words for the nodes and scopes of one network."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.graph = facts.graph
        self.wording = Wording(self.graph)
        self._costs = costs(self.graph)

    def sections(self, chain: Chain) -> tuple[Section, ...]:
        main, *followers = chain
        return (Section(self._main(main), kind(main.op)), *(Section(self._follower(n), kind(n.op)) for n in followers))

    def _main(self, node: Node) -> str:
        if node.op.arity == 0 and own_name(node.name) != node.op.word:  # an input that its author named
            return f"{own_name(node.name)} {show_shape(node.shape)}"
        return SYMBOLS.get(node.op.word) or shortened(_written(node.op), LONGEST)

    def _follower(self, node: Node) -> str:
        text = _written(node.op)
        return text if len(text) <= LONGEST_FOLLOWER else node.op.word

    def scope(self, part: Part) -> str:
        """What a closed scope is: its block's call, or what it is made of. A block that its title names is left out."""
        text = self.wording.scope(part.scope, self.wording.entries(part))
        if part.scope.block is not None and self._automatic(part):
            text = text.removeprefix(part.scope.block).lstrip()
        return shortened(_rounded(text), LONGEST)

    def title(self, part: Part) -> str:
        """`inception3a`; of several in a row what they have in common, as the badge counts them."""
        name = own_name(part.scope.path)
        return name.rstrip("0123456789") if part.count > 1 else name

    def caption(self, part: Part) -> str:
        """The title of a scope of one layer, if its author chose it: such a scope is drawn as that layer."""
        return "" if self._automatic(part) else self.title(part)

    def _automatic(self, part: Part) -> bool:
        """Whether its name is that of its block or kind, as it is without a label."""
        given = part.scope.block or part.scope.kind
        return re.fullmatch(rf"{re.escape(given)}\d*", own_name(part.scope.path)) is not None

    def shape(self, chain: Chain) -> str:
        """The shape of its output, if it is another than that of its input; that of an input is in its box."""
        shapes = self.graph.input_shapes(chain[0])
        return show_shape(chain[-1].shape) if shapes and chain[-1].shape != shapes[0] else ""

    def cost(self, nodes: Chain) -> Cost:
        return total(self._costs[node.name] for node in nodes)

    def numbers(self, nodes: Chain, shapes: tuple[Shape, ...]) -> dict[Fact, str]:
        """What can be written of some layers: what they cost, take and see; nothing of what they do not have."""
        cost = self.cost(nodes)
        counted: dict[Fact, int] = {"params": cost.params, "macs": cost.macs}
        told: dict[Fact, str] = {fact: f"{count(n)} {COUNTED[fact]}" for fact, n in counted.items() if n}
        return {**told, "memory": memory(shapes), "field": f"sees {self.field(nodes)}"}

    def chain_detail(self, chain: Chain) -> str:
        first, last = chain[0], chain[-1]
        return self._detail(first.name, self.wording.chain(chain), chain, (last.shape,))

    def scope_detail(self, part: Part) -> str:
        nodes = self.graph.nodes[part.start : part.last.stop]
        first, last = part.scope.path, part.last.scope.path
        name = first if part.count == 1 else f"{first} to {last}"
        return self._detail(
            name, self.wording.scope(part.scope, self.wording.entries(part)), nodes, shapes_out(self.graph, part)
        )

    def _detail(self, name: str, layers: str, nodes: tuple[Node, ...], shapes: tuple[Shape, ...]) -> str:
        cost = self.cost(nodes)
        span = nodes[0].span
        lines = [name, layers, f"puts out {', '.join(map(show_shape, shapes))}"]
        if cost.params or cost.macs:
            lines.append(f"{cost.params:,} params, {cost.macs:,} MACs")
        lines.append(f"{memory(shapes)} in float32, receptive field {self.field(nodes)}")
        lines.append(f"{PurePath(span.source.name).name}:{span.line}")
        return "\n".join(lines)

    def field(self, nodes: Chain) -> str:
        """`11`, or `11 x 7`: what the last of some layers sees of the input, in pixels."""
        rows, columns = self.facts.fields[nodes[-1].name].size
        if not rows * columns:
            return "the whole input"
        return f"{rows}" if rows == columns else f"{rows} x {columns}"

    def facts_line(self) -> str:
        """`7.0M params, 1.58G MACs, depth 22`"""
        facts = self.facts
        return f"{count(facts.params)} params, {count(facts.macs)} MACs, depth {facts.depth}"


def _written(op: Any) -> str:
    """A layer as figures have it: none of them says which convolutions have a bias, and squares are one number."""
    text = str(replace(op, bias=None) if hasattr(op, "bias") else op)
    return _rounded(re.sub(r"=(\d+)x\1\b", r"=\1", text))


def _rounded(text: str) -> str:
    """No figure says 2 / 3 in sixteen digits."""
    return re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.4g}", text)


def badge(part: Part, parallel: bool) -> str:
    if part.count == 1:
        return ""
    return f"{part.count} in parallel" if parallel else f"x{part.count}"
