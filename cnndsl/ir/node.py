"""What a graph is made of, as frozen data: layers in their places, results, and named parts.

Shapes leave out the batch axis, which is symbolic and printed as N.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.ir.recipe import Original, Recipe, Recipes
from cnndsl.ir.scopes import in_state
from cnndsl.ops.base import Op, Shape
from cnndsl.records import dataclass, field
from cnndsl.source import Span


@dataclass(frozen=True, slots=True)
class Node:
    """One layer at one place of the network.

    `name` is its instance path (`stage2.bottleneck3.conv2`), unique in the graph, and the prefix of its weights'
    names; `inputs` are the names of the nodes it reads, in argument order; `shape` is what it puts out.
    One that is `again` another node has its weights.
    `recipes` say of a node that a pass has made how its weights follow from the original ones, by the names of its
    parameters; the weights of a node without them are its own.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape
    span: Span
    again: str = ""
    recipes: Recipes = field(default_factory=dict, hash=False)

    @property
    def sources(self) -> tuple[str, ...]:
        """The inputs that it computes with; of the others it takes the size alone."""
        return self.inputs[: len(self.inputs) - self.op.measured]

    def key(self, tensor: str) -> str:
        """The name of one of its tensors in a state dict."""
        return f"{in_state(self.again or self.name)}.{tensor}"

    def recipe(self, parameter: str) -> Recipe:
        """How that parameter follows from the original weights."""
        return self.recipes.get(parameter, Original(self.key(parameter)))


MAIN = "output"  # the name of what flows at the end of a network, if that is one tensor


@dataclass(frozen=True, slots=True)
class Output:
    """A result of the network: the main one, one of the tensors of a bundle at its end, or a head's."""

    name: str
    node: str
    train_only: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """A named part of the network: a block call, a branch, a stage, a labelled chain, a head.

    `path` is its instance path, a prefix of the names of the nodes inside (`""` is the whole network);
    `block` the name of the block it calls, if it is a block call, with the `arguments` of that call by parameter;
    `doc` that block's documentation (the comment above its definition). Where a bundle flows in or out, `takes` and
    `gives` are the nodes that its tensors come from, in its order. A scope that is `again` another one has its weights.
    """

    path: str
    kind: str  # "network", "block", "stage", "branch", "label", "head", "shortcut", "layer", "column", "unit"
    span: Span
    block: str | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)
    doc: str = ""
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    again: str = ""
