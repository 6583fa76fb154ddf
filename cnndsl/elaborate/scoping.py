"""Names that are bound: each once, also over inner braces, and one for each item where several take a list apart."""

from __future__ import annotations

from cnndsl.diagnostics import Label
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.values import brief
from cnndsl.ops.arguments import Size, type_name
from cnndsl.source import Span
from cnndsl.syntax import tree


def claim_names(context: Context, env: Env, names: tuple[tree.Name, ...]) -> set[str]:
    """Take new names into use in `env`, and give those that were free; E309 for the others."""
    new: set[str] = set()
    for name in names:
        if name.id in env or name.id in new:
            first = env.place_of(name.id)
            labels = (Label(first, "first bound here"),) if first else ()
            context.fail("E309", f"`{name.id}` is bound already", name.span, labels=labels)
        else:
            env.places[name.id] = name.span
            new.add(name.id)
    return new


def unpack(context: Context, value: object, names: tuple[tree.Name, ...], span: Span) -> dict[str, object]:
    """One value for one name, or the items of a list for several."""
    if len(names) == 1:
        return {names[0].id: value}
    if not isinstance(value, (list, Size)) or len(value) != len(names):
        raise context.fail("E313", f"{len(names)} names for {type_name(value)} {brief(value)}", span)
    return {name.id: item for name, item in zip(names, value, strict=True)}
