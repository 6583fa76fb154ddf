"""What every name in a file means: where it is bound, by the rules of the language, without running anything.

It looks at the tree of one file and at the modules of those that it uses; a text with mistakes has the names that could
be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnndsl.editor.symbols import Kind, Occurrence, Symbol
from cnndsl.elaborate.claim import NETWORK_FACTS
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import labels_of
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.values import Function
from cnndsl.ops import find
from cnndsl.ops.base import is_built_in
from cnndsl.records import dataclass, field, fields
from cnndsl.syntax import tree


def occurrences(module: Module) -> list[Occurrence]:
    """All names of a file that mean something, in the order of the text."""
    walk = _Walk(module)
    walk.file(module.file)
    return sorted(walk.found, key=lambda each: each.span.start)


@dataclass
class _Scope:
    """Names that are bound, and those around; `labels` are those of the whole block or network."""

    parent: _Scope | None = None
    names: dict[str, Symbol] = field(default_factory=dict)
    labels: dict[str, Symbol] = field(default_factory=dict)

    def inner(self) -> _Scope:
        return _Scope(self, labels=self.labels)

    def find(self, name: str) -> Symbol | None:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None


class _Walk:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.found: list[Occurrence] = []
        self.functions: dict[Symbol, dict[str, Symbol]] = {}  # what may be named in a call

    def see(self, name: tree.Name, symbol: Symbol | None, *, defines: bool = False) -> None:
        if symbol is not None:
            self.found.append(Occurrence(name.span, symbol, defines))

    def bind(self, kind: Kind, names: Iterable[tree.Name], scope: _Scope) -> None:
        for name in names:
            scope.names[name.id] = Symbol(kind, name.id, name.span)
            self.see(name, scope.names[name.id], defines=True)

    # --- definitions

    def file(self, file: tree.File) -> None:
        top = _Scope()
        for use in file.uses:
            for name in use.names:
                if (symbol := imported(self.module, name.id)) is not None:
                    top.names[name.id] = symbol
                    self.see(name, symbol)
                    value = self.module.env.names.get(name.id)
                    if isinstance(value, Function):
                        self.functions[symbol] = _own_parameters(value.definition)
        self.bind("block", (block.name for block in file.blocks), top)
        for value in file.values:
            self.statement(value, top)
        for block in file.blocks:
            self.definition(block, top)
        for network in file.networks:
            self.see(network.name, Symbol("network", network.name.id, network.name.span), defines=True)
            if isinstance(network, tree.NetworkDefinition):
                self.definition(network, top)
            else:
                self.variant(network, top)

    def definition(self, definition: tree.BlockDefinition | tree.NetworkDefinition, top: _Scope) -> None:
        scope = _Scope(top)
        for label in labels_of(definition.body):
            scope.labels.setdefault(label.id, Symbol("label", label.id, label.span))
        self.parameters(definition.parameters, scope)
        self.body(definition.body, scope)

    def variant(self, variant: tree.VariantDefinition, top: _Scope) -> None:
        base = self.module.networks.get(variant.base.id)
        self.see(variant.base, Symbol("network", base.name.id, base.name.span) if base is not None else None)
        self.arguments(variant.arguments, _own_parameters(bottom(self.module, variant)), top)
        if variant.body is not None:
            self.body(variant.body, top)

    def parameters(self, parameters: Iterable[tree.ParameterDefinition], scope: _Scope) -> None:
        for parameter in parameters:
            self.part(parameter.default, scope)
            self.bind("parameter", (parameter.name,), scope)

    # --- statements

    def body(self, body: tree.Body, around: _Scope) -> None:
        scope = around.inner()
        for statement in body.statements:
            self.statement(statement, scope)

    def statement(self, part: Any, scope: _Scope) -> None:
        if isinstance(part, (tree.Flow, tree.Input)) and part.label is not None:
            self.see(part.label, scope.labels.get(part.label.id), defines=True)
        if isinstance(part, tree.Let):
            self.part(part.value, scope)
            self.bind("value", part.names, scope)
        elif isinstance(part, tree.FunctionDefinition):
            inner = scope.inner()
            self.parameters(part.parameters, inner)
            self.part(part.value, inner)
            self.bind("function", (part.name,), scope)
            self.functions[scope.names[part.name.id]] = _own_parameters(part)
        elif isinstance(part, (tree.For, tree.Each)):
            self.part(part.items, scope)
            inner = scope.inner()
            self.bind("variable", part.names, inner)
            self.body(part.body, inner)
        elif isinstance(part, tree.Expect):
            self.part(part.claim, _with_facts(scope))
        elif isinstance(part, tree.Command):
            self.command(part, scope)
        else:
            self.children(part, scope)

    def command(self, command: tree.Command, scope: _Scope) -> None:
        name, word = command.name, command.name.id
        symbol = Symbol("structure", word) if word in STRUCTURES else self.named(word, scope)
        if symbol is None and find(word) is not None:
            symbol = Symbol("layer", word)
        self.see(name, symbol)
        self.arguments(command.arguments, self.parameters_of(symbol), scope)
        if command.body is not None:
            self.body(command.body, scope)

    # --- values

    def part(self, part: Any, scope: _Scope) -> None:
        """An expression, or what else may stand in one."""
        if isinstance(part, tree.Name):
            symbol = self.named(part.id, scope)
            is_word = symbol is None or (symbol.kind == "function" and symbol.place is None)  # as in `round=ceil`
            self.see(part, scope.labels.get(part.id) if is_word else symbol)
        elif isinstance(part, tree.Labelled):
            self.see(tree.Name(part.id, part.span), scope.labels.get(part.id) or scope.find(part.id))
        elif isinstance(part, tree.Fact):
            self.part(part.of, scope)
        elif isinstance(part, tree.Call):
            called = part.function if isinstance(part.function, tree.Name) else None
            symbol = self.named(called.id, scope) if called else None
            if called:
                self.see(called, symbol)
            else:
                self.part(part.function, scope)
            self.arguments(part.arguments, self.parameters_of(symbol), scope)
        elif isinstance(part, tree.Comprehension):
            self.part(part.items, scope)
            inner = scope.inner()
            self.bind("variable", part.names, inner)
            self.part(part.value, inner)
            self.part(part.condition, inner)
        elif isinstance(part, tree.Body):
            self.body(part, scope)
        else:
            self.children(part, scope)

    def children(self, part: Any, scope: _Scope) -> None:
        """What stands below a part that binds nothing itself."""
        if isinstance(part, tuple):
            for each in part:
                self.either(each, scope)
        elif part.__class__.__module__ == tree.__name__:
            for each in fields(part.__class__):
                if each.name not in ("span", "label"):
                    self.either(getattr(part, each.name), scope)

    def either(self, part: Any, scope: _Scope) -> None:
        if isinstance(part, _STATEMENTS):
            self.statement(part, scope)
        else:
            self.part(part, scope)

    def arguments(self, arguments: Iterable[tree.Argument], known: dict[str, Symbol], scope: _Scope) -> None:
        for argument in arguments:
            if argument.name is not None:
                self.see(argument.name, known.get(argument.name.id))
            self.part(argument.value, scope)

    # --- what names mean

    def named(self, name: str, scope: _Scope) -> Symbol | None:
        """What a name means where values stand."""
        found = scope.find(name)
        if found is not None:
            return found
        if name in FUNCTIONS:
            return Symbol("function", name)
        return Symbol("layer", name) if is_built_in(name) else None

    def parameters_of(self, symbol: Symbol | None) -> dict[str, Symbol]:
        """What may be named in a call of it."""
        if symbol is None:
            return {}
        if symbol.kind in ("layer", "structure"):
            entry = STRUCTURES.get(symbol.name) or find(symbol.name)
            names = [parameter.name for parameter in entry.signature()] if entry is not None else []
            return {name: Symbol("argument", name, of=symbol.name) for name in names}
        if symbol in self.functions:
            return self.functions[symbol]
        found = self.module.blocks.get(symbol.name) if symbol.kind == "block" else None
        return _own_parameters(found[0] if found else None)


_STATEMENTS = (tree.Flow, tree.Input, tree.Let, tree.FunctionDefinition, tree.For, tree.Each, tree.Expect, tree.Command)


def imported(module: Module, name: str) -> Symbol | None:
    """What a `use` brings under this name: a block or value of the file that it comes from, through others perhaps."""
    while name in module.uses:
        module = module.uses[name]
    if name in module.blocks:
        return Symbol("block", name, module.blocks[name][0].name.span)
    place = module.env.places.get(name)
    functions = [each.name.id for each in module.file.values if isinstance(each, tree.FunctionDefinition)]
    return Symbol("function" if name in functions else "value", name, place) if place is not None else None


def _with_facts(scope: _Scope) -> _Scope:
    """The scope of an `expect`, which knows the facts of networks."""
    inner = scope.inner()
    inner.names = {name: Symbol("fact", name) for name in NETWORK_FACTS if scope.find(name) is None}
    return inner


def _own_parameters(
    definition: tree.BlockDefinition | tree.NetworkDefinition | tree.FunctionDefinition | None,
) -> dict[str, Symbol]:
    """What may be named in a call of it."""
    parameters = definition.parameters if definition is not None else ()
    return {each.name.id: Symbol("parameter", each.name.id, each.name.span) for each in parameters}


def bottom(
    module: Module, definition: tree.NetworkDefinition | tree.VariantDefinition | None
) -> tree.NetworkDefinition | None:
    """The network that a variant is made from in the end."""
    seen: set[str] = set()
    while isinstance(definition, tree.VariantDefinition) and definition.name.id not in seen:
        seen.add(definition.name.id)
        definition = module.networks.get(definition.base.id)
    return definition if isinstance(definition, tree.NetworkDefinition) else None
