"""A network of other makers in our words: the one form that every reader gives, and that lifting, importing weights and
comparing start from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    reads.
    """

    word: ClassVar[str] = "unread"
    arity: ClassVar[int | None] = None
    operator: str = argument(Kind())
    where: str = ""
    shape: Shape = ()
    why: str = ""

    def output(self, *inputs: Shape) -> Shape:
        return self.shape

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
    """

    title: str
    graph: Graph
    tensors: Mapping[str, Tensor]
    names: Mapping[str, str]

    def unread(self) -> Iterator[Node]:
        """The steps that are in no layer's words."""
        return (node for node in self.graph if isinstance(node.op, Unread))
