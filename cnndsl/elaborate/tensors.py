"""Tensors and bundles in expressions: `in[0]`, `in[1:]`, `in.channels`, `len(in)`, and what is said where they fail."""

from __future__ import annotations

from typing import Any, TypeGuard

from cnndsl.diagnostics.suggest import meant
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.names import quoted
from cnndsl.elaborate.place import Flowing
from cnndsl.elaborate.values import Failed, Poison, brief
from cnndsl.ops.arguments import type_name
from cnndsl.ops.base import show_shape
from cnndsl.syntax import tree

FACTS = ("channels", "height", "width")


def is_tensor(e: object) -> TypeGuard[tree.Expression]:
    """Whether an expression names a tensor or a bundle rather than a value: `in`, `in[0]`, a label in `from`."""
    return isinstance(root(e), (tree.Incoming, tree.Labelled))


def root(e: object) -> object:
    """What an expression takes an item of, and an item of that."""
    while isinstance(e, (tree.Index, tree.Slice)):
        e = e.of
    return e


def known(context: Context, x: Flowing, e: tree.Expression, outside: str = "") -> Tensor | Bundle:
    """What flows, if anything does; `outside` says where nothing can."""
    if isinstance(x, Poison):
        raise Failed(e)
    if x is None:
        help = "`in` is the tensor that enters the statement" + "; hand it in as an argument" * bool(outside)
        message = f"`{quoted(e)}` has no meaning {outside or 'before `input`'}"
        raise context.fail("E208", message, e.span, help=help)
    return x


def items(context: Context, x: Tensor | Bundle, e: tree.Expression) -> tuple[Tensor, ...]:
    """The tensors of the bundle that `e` names; E209 if it is one tensor."""
    if isinstance(x, Bundle):
        return x.items
    message = f"`{quoted(e)}` is one tensor, {show_shape(x.shape)}, not a bundle"
    help = "`group { | ... | ... }` and `split` make bundles"
    if isinstance(root(e), tree.Incoming):
        help = "`in` is what enters this line; a bundle that came before is named: `identity as parts`, `from parts[0]`"
    raise context.fail("E209", message, e.span, help=help)


def item(context: Context, tensors: tuple[Tensor, ...], at: object, e: tree.Index) -> Tensor:
    """The tensor of that number, which counts from 0, and from the end if it is negative."""
    if isinstance(at, bool) or not isinstance(at, int):
        message = f"tensors are counted by integers, not {type_name(at)} {brief(at)}"
        raise context.fail("E307", message, e.indices[-1].span)
    if not -len(tensors) <= at < len(tensors):
        raise context.fail("E313", f"item {at} of a bundle of {count(tensors)}", e.span)
    return tensors[at]


def part(context: Context, tensors: tuple[Tensor, ...], ends: list[Any], e: tree.Slice) -> Bundle:
    """Several of the tensors, at least one."""
    if not all(end is None or type(end) is int for end in ends):
        raise context.fail("E307", "tensors are counted by integers", e.span)
    found = tensors[slice(*ends)]
    if not found:
        raise context.fail("E313", f"no tensor lies there in a bundle of {count(tensors)}", e.span)
    return Bundle(found)


def check_fact(context: Context, e: tree.Fact, *, is_value: bool = False) -> None:
    """E302 for a fact that no tensor has, or of what is a value."""
    if is_value or not is_tensor(e.of):
        message = f"`{quoted(e.of)}` is a value, and has no `.{e.fact.id}`"
        raise context.fail("E302", message, e.span, help="`in.channels` is known of the tensor that enters")
    if e.fact.id not in FACTS:
        facts = [f"{quoted(e.of)}.{fact}" for fact in FACTS]
        fixes = meant(e.span, facts, quoted(e))
        help = None if fixes else "there are {}, {} and {}".format(*facts)
        raise context.fail("E302", f"`{quoted(e)}` is not known", e.span, help=help, fixes=fixes)


def fact(context: Context, x: Tensor | Bundle, e: tree.Fact) -> int:
    """The number that `e` asks for."""
    if isinstance(x, Bundle):
        message = f"`{quoted(e.of)}` is a bundle of {count(x.items)}, and each has its own {e.fact.id}"
        raise context.fail("E209", message, e.span, help=f"say which: `{quoted(e.of)}[0].{e.fact.id}`")
    position = FACTS.index(e.fact.id)
    if position >= len(x.shape):
        message = f"a vector of {show_shape(x.shape)} has no `{quoted(e)}`"
        raise context.fail("E201", message, e.span)
    return x.shape[position]


def no_value(context: Context, x: Tensor | Bundle, e: tree.Expression) -> Failed:
    """E307 for a tensor where a value is wanted."""
    what, help = "a tensor", f"its numbers are `{quoted(e)}.channels`, `{quoted(e)}.height` and `{quoted(e)}.width`"
    if isinstance(x, Bundle):
        what, help = f"a bundle of {count(x.items)}", f"`len({quoted(e)})` counts them"
    return context.fail("E307", f"`{quoted(e)}` is {what}, not a value", e.span, help=help)


def count(tensors: tuple[Tensor, ...]) -> str:
    return f"{len(tensors)} tensor{'s' if len(tensors) != 1 else ''}"


def shapes(tensors: tuple[Tensor, ...], most: int = 4) -> str:
    """`3 tensors: 8 x 4 x 4, 16 x 2 x 2 and 32 x 1 x 1`"""
    shown = [show_shape(tensor.shape) for tensor in tensors[:most]]
    more = f" and {len(tensors) - most} more" if len(tensors) > most else ""
    if not more and len(shown) > 1:
        more = f" and {shown.pop()}"
    return f"{count(tensors)}: {', '.join(shown)}{more}"
