"""Syntax tree to graph: runs a network's statements on a symbolic tensor, calls blocks, checks every shape.

A statement that fails gives POISON instead of a tensor; what follows is still looked at for mistakes of its
own, but nothing is said about a tensor that failed before.
"""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from cnndsl.diagnostics import Label
from cnndsl.diagnostics.suggest import closest
from cnndsl.elaborate.binding import Call, bind
from cnndsl.elaborate.context import MAX_CALLS, NO_RECURSION, Context, TooLarge, ordinal
from cnndsl.elaborate.drafts import Drafts, ScopeDraft, Tensor
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.modules import Module
from cnndsl.elaborate.names import names_in
from cnndsl.elaborate.repair import Repairer
from cnndsl.elaborate.signatures import call_of
from cnndsl.elaborate.structures import STRUCTURES, Repeat, Structure
from cnndsl.elaborate.values import POISON, Block, Env, Failed, Layer
from cnndsl.ops import all_layers, show_shape
from cnndsl.ops.arguments import Parameter, Size, show, type_name
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.ops.fractal import DropPathDraw
from cnndsl.ops.inputs import Input
from cnndsl.source import Span
from cnndsl.syntax import tree

StructureClass = TypeVar("StructureClass", bound=Structure)
Flowing: TypeAlias = Any  # Tensor, None before `input`, or POISON after a mistake


