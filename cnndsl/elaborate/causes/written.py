"""The text behind a graph: which command a node comes from, and where the values in it are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from cnndsl.elaborate.drafts import Drafts, NodeDraft, ScopeDraft
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.signatures import layer_parameters
from cnndsl.ops.base import Op
from cnndsl.source import Span
from cnndsl.syntax import tree

_Call: TypeAlias = tree.Command | tree.Call | tree.VariantDefinition
_Definition: TypeAlias = (
    tree.Let | tree.FunctionDefinition | tree.BlockDefinition | tree.NetworkDefinition | tree.VariantDefinition
)

_MOST_CALLS = 8  # through which a value is followed


class Written:
    """What a file and those that it uses say, by place."""

    def __init__(self, module: Module, drafts: Drafts) -> None:
        self.module = module
        self.root = drafts.root
        self._nodes = drafts.nodes
        self._sharing: dict[str, dict[Span, list[int]]] = {}
        self.commands: dict[Span, tree.Command] = {}
        self.inputs: dict[Span, tree.Input] = {}
        self._claims: list[tuple[str, tree.Expression]] = []  # each with the definition that makes it
        self.reads: dict[Span, tree.Read] = {}  # by the commands of the chains that they begin
        self._lets: dict[str, list[tuple[Span, tree.Let]]] = {}  # each with what it is known in
        self._defaults: set[Span] = set()
        self._scopes = dict(_with_scopes(drafts.root))
        for file in {id(each): each for each in (module, *(home for _, home in module.blocks.values()))}.values():
            for definition in (*file.file.values, *file.file.blocks, *file.file.networks):
                self._read(definition)

    def _read(self, definition: _Definition) -> None:
        """Take in one definition of a file."""
        source, body = definition.span.source, getattr(definition, "body", None)
        inside = source.span(definition.span.start, body.span.end) if body else source.span(0, len(source.text))
        for part in parts_of(definition):
            if isinstance(part, tree.Flow) and part.shape is not None and not isinstance(definition, tree.Let):
                self._claims.append((definition.name.id, part.shape))
            if isinstance(part, tree.Command):
                self.commands[part.span] = part
            elif isinstance(part, tree.Flow) and isinstance(read := part.elements[0], tree.Read):
                self.reads.update((element.span, read) for element in part.elements)
            elif isinstance(part, tree.Input):
                self.inputs[part.span] = part
            elif isinstance(part, tree.ParameterDefinition) and part.default is not None:
                self._defaults.add(part.default.span)
            elif isinstance(part, tree.Let) and len(part.names) == 1:
                self._lets.setdefault(part.names[0].id, []).append((inside, part))

    def editable(self, span: Span) -> bool:
        """Whether a place lies in the file that is being checked."""
        return span.source is self.module.source

    def claims(self) -> list[tree.Expression]:
        """The shapes that this network, and what it calls of its file, are said to have."""
        ran = {scope.block for scopes in self._scopes.values() for scope in scopes}
        names = {found.name.id for block in ran if (found := self.definition(block)) is not None}
        return [shape for name, shape in self._claims if name in names and self.editable(shape.span)]

    def is_default(self, place: Span) -> bool:
        """Whether a value is the default of a parameter."""
        return place in self._defaults

    def command_of(self, node: NodeDraft) -> tree.Command | None:
        """The command that a layer is written as; None for one that a structure put in, or that has another name."""
        command = self.commands.get(node.span)
        return command if command is not None and command.name.id == node.op.word else None

    def scopes_around(self, scope: ScopeDraft) -> tuple[ScopeDraft, ...]:
        """A scope and those around it, the innermost first."""
        return self._scopes.get(id(scope), (scope,))

    def scopes_of(self, node: NodeDraft) -> tuple[ScopeDraft, ...]:
        """The calls and other scopes that a node stands in, the innermost first."""
        return self._scopes.get(id(node), ())

    def like(self, command: tree.Command, names: tuple[str, ...], op: type[Op]) -> list[tree.Command]:
        """The commands of this file with the same layer, first argument, and arguments of these names, itself too."""
        wanted = _texts(command, names, op)
        return [
            each
            for each in self.commands.values()
            if self.editable(each.span) and each.name.id == command.name.id and _texts(each, names, op) == wanted
        ]

    def said_alike(self, place: Span) -> list[Span]:
        """An argument's place, and those of the same argument with the same text in other calls of this file."""
        found = [place]
        for command in self.commands.values():
            for at, argument in enumerate(command.arguments):
                if argument.value.span == place:
                    found += [
                        span for each in self.commands.values() if (span := _alike(each, command, at)) is not None
                    ]
        return [span for span in dict.fromkeys(found) if self.editable(span)]

    def origins(self, value: tree.Expression, scopes: tuple[ScopeDraft, ...]) -> Iterator[tree.Expression]:
        """Where a value is written: here, or where the name that stands here is given its value."""
        yield value
        calls = calls_in(scopes)
        for _ in range(_MOST_CALLS):
            if not isinstance(value, tree.Name):
                return
            given = self._bound(value, calls)
            if given is None:
                return
            if not self._lets_for(value):
                calls = calls[1:]
            yield given
            value = given

    def values_of(self, node: NodeDraft, name: str) -> list[tree.Expression]:
        """The argument of a layer as its command has it, then what gives that its value; nothing if it is not said."""
        argument = given(self.command_of(node), name, positional_names(type(node.op)))
        if argument is None or isinstance(argument.value, tree.Body):
            return []
        return [*self.origins(argument.value, self.scopes_of(node))]

    def left_out(
        self, node: NodeDraft, name: str
    ) -> tuple[tree.Command, int, Sequence[tree.ParameterDefinition]] | None:
        """The call that leaves this argument of a layer to a default: the call, and which of the block's parameters."""
        values = self.values_of(node, name)
        for call in calls_in(self.scopes_of(node)) if values else ():
            definition, command = self.definition(call.block), self.commands.get(call.span)
            parameters = definition.parameters if definition is not None else ()
            for at, parameter in enumerate(parameters):
                if parameter.default is values[-1] and command is not None:
                    return command, at, parameters
        return None

    def sharing(self, node: NodeDraft, name: str) -> list[int]:
        """The layers whose argument of this name comes from the same place, if it is not the layer's own text."""
        if name not in self._sharing:
            found = self._sharing[name] = {}
            for number, each in enumerate(self._nodes):
                if hasattr(each.op, name) and len(values := self.values_of(each, name)) > 1:
                    found.setdefault(values[-1].span, []).append(number)
        values = self.values_of(node, name)
        return self._sharing[name].get(values[-1].span, []) if values else []

    def _lets_for(self, name: tree.Name) -> list[tree.Let]:
        """The `let`s of a name that are known where it stands."""
        at = name.span
        known = self._lets.get(name.id, ())
        return [let for of, let in known if of.holds(at)]

    def _bound(self, name: tree.Name, calls: tuple[ScopeDraft, ...]) -> tree.Expression | None:
        """What a name is bound to: by the only `let` of that name, by the call's argument, or by default."""
        if lets := self._lets_for(name):
            return lets[0].value if len(lets) == 1 else None
        definition = self.definition(calls[0].block) if calls else None
        if definition is None or name.id not in (names := [p.name.id for p in definition.parameters]):
            return None
        argument = _given_by(self._calls(calls), name.id, names)
        if argument is not None:
            return None if isinstance(argument.value, tree.Body) else argument.value
        return definition.parameters[names.index(name.id)].default

    def definition(self, name: str | None) -> tree.BlockDefinition | tree.NetworkDefinition | None:
        """The block or network of that name that has a body; of a variant, that of its base."""
        if name in self.module.blocks:
            return self.module.blocks[name][0]
        variants = self._variants(name)
        network = self.module.networks.get(variants[0].base.id if variants else name or "")
        return network if isinstance(network, tree.NetworkDefinition) else None

    def _variants(self, name: str | None) -> list[tree.VariantDefinition]:
        """The variants that a network's name stands for, the one that is nearest to the network first."""
        found: list[tree.VariantDefinition] = []
        while isinstance(network := self.module.networks.get(name or ""), tree.VariantDefinition):
            found.insert(0, network)
            name = network.base.id
        return found

    def _calls(self, calls: tuple[ScopeDraft, ...]) -> Sequence[_Call]:
        """What gives the innermost call its arguments, in order: `bottleneck(groups = 32)`, then the command itself."""
        if calls[0].kind == "network":
            return self._variants(calls[0].block)
        command = self.commands.get(calls[0].span)
        if command is None:
            return ()
        made = [each for each in self.origins(command.name, calls[1:]) if isinstance(each, tree.Call)]
        return [*made, command]


