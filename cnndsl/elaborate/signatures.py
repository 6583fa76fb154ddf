"""Signatures of things that can be called: a layer's comes from its fields, a block's from its parameter list."""

from __future__ import annotations

from cnndsl.diagnostics.suggest import closest
from cnndsl.elaborate.binding import Call
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.values import TYPES, AnyValue, Block, BlockKind, Layer, TypeKind
from cnndsl.ops.arguments import Kind, Parameter, type_name
from cnndsl.syntax import tree


def call_of(target: Layer | Block, context: Context) -> Call:
    """What arguments to a block or layer are bound to."""
    if isinstance(target, Layer):
        return Call(target.name, target.op.signature(), target.bound)
    return Call(target.name, parameters_of(target.definition.parameters, context), target.bound)


def parameters_of(definitions: tuple[tree.ParameterDefinition, ...], context: Context) -> tuple[Parameter, ...]:
    """The parameters of a block or network. Defaults stay expressions; they are evaluated when not given."""
    seen: set[str] = set()
    for definition in definitions:
        if definition.name.id in seen:
            context.fail("E309", f"parameter `{definition.name.id}` is defined twice", definition.name.span)
        seen.add(definition.name.id)
    return tuple(
        Parameter(d.name.id, _kind(d, context), required=d.default is None, positional=True) for d in definitions
    )


def _kind(definition: tree.ParameterDefinition, context: Context) -> Kind:
    if definition.type is None:
        return _kind_like(definition.default)
    if definition.type.id not in TYPES:
        guess = closest(definition.type.id, TYPES)
        help = f"did you mean `{guess}`?" if guess else f"the types are {', '.join(TYPES)}"
        context.fail("E302", f"there is no type `{definition.type.id}`", definition.type.span, help=help)
        return AnyValue()
    return BlockKind() if definition.type.id == "block" else TypeKind((definition.type.id,))


def _kind_like(default: tree.Expression | None) -> Kind:
    """The kind of a parameter without a type: what its default is, numbers and sizes standing for each other."""
    if isinstance(default, tree.Literal) and isinstance(default.value, (bool, str)):
        return TypeKind((type_name(default.value),))
    if isinstance(default, (tree.Literal, tree.SizeLiteral)):
        return TypeKind(("int", "float", "size"))
    if isinstance(default, tree.ListExpression):
        return TypeKind(("list",))
    return AnyValue()
