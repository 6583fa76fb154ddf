"""A network of other makers in our words: the one form that every reader gives, and that lifting, importing weights and
comparing start from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.arguments import Kind, argument
from cnndsl.ops.base import Op, Shape

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Unread(Op):
    """A step that no layer of the language says: what its maker calls it, where it stands, and why it is not read.

    It keeps the shape that was recorded for it, so that all that follows can still be read. It has as many inputs as it
    reads; `facts` are what is said to it besides, and `held` the shapes of the kept tensors that it reads, by argument.
    """

    word: ClassVar[str] = "unread"
    arity: ClassVar[int | None] = None
    operator: str = argument(Kind())
    where: str = ""
    shape: Shape = ()
    why: str = ""
    facts: tuple[tuple[str, object], ...] = ()
    held: tuple[tuple[str, Shape], ...] = ()

    def output(self, *inputs: Shape) -> Shape:
        return self.shape

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        return dict(self.held)

    def __str__(self) -> str:
        return f"{self.operator} of {self.where}" if self.where else self.operator


@dataclass(frozen=True)
class ForeignNetwork:
    """What a reader gives.

    title    what the source is called, such as `torchvision:resnet50`
    graph    its layers in our words, in the order of the source, without what no output needs. Names of nodes are paths
             of the source (`layer1.0.conv1`) where it has any; scopes are its modules, each `block` the class of one.
             But for unread steps, `ir.verify` holds: a module whose steps others interrupt is a scope more than once
    tensors  the value of every tensor of `graph`, by its key there, in our layout
    names    what the source calls those of them that it keeps as they are, by the same key
    results  what the source calls that which a layer with tensors gives, by the layer's name
    kept     every tensor that the source keeps, by its name there and in its layout
    unused   the names of those with which nothing computes
    """

    title: str
    graph: Graph
    tensors: Mapping[str, Tensor]
    names: Mapping[str, str]
    results: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, Tensor] = field(default_factory=dict)
    unused: tuple[str, ...] = ()

    def called(self, key: str) -> str:
        """What the source calls a tensor; a name of its own for one that it computes from what it keeps."""
        return self.names.get(key) or f"{key} (computed)"

    def source_tensors(self) -> dict[str, Tensor]:
        """What the source keeps, and what it computes from that, by its own names and in its own layout."""
        computed = {self.called(key): tensor for key, tensor in self.tensors.items() if key not in self.names}
        return {**computed, **self.kept}

    def shared(self) -> list[str]:
        """What the source calls tensors that several of its layers have in common, and of ours each for itself."""
        counts = Counter(self.names.values())
        return [name for name, count in counts.items() if count > 1]

    def unread(self) -> Iterator[Node]:
        """The steps that are in no layer's words."""
        return (node for node in self.graph if isinstance(node.op, Unread))
