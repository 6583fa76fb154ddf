"""Arguments to parameters: one procedure for layers, structures, blocks and variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cnndsl.diagnostics import Label
from cnndsl.diagnostics.suggest import closest
from cnndsl.elaborate.values import POISON, Failed
from cnndsl.ops.arguments import ArgumentError, Parameter
from cnndsl.source import Span
from cnndsl.syntax import tree

if TYPE_CHECKING:
    from cnndsl.elaborate.evaluator import Evaluator


@dataclass(frozen=True)
class Call:
    """What arguments are given to: its name, its signature, and what an earlier partial application bound."""

    name: str
    signature: Sequence[Parameter]
    bound: Mapping[str, object] = field(default_factory=dict)


def bind(
    evaluator: Evaluator, call: Call, arguments: Sequence[tree.Argument], span: Span, *, partial: bool = False
) -> dict[str, object]:
    """Values by parameter name for the arguments given here; every mistake among them is reported.

    Positional arguments fill the positional parameters that are not bound yet, in order. With `partial`, missing
    ones are no mistake. Raises `Failed` if anything was wrong.
    """
    places = _match(evaluator, call, arguments)
    values: dict[str, object] = {}
    failed = len(places) < len(arguments)
    for parameter in call.signature:
        if parameter.name in places:
            try:
                values[parameter.name] = _accept(evaluator, parameter, places[parameter.name])
            except Failed:
                failed = True
    missing = [p for p in call.signature if p.required and p.name not in places and p.name not in call.bound]
    if missing and not partial and not failed:
        message = f"`{call.name}` needs {_list([p.name for p in missing])}"
        help = f"{missing[0].name}: {missing[0].kind.expects}"
        raise evaluator.context.fail("E305", message, span, help=help)
    if failed:
        raise Failed(call.name)
    return values


def _match(evaluator: Evaluator, call: Call, arguments: Sequence[tree.Argument]) -> dict[str, tree.Argument]:
    """Which parameter each argument is for; those that are for none are reported and left out."""
    names = [parameter.name for parameter in call.signature]
    positional = [p.name for p in call.signature if p.positional and p.name not in call.bound]
    places: dict[str, tree.Argument] = {}
    for argument in arguments:
        if argument.name is None:
            free = [name for name in positional if name not in places]
            if free:
                places[free[0]] = argument
            else:
                _too_many(evaluator, call, positional, argument)
        elif argument.name.id not in names:
            _unknown(evaluator, call, names, argument.name)
        elif argument.name.id in places:
            first = Label(places[argument.name.id].span, "first given here")
            message = f"`{argument.name.id}` is given twice"
            evaluator.context.fail("E312", message, argument.span, labels=(first,))
        else:
            places[argument.name.id] = argument
    return places


def _too_many(evaluator: Evaluator, call: Call, positional: list[str], argument: tree.Argument) -> None:
    count = len(positional)
    message = f"`{call.name}` takes {count or 'no'} positional argument{'' if count == 1 else 's'}"
    others = [f"`{p.name}=`" for p in call.signature if not p.positional]
    help = f"by name it takes {', '.join(others)}" if others else None
    evaluator.context.fail("E306", message, argument.span, help=help)


def _unknown(evaluator: Evaluator, call: Call, names: list[str], written: tree.Name) -> None:
    if written.span.text == "/":
        message = f"`{call.name}` has no stride"
    else:
        message = f"`{call.name}` has no argument `{written.id}`"
    guess = closest(written.id, names)
    help = f"did you mean `{guess}`?" if guess else f"it takes {_list(names)}" if names else "it takes none"
    evaluator.context.fail("E304", message, written.span, help=help)


def _accept(evaluator: Evaluator, parameter: Parameter, argument: tree.Argument) -> object:
    value = evaluator.argument(argument.value, parameter.kind)
    if value is POISON:
        raise Failed(parameter.name)
    try:
        return parameter.kind.accept(value)
    except ArgumentError as error:
        guess = closest(value, parameter.kind.choices) if isinstance(value, str) else None
        help = f"did you mean `{guess}`?" if guess else None
        code = "E308" if error.out_of_range else "E307"
        message = f"`{parameter.name}`: {error}"
        raise evaluator.context.fail(code, message, argument.value.span, help=help) from None


def _list(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