@dataclass
class LabelUse:
    """What became of an `as`: whether `from` reads it, and whether it names weights."""

    name: tree.Name
    read: bool = False
    names_weights: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where statements run: the names they see, the labels they may read, the scope their nodes go to."""

    module: Module
    env: Env
    labels: dict[str, tuple[Flowing, Span]]
    scope: ScopeDraft
    in_block: bool = False
    entering: Flowing = None  # what `in` means: the tensor that enters the statement

    def inner(self, names: Mapping[str, object] | None = None) -> Place:
        """The same place with names of its own (a body in braces, a loop round)."""
        return replace(self, env=Env(self.env, names))

    def within(self, scope: ScopeDraft) -> Place:
        return replace(self, scope=scope)


@dataclass(frozen=True)
class Claim:
    """An `expect` of the network, to be evaluated when its facts are known."""

    expression: tree.Expression
    evaluator: Evaluator


@dataclass(frozen=True, slots=True)
class BranchEnd:
    """What one branch of a merge gives, where it stands, and the nodes it made."""

    result: Flowing
    span: Span
    nodes: range = range(0)


@dataclass
class Settings:
    """What a caller may set for one elaboration.

    input         the shape to use instead of the network's own
    hold_claims   whether ascriptions and expectations are checked: not for another input than the file's
    """

    input: Shape | None = None
    hold_claims: bool = True


@dataclass
class Elaborator:
    context: Context
    drafts: Drafts
    settings: Settings = field(default_factory=Settings)
    claims: list[Claim] = field(default_factory=list)
    heads: list[tuple[str, Tensor, bool]] = field(default_factory=list)
    label_uses: dict[Span, LabelUse] = field(default_factory=dict)
    called: set[Span] = field(default_factory=set)
    made_at: dict[int, Span] = field(default_factory=dict)  # node -> the flow that made it, outermost last
    active: list[tree.BlockDefinition] = field(default_factory=list)
    inputs: list[Tensor] = field(default_factory=list)
    draw: Tensor | None = None  # for the global drop-path of fractals; vanishes if there are none

    def __post_init__(self) -> None:
        self.repairer = Repairer(self.drafts)

    # --- statements

    def body(self, body: tree.Body, place: Place, x: Flowing) -> Flowing:
        """Run the statements of a body; gives what flows at its end."""
        for statement in body.statements:
            self.context.step(statement.span)
            try:
                x = _STATEMENTS[type(statement)](self, statement, replace(place, entering=x), x)
            except Failed:
                x = POISON
        return x

    def evaluator(self, place: Place) -> Evaluator:
        entering = place.entering
        return Evaluator(
            self.context, place.module, place.env, entering.shape if isinstance(entering, Tensor) else entering
        )

    def unreadable(self, statement: tree.Unreadable, place: Place, x: Flowing) -> Flowing:
        return POISON

    def stray_branch(self, statement: tree.Branch, place: Place, x: Flowing) -> Flowing:
        help = "branches stand in the braces of a merge: `concat { | ... | ... }`"
        raise self.context.fail("E316", "a branch outside a merge", statement.span, help=help)

    def input(self, statement: tree.Input, place: Place, x: Flowing) -> Flowing:
        if place.in_block:
            help = "a block works on the tensor it is called on"
            raise self.context.fail("E316", "`input` stands in networks, not in blocks", statement.span, help=help)
        shape = self.settings.input or self.shape(statement.shape, self.evaluator(place))
        if len(shape) not in (1, 3) or min(shape) < 1:
            message = f"an input is channels x height x width, or one number of features, not {show_shape(shape)}"
            raise self.context.fail("E307", message, statement.shape.span)
        name = statement.label.id if statement.label else "input"
        tensor = self.drafts.add(Input(shape), (), shape, statement.span, place.scope, name, bool(statement.label))
        if not self.inputs:
            self.draw = self.drafts.add(DropPathDraw(), (tensor,), (2,), statement.span, place.scope, "draw", False)
        self.inputs.append(tensor)
        if statement.label:
            self.bind_label(statement.label, place, tensor, names_weights=True)
        return tensor

    def shape(self, expression: tree.Expression, evaluator: Evaluator) -> Shape:
        value = evaluator.value(expression)
        if isinstance(value, int) and not isinstance(value, bool):
            return (value,)
        if isinstance(value, Size):
            return tuple(value)
        message = f"a shape is written like 64 x 56 x 56, not {type_name(value)} {show(value)}"
        raise self.context.fail("E307", message, expression.span)

    def let(self, statement: tree.Let, place: Place, x: Flowing) -> Flowing:
        try:
            value = self.evaluator(place).value(statement.value)
            values = self.unpack(value, statement.names, statement.value.span)
        except Failed:
            values = {name.id: POISON for name in statement.names}
        self.define(statement.names, place)
        place.env.names.update(values)
        return x

    def define(self, names: tuple[tree.Name, ...], place: Place) -> None:
        """Claim new names; a name is bound once."""
        for name in names:
            if name.id in place.env:
                first = next((e.places[name.id] for e in place.env.chain() if name.id in e.places), None)
                labels = (Label(first, "first bound here"),) if first else ()
                self.context.fail("E309", f"`{name.id}` is bound already", name.span, labels=labels)
            place.env.places[name.id] = name.span

    def unpack(self, value: object, names: tuple[tree.Name, ...], span: Span) -> dict[str, object]:
        """One value for one name, or the items of a list for several."""
        if len(names) == 1:
            return {names[0].id: value}
        if not isinstance(value, (list, Size)) or len(value) != len(names):
            message = f"{len(names)} names for {type_name(value)} {show(value)}"
            raise self.context.fail("E313", message, span)
        return {name.id: item for name, item in zip(names, value, strict=True)}

    def conditional(self, statement: tree.If, place: Place, x: Flowing) -> Flowing:
        body = self.chosen(statement, place)
        return x if body is None else self.body(body, place.inner(), x)

    def chosen(self, statement: tree.If, place: Place) -> tree.Body | None:
        """The body of the first condition that holds."""
        evaluator = self.evaluator(place)
        for condition, body in statement.cases:
            if evaluator.truth(condition, "`if`"):
                return body
        return statement.otherwise

    def loop(self, statement: tree.For, place: Place, x: Flowing) -> Flowing:
        for inner, where in self.rounds(statement, place):
            with self.context.inside(where):
                x = self.body(statement.body, inner, x)
        return x

    def rounds(self, statement: tree.For, place: Place) -> list[tuple[Place, str]]:
        """The places of a loop's rounds, with the words that name each round in a message."""
        items = self.evaluator(place).value(statement.items)
        if not isinstance(items, (list, Size)):
            message = f"`for` goes over a list, not {type_name(items)} {show(items)}"
            help = "`range(n)` counts from 0 to n - 1" if isinstance(items, int) else None
            raise self.context.fail("E307", message, statement.items.span, help=help)
        self.define(statement.names, place.inner())
        rounds = []
        for number, item in enumerate(items, start=1):
            names = self.unpack(item, statement.names, statement.items.span)
            values = ", ".join(f"{name} = {show(value)}" for name, value in names.items())
            rounds.append((place.inner(names), f"{ordinal(number)} of {len(items)} rounds ({values})"))
        return rounds

    def expect(self, statement: tree.Expect, place: Place, x: Flowing) -> Flowing:
        if place.in_block:
            help = "a block's shapes are stated with `: SHAPE`, its arguments with `require`"
            raise self.context.fail("E316", "`expect` stands in networks, not in blocks", statement.span, help=help)
        self.claims.append(Claim(statement.claim, self.evaluator(place)))
        return x

    def require(self, statement: tree.Require, place: Place, x: Flowing) -> Flowing:
        evaluator = self.evaluator(place)
        if not evaluator.truth(statement.condition, "`require`"):
            message = f"requirement not met: {' '.join(statement.condition.span.text.split())}"
            if statement.message is not None:
                message = str(evaluator.value(statement.message))
            values = self.values_in(statement.condition, place)
            self.context.fail("E402", message, statement.condition.span, label=values and f"here {values}")
            return POISON
        return x

    # --- flows

    def flow(self, statement: tree.Flow, place: Place, x: Flowing) -> Flowing:
        start = len(self.drafts)
        incoming = x
        alone = len(statement.elements) == 1 and self.takes_label(statement.elements[0], place)
        inner = place
        if statement.label is not None and not alone:
            inner = place.within(place.scope.open("label", statement.label.id, statement.span, labelled=True))
        for element in statement.elements:
            try:
                x = self.element(element, inner, x, statement.label if alone else None)
            except Failed:
                x = POISON
            if isinstance(element, tree.Read):
                inner = replace(inner, entering=x)
        if isinstance(x, Tensor) and len(self.drafts) > start:
            self.made_at[x.node] = statement.span
        if statement.shape is not None:
            x = self.ascribed(statement, place, x, start, incoming)
        if statement.label is not None:
            made = self.drafts.nodes[start:]
            weighty = any(n.op.parameters(*(self.drafts.nodes[i].shape for i in n.inputs)) for n in made)
            self.bind_label(statement.label, place, x, names_weights=weighty)
        return x

    def takes_label(self, element: tree.Command | tree.Read, place: Place) -> bool:
        """Whether a label on this element alone renames it (a layer, a block call, a stage); else it names a scope."""
        if isinstance(element, tree.Read):
            return True
        name = element.name.id
        if name in STRUCTURES:
            return STRUCTURES[name].takes_label
        target = self.evaluator(place).callable(name)
        return isinstance(target, Block) or (isinstance(target, Layer) and target.op.arity is not None)

    def bind_label(self, label: tree.Name, place: Place, x: Flowing, *, names_weights: bool) -> None:
        known = place.labels.get(label.id)
        if known is not None and known[1] != label.span:
            labels = (Label(known[1], "first used here"),)
            raise self.context.fail("E309", f"the label `{label.id}` is used twice", label.span, labels=labels)
        place.labels[label.id] = (x, label.span)
        use = self.label_uses.setdefault(label.span, LabelUse(label))
        use.names_weights |= names_weights

    def ascribed(self, statement: tree.Flow, place: Place, x: Flowing, start: int, incoming: Flowing) -> Flowing:
        """Check `: SHAPE`. After a mistake the claimed shape is not trusted: what failed stays failed."""
        assert statement.shape is not None
        claimed = self.shape(statement.shape, self.evaluator(place))
        if not isinstance(x, Tensor) or not self.settings.hold_claims or x.shape == claimed:
            return x
        last = statement.elements[-1].span
        was = f"from {show_shape(incoming.shape)} " if isinstance(incoming, Tensor) else ""
        self.context.fail(
            "E205",
            f"the shape here is {show_shape(x.shape)}, not {show_shape(claimed)}",
            statement.shape.span,
            label=f"claimed {show_shape(claimed)}",
            labels=(Label(last, f"{was}this makes {show_shape(x.shape)}"),),
            help=self.repairer.for_shape(range(start, len(self.drafts)), x, claimed[0], claimed.__eq__),
        )
        return x

    def element(self, element: tree.Command | tree.Read, place: Place, x: Flowing, label: tree.Name | None) -> Flowing:
        self.context.step(element.span)
        if isinstance(element, tree.Read):
            return self.read(element, place)
        structure = STRUCTURES.get(element.name.id)
        if structure is not None:
            return self.structure(structure, element, place, x, label)
        target = self.evaluator(place).callable(element.name.id)
        if target is None:
            raise self.unknown(element.name, place)
        if isinstance(target, Block):
            return self.call(target, element, place, x, label)
        return self.layer(target, element, place, x, label)

    def read(self, element: tree.Read, place: Place) -> Flowing:
        name = element.label
        if name.id not in place.labels:
            guess = closest(name.id, list(place.labels))
            known = f"labels so far: {', '.join(place.labels)}" if place.labels else "no `as` stands before it"
            help = f"did you mean `{guess}`?" if guess else known
            raise self.context.fail("E303", f"no tensor is labelled `{name.id}`", name.span, help=help)
        x, span = place.labels[name.id]
        self.label_uses[span].read = True
        return x

    def unknown(self, name: tree.Name, place: Place) -> Failed:
        value = place.env.find(name.id)
        if value is not None:
            message = f"`{name.id}` is {type_name(value)} {show(value)} here, not a layer or block"
            return self.context.fail("E301", message, name.span)
        known = [*STRUCTURES, *place.module.blocks, *all_layers()]
        guess = closest(name.id, known)
        help = f"did you mean `{guess}`?" if guess else "`cnndsl ops` lists the layers"
        return self.context.fail("E301", f"there is no layer or block `{name.id}`", name.span, help=help)

    # --- layers

    def layer(self, layer: Layer, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None) -> Flowing:
        given = bind(self.evaluator(place), call_of(layer, self.context), command.arguments, command.span)
        op = self.make(layer.op, {**layer.bound, **given}, command)
        if layer.op.arity is None:
            return self.merge(op, command, place, x)
        if command.body is not None:
            message = f"`{layer.name}` takes no body"
            raise self.context.fail("E317", message, command.body.span, label="this `{`")
        if x is POISON:
            return POISON
        if x is None:
            help = "begin the network with `input 3 x 224 x 224`"
            raise self.context.fail("E208", f"`{layer.name}` has no input yet", command.span, help=help)
        return self.apply(op, (x,), command, place, label)

    def make(self, op: type[Op], arguments: Mapping[str, object], command: tree.Command) -> Op:
        try:
            return op(**arguments)
        except LayerError as error:
            raise self.layer_error(error, command, None) from None

    def apply(
        self,
        op: Op,
        inputs: tuple[Tensor, ...],
        command: tree.Command,
        place: Place,
        label: tree.Name | None = None,
    ) -> Tensor:
        """Put the layer on its inputs, if it fits."""
        try:
            shape = op.output(*(tensor.shape for tensor in inputs))
        except LayerError as error:
            if error.help is None:
                error.help = self.repairer.for_input(op, inputs)
            raise self.layer_error(error, command, inputs[0]) from None
        return self.add(op, inputs, shape, command.span, place.scope, label)

    def add(
        self,
        op: Op,
        inputs: tuple[Tensor, ...],
        shape: Shape,
        span: Span,
        scope: ScopeDraft,
        label: tree.Name | None = None,
        name: str | None = None,
    ) -> Tensor:
        self.context.step(span)
        return self.drafts.add(op, inputs, shape, span, scope, label.id if label else name or op.word, bool(label))

    def layer_error(self, error: LayerError, command: tree.Command, x: Tensor | None) -> Failed:
        """Say where a layer's own rule failed: at the argument it blames, else at the layer."""
        span = self.argument_span(command, error.argument)
        labels: tuple[Label, ...] = ()
        if x is not None and x.node in self.made_at and self.made_at[x.node] != span:
            labels = (Label(self.made_at[x.node], f"its input, {show_shape(x.shape)}, is made here"),)
        return self.context.fail(error.code, str(error), span, labels=labels, help=error.help)

    def argument_span(self, command: tree.Command, name: str | None) -> Span:
        signature: tuple[Parameter, ...] = ()
        if name is not None:
            for argument in command.arguments:
                if argument.name is not None and argument.name.id == name:
                    return argument.span
            layer = all_layers().get(command.name.id)
            signature = layer.signature() if layer else ()
        positional = [p.name for p in signature if p.positional]
        given = [a for a in command.arguments if a.name is None]
        if name in positional and positional.index(name) < len(given):
            return given[positional.index(name)].span
        return command.span

    # --- merges

    def merge(self, op: Op, command: tree.Command, place: Place, x: Flowing) -> Flowing:
        if command.body is None:
            help = f"write `{op.word} {{ | ... | ... }}`"
            raise self.context.fail("E317", f"`{op.word}` merges branches and needs them", command.span, help=help)
        branches = self.branches(command.body, place.inner(), x, op.word)
        if len(branches) < 2:
            message = f"`{op.word}` needs at least two branches, not {len(branches)}"
            raise self.context.fail("E319", message, command.span)
        if any(not isinstance(branch.result, Tensor) for branch in branches):
            return POISON
        tensors = tuple(branch.result for branch in branches)
        try:
            shape = op.output(*(tensor.shape for tensor in tensors))
        except LayerError as error:
            raise self.mismatch(error, op, command, branches) from None
        return self.add(op, tensors, shape, command.span, place.scope)

    def branches(self, body: tree.Body, place: Place, x: Flowing, word: str) -> list[BranchEnd]:
        """The branches a merge's body gives; loops and conditions may stand among them."""
        found: list[BranchEnd] = []
        for statement in body.statements:
            self.context.step(statement.span)
            if isinstance(statement, tree.Branch):
                start = len(self.drafts)
                result = self.branch(statement, place, x)
                found.append(BranchEnd(result, statement.flow.span, range(start, len(self.drafts))))
            elif isinstance(statement, tree.Unreadable):
                found.append(BranchEnd(POISON, statement.span))
            elif isinstance(statement, tree.Let):
                self.let(statement, place, x)
            elif isinstance(statement, tree.Require):
                self.require(statement, place, x)
            elif isinstance(statement, tree.If):
                chosen = self.chosen(statement, place)
                found += self.branches(chosen, place.inner(), x, word) if chosen else []
            elif isinstance(statement, tree.For):
                for inner, where in self.rounds(statement, place):
                    with self.context.inside(where):
                        found += self.branches(statement.body, inner, x, word)
            elif isinstance(statement, tree.Flow) and self.is_repeat(statement):
                found += self.repeated_branches(statement, place, x, word)
            else:
                help = "start it with `|` if it is a branch"
                self.context.fail("E316", f"only branches stand in `{word}`", statement.span, help=help)
                found.append(BranchEnd(POISON, statement.span))
        return found

    def is_repeat(self, statement: tree.Flow) -> bool:
        first = statement.elements[0]
        return len(statement.elements) == 1 and isinstance(first, tree.Command) and first.name.id == Repeat.word

    def repeated_branches(self, statement: tree.Flow, place: Place, x: Flowing, word: str) -> list[BranchEnd]:
        command = statement.elements[0]
        assert isinstance(command, tree.Command)
        repeat = self.make_structure(Repeat, command, place)
        found: list[BranchEnd] = []
        for number in repeat.rounds(self, command):
            with self.context.inside(f"{ordinal(number)} of {repeat.count} rounds"):
                assert command.body is not None
                found += self.branches(command.body, place.inner(), x, word)
        return found

    def branch(self, statement: tree.Branch, place: Place, x: Flowing) -> Flowing:
        """One branch, in a scope of its own that carries its label."""
        flow = statement.flow
        name = flow.label.id if flow.label else "branch"
        scope = place.scope.open("branch", name, flow.span, labelled=flow.label is not None)
        inner = replace(place.within(scope), env=Env(place.env), entering=x)
        start = len(self.drafts)
        try:
            result = self.flow(replace(flow, label=None), inner, x)
            if flow.label is not None:
                weighty = len(self.drafts) > start
                self.bind_label(flow.label, place, result, names_weights=weighty)
            return result
        except Failed:
            return POISON

    def mismatch(self, error: LayerError, op: Op, command: tree.Command, branches: list[BranchEnd]) -> Failed:
        """Two-ended: the merge, the branch it disagrees with, and another that is fine."""
        wrong = error.input if error.input is not None else len(branches) - 1
        right = 1 if wrong == 0 else 0
        shapes = [branch.result.shape for branch in branches]
        labels = tuple(Label(branches[i].span, f"this branch is {show_shape(shapes[i])}") for i in (right, wrong))

        def fits(shape: Shape) -> bool:
            try:
                op.output(*shapes[:wrong], shape, *shapes[wrong + 1 :])
            except LayerError:
                return False
            return True

        end = branches[wrong]
        help = self.repairer.for_shape(end.nodes, end.result, shapes[right][0], fits) or error.help
        return self.context.fail(error.code, str(error), command.name.span, labels=labels, help=help)

    # --- blocks and structures

    def call(self, block: Block, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None) -> Flowing:
        if command.body is not None:
            raise self.context.fail("E317", f"block `{block.name}` takes no body", command.body.span)
        given = bind(self.evaluator(place), call_of(block, self.context), command.arguments, command.span)
        scope = place.scope.open("block", label.id if label else block.name, command.span, labelled=label is not None)
        return self.run_block(block, {**block.bound, **given}, command, scope, x)

    def run_block(
        self, block: Block, bound: Mapping[str, object], command: tree.Command, scope: ScopeDraft, x: Flowing
    ) -> Flowing:
        """Run a block's body with these arguments in `scope`."""
        definition = block.definition
        self.guard(definition, command)
        self.called.add(definition.span)
        with self.context.inside(block.name, command.span):
            env = self.parameters(definition.parameters, bound, block.module, block.env, x)
            scope.block, scope.doc = block.name, definition.doc
            scope.arguments = {p.name.id: env.names[p.name.id] for p in definition.parameters}
            self.active.append(definition)
            try:
                return self.body(definition.body, Place(block.module, env, {}, scope, in_block=True), x)
            finally:
                self.active.pop()

    def guard(self, definition: tree.BlockDefinition, command: tree.Command) -> None:
        """Blocks do not recurse, and calls do not nest without end."""
        if definition in self.active:
            cycle = [d.name.id for d in self.active[self.active.index(definition) :]] + [definition.name.id]
            message = f"`{definition.name.id}` calls itself: {' calls '.join(cycle)}"
            raise self.context.fail("E310", message, command.span, help=NO_RECURSION)
        if len(self.active) >= MAX_CALLS:
            raise self.context.fail("E104", f"block calls are nested more than {MAX_CALLS} deep", command.span)

    def parameters(
        self,
        definitions: tuple[tree.ParameterDefinition, ...],
        bound: Mapping[str, object],
        module: Module,
        outer: Env | None,
        x: Flowing,
    ) -> Env:
        """The names a body starts with: what was given, else defaults, which may use earlier parameters."""
        env = Env(outer)
        evaluator = Evaluator(self.context, module, env, x.shape if isinstance(x, Tensor) else x)
        for definition in definitions:
            name = definition.name.id
            value: object = POISON
            if name in bound:
                value = bound[name]
            elif definition.default is not None:
                try:
                    value = evaluator.value(definition.default)
                except Failed:
                    value = POISON
            env.names[name] = value
            env.places[name] = definition.name.span
        return env

    def structure(
        self, structure: type[Structure], command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        made = self.make_structure(structure, command, place)
        return made.build(self, command, place, x, label)

    def make_structure(self, structure: type[StructureClass], command: tree.Command, place: Place) -> StructureClass:
        call = Call(structure.word, structure.signature())
        given = bind(self.evaluator(place), call, command.arguments, command.span)
        if command.body is None:
            message = f"`{structure.word}` needs a body in braces"
            raise self.context.fail("E317", message, command.span)
        return structure(**given)

    def values_in(self, expression: Any, place: Place) -> str:
        """`filters = 64`: the values of the names an expression uses, for messages."""
        shown = []
        for name in dict.fromkeys(n.id for n in names_in(expression)):
            value = place.env.find(name)
            if isinstance(value, (int, float, str, Size)):
                shown.append(f"{name} = {show(value)}")
        return ", ".join(shown)


_STATEMENTS: dict[type, Function[[Elaborator, Any, Place, Flowing], Flowing]] = {
    tree.Flow: Elaborator.flow,
    tree.Branch: Elaborator.stray_branch,
    tree.Input: Elaborator.input,
    tree.Let: Elaborator.let,
    tree.For: Elaborator.loop,
    tree.If: Elaborator.conditional,
    tree.Expect: Elaborator.expect,
    tree.Require: Elaborator.require,
    tree.Unreadable: Elaborator.unreadable,
}

__all__ = ["Claim", "Elaborator", "LabelUse", "Place", "Settings", "TooLarge"]
