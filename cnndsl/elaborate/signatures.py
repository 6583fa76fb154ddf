"""Signatures of things that can be called: a layer's comes from its fields, a block's from its parameter list."""

from __future__ import annotations

from cnndsl.elaborate.binding import Call
from cnndsl.elaborate.values import TYPES, AnyValue, Block, BlockKind, Function, Layer, TypeKind
from cnndsl.ops.arguments import Kind, Parameter, type_name
from cnndsl.ops.base import Op
from cnndsl.syntax import tree


def call_of(target: Layer | Block | Function) -> Call:
    """What arguments to a block, a layer or a function are bound to."""
    if isinstance(target, Function):
        return Call(target.name, parameters_of(target.definition.parameters), form="{name}({arguments})")
    if isinstance(target, Layer):
        return Call(target.name, layer_parameters(target.op), target.bound)
    return Call(target.name, parameters_of(target.definition.parameters), target.bound)


_known: dict[type[Op], tuple[Parameter, ...]] = {}


def layer_parameters(op: type[Op]) -> tuple[Parameter, ...]:
    """A layer's signature, worked out once."""
    if op not in _known:
        _known[op] = op.signature()
    return _known[op]


def parameters_of(definitions: tuple[tree.ParameterDefinition, ...]) -> tuple[Parameter, ...]:
    """The parameters of a block or network. Defaults stay expressions; they are evaluated when not given."""
    return tuple(Parameter(d.name.id, _kind(d), required=d.default is None, positional=True) for d in definitions)


def _kind(definition: tree.ParameterDefinition) -> Kind:
    if definition.type is None:
        return _kind_like(definition.default)
    if definition.type.id not in TYPES:
        return AnyValue()  # which was reported where the definition was checked
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
