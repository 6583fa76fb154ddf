"""Calls of blocks: their parameters, their bodies, and their refusal to recurse."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.elaborate.context import MAX_CALLS, NO_RECURSION
from cnndsl.elaborate.drafts import ScopeDraft
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.layers import refuse_body
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.place import Flowing, Labels, Place
from cnndsl.elaborate.signatures import call_of
from cnndsl.elaborate.values import Block, Failed
from cnndsl.syntax import tree


def call(
    elaborator: Elaborator, block: Block, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
) -> Flowing:
    """A block as a command: its body, in a scope that carries the label or the block's name."""
    refuse_body(elaborator, command)
    given = elaborator.evaluator(place).bind(call_of(block), command.arguments, command.span)
    scope = place.scope.open("block", label.id if label else block.name, command.span, labelled=label is not None)
    return run(elaborator, block, {**block.bound, **given}, command, scope, x)


def run(
    elaborator: Elaborator,
    block: Block,
    bound: Mapping[str, object],
    command: tree.Command,
    scope: ScopeDraft,
    x: Flowing,
) -> Flowing:
    """Run a block's body on `x` with these arguments, in `scope`."""
    definition, context = block.definition, elaborator.context
    _guard(elaborator, block, command)
    context.node(command.span)
    caller = context.active
    context.active = {**(caller if block.env is None else block.within), id(definition.body): block}
    context.calls += 1
    try:
        with context.inside(block.name, command.span):
            env = parameters(elaborator, definition.parameters, bound, block.module, block.env or block.module.env, x)
            scope.block, scope.doc = block.name, definition.doc
            scope.arguments = {p.name.id: env.names[p.name.id] for p in definition.parameters}
            inside = Place(block.module, env, Labels(definition.body), scope, in_block=True)
            y = elaborator.body(definition.body, inside, x)
            scope.carry(x, y)
            return y
    finally:
        context.active = caller
        context.calls -= 1


def _guard(elaborator: Elaborator, block: Block, command: tree.Command) -> None:
    """Blocks do not recurse, and calls do not nest without end."""
    context = elaborator.context
    if block.definition.span in block.module.recursive:
        raise Failed(block.name)
    if id(block.definition.body) in context.active:
        around = [*context.active]
        cycle = [context.active[body] for body in around[around.index(id(block.definition.body)) :]]
        names = [each.name for each in cycle if each.env is None] + [block.name]  # bodies in braces have no name
        message = f"`{block.name}` calls itself: {' calls '.join(names)}"
        raise context.fail("E310", message, command.name.span, help=NO_RECURSION)
    if context.calls >= MAX_CALLS:
        raise context.fail("E104", f"block calls are nested more than {MAX_CALLS} deep", command.span)


def parameters(
    elaborator: Elaborator,
    definitions: tuple[tree.ParameterDefinition, ...],
    bound: Mapping[str, object],
    module: Module,
    outer: Env,
    x: Flowing,
) -> Env:
    """The names a body starts with; `in` in a default is the tensor that the block is called on."""
    evaluator = Evaluator(elaborator.context, module, Env(outer), incoming=x)
    evaluator.take(definitions, bound)
    return evaluator.env
