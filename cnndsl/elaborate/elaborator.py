"""What is known while a network is elaborated, and how its bodies are run.

Everything else stands above this: how each kind of statement is run (`flows`, `statements`), what a flow is made of
(`layers`, `merges`, `blocks`, `structures`), and which is asked for which (`dispatch`). A statement that fails gives
POISON instead of a tensor; what follows is still looked at for mistakes of its own, but nothing is said about a tensor
that failed before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from cnndsl.diagnostics import Diagnostic
from cnndsl.elaborate.claim import Claim
from cnndsl.elaborate.context import MAX_DEPTH, Context
from cnndsl.elaborate.drafts import Drafts, ScopeDraft, Tensor
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.elaborate.labelled import Reader
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import labels_of
from cnndsl.elaborate.place import Flowing, LabelUse, Passing, Place
from cnndsl.elaborate.values import POISON, Failed
from cnndsl.ops.base import Op, Shape
from cnndsl.records import dataclass, field
from cnndsl.source import Span
from cnndsl.syntax import tree

Handler: TypeAlias = "Callable[[Elaborator, Any, Place, Flowing], Flowing]"


@dataclass
class Settings:
    """What a caller may set for one elaboration.

    input         the shapes to use instead of the network's own
    hold_claims   whether ascriptions and expectations are checked: not for another input than the file's
    distrusted    claims of shapes that are wrong themselves: the flow goes on with what the layers make
    left_out      train-only heads that do not fit on this input, with the first mistake in each
    """

    input: GivenInputs | None = None
    hold_claims: bool = True
    distrusted: frozenset[Span] = frozenset()
    left_out: Mapping[str, Diagnostic] = field(default_factory=dict)


@dataclass
class Elaborator:
    """The state of one elaboration.

    module    the file that is being checked
    handlers  what runs a statement, by its type; they are given, since statements hold statements again
    ran       the bodies that were run, by their ids
    passings  what came to every link of a chain and what it gave, in the order in which they ran
    made_by   node -> the outermost command that it is the result of so far
    past_head what a head that is there outside of training too has read, and that flowed on
    draw      for the global drop-path of fractals; vanishes if there are none
    settled   nodes whose shape a claim confirms, or that go on with a claimed one
    stated_inputs  the inputs by name, with the shapes that the file says
    resized   whether an input is of another shape than the file's
    unfit     train-only heads that do not fit on this input, with the first mistake in each
    whole     whether all heads could be built
    """

    context: Context
    drafts: Drafts
    module: Module
    handlers: Mapping[type, Handler]
    settings: Settings = field(default_factory=Settings)
    claims: list[Claim] = field(default_factory=list)
    heads: list[tuple[str, Tensor, bool]] = field(default_factory=list)
    past_head: Flowing = None
    head_names: dict[str, Span] = field(default_factory=dict)
    label_uses: dict[Span, LabelUse] = field(default_factory=dict)
    ran: set[int] = field(default_factory=set)
    passings: list[Passing] = field(default_factory=list)
    made_by: dict[int, Span] = field(default_factory=dict)
    inputs: list[Tensor] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    stated_inputs: list[tuple[str, Shape]] = field(default_factory=list)
    resized: bool = False
    unfit: dict[str, Diagnostic] = field(default_factory=dict)
    whole: bool = True
    draw: Tensor | None = None
    depth: int = 0  # of braces and calls
    lacks_input: bool = False  # which was reported

    def body(self, body: tree.Body, place: Place, x: Flowing) -> Flowing:
        """Run the statements of a body; gives what flows at its end."""
        self.ran.add(id(body))
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.depth -= 1
            raise self.context.fail("E104", f"blocks and braces are nested more than {MAX_DEPTH} deep", body.span)
        previous: tree.Statement | None = None
        for statement in body.statements:
            if self.depth == 1:
                self.context.statement = statement.span
            self.context.step(statement.span)
            try:
                again = isinstance(statement, tree.Branch) and isinstance(previous, tree.Branch)
                x = POISON if again else self.statement(statement, place.entered(x), x)
            except Failed:
                place.labels.lost.update(label.id for label in labels_of(statement))
                x = POISON
            previous = statement
        self.depth -= 1
        return x

    def statement(self, statement: tree.Statement, place: Place, x: Flowing) -> Flowing:
        return self.handlers[type(statement)](self, statement, place, x)

    def evaluator(self, place: Place) -> Evaluator:
        reader = Reader(self.context, place)
        return Evaluator(self.context, place.module, place.env, incoming=place.entering, labels=reader)

    def add(
        self,
        op: Op,
        inputs: tuple[Tensor, ...],
        shape: Shape,
        span: Span,
        scope: ScopeDraft,
        label: tree.Name | None = None,
    ) -> Tensor:
        """A layer becomes a node of the graph."""
        self.context.node(span)
        return self.drafts.add(op, inputs, shape, span, scope, label.id if label else op.word, bool(label))

    # --- for messages

    def shaped_by(self, tensor: Tensor, since: int = 0) -> Span | None:
        """The command that gave a tensor its shape, among those that made nodes from number `since` on."""
        node, nodes = tensor.node, self.drafts.nodes
        while len(nodes[node].inputs) == 1 and nodes[node].inputs[0] in self.made_by and node > since:
            before = nodes[node].inputs[0]
            if before < since or nodes[before].shape != tensor.shape:
                break
            node = before
        return self.made_by.get(node) if node >= since else None