def _alike(command: tree.Command, other: tree.Command, at: int) -> Span | None:
    """Where a command has the same argument as another one of that name."""
    if command.name.id != other.name.id or len(command.arguments) <= at:
        return None
    mine, its = command.arguments[at], other.arguments[at]
    return mine.value.span if mine.span.text == its.span.text else None


def calls_in(scopes: Sequence[ScopeDraft]) -> tuple[ScopeDraft, ...]:
    """The calls of blocks among scopes, and the network; a body in braces sees the names around it."""
    return tuple(scope for scope in scopes if scope.block is not None and scope.kind != "shortcut")


def given(call: _Call | None, name: str, positional: list[str]) -> tree.Argument | None:
    """The argument of a call for a parameter, by its name or by its position."""
    if call is None:
        return None
    for argument in call.arguments:
        if argument.name is not None and argument.name.id == name:
            return argument
    free = [argument for argument in call.arguments if argument.name is None]
    at = positional.index(name) if name in positional else len(free)
    return free[at] if at < len(free) else None


def _given_by(calls: Iterable[_Call], name: str, positional: list[str]) -> tree.Argument | None:
    """The argument for a parameter where several calls give some each; a later one wins."""
    found = None
    for call in calls:
        found = given(call, name, positional) or found
        named = {argument.name.id for argument in call.arguments if argument.name is not None}
        positional = [each for each in positional if each not in named]
        positional = positional[sum(argument.name is None for argument in call.arguments) :]
    return found


def positional_names(op: type[Op]) -> list[str]:
    return [parameter.name for parameter in layer_parameters(op) if parameter.positional]


def _texts(command: tree.Command, names: tuple[str, ...], op: type[Op]) -> list[str | None]:
    positional = positional_names(op)
    found = [given(command, name, positional) for name in (*positional[:1], *names)]
    return [None if argument is None else argument.value.span.text for argument in found]


def _with_scopes(root: ScopeDraft) -> Iterator[tuple[int, tuple[ScopeDraft, ...]]]:
    pending: list[tuple[ScopeDraft, tuple[ScopeDraft, ...]]] = [(root, (root,))]
    while pending:
        scope, path = pending.pop()
        yield id(scope), path
        for child in scope.children:
            if isinstance(child, NodeDraft):
                yield id(child), path
            else:
                pending.append((child, (child, *path)))
