"""Arguments to parameters: one procedure for layers, structures, blocks and variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cnndsl.diagnostics import Edit, Fix, Label
from cnndsl.diagnostics.wording import few
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.foreign import SURPLUS, VALUES, Remedy, argument_meant, value_meant
from cnndsl.elaborate.names import quoted, values_in
from cnndsl.elaborate.values import Failed, Poison, brief
from cnndsl.ops.arguments import ArgumentError, Kind, Padding, Parameter, type_name
from cnndsl.records import dataclass, field
from cnndsl.source import Span
from cnndsl.syntax import tree

_LARGEST_STRIDE = 16


@dataclass(frozen=True)
class Call:
    """What arguments are given to: its name, its signature, and what an earlier partial application bound.

    form  how arguments are handed over, for messages
    """

    name: str
    signature: Sequence[Parameter]
    bound: Mapping[str, object] = field(default_factory=dict)
    form: str = "{name} {arguments}"


def bind(
    context: Context,
    call: Call,
    arguments: Sequence[tree.Argument],
    span: Span,
    value_of: Callable[[Parameter, tree.Argument], object],
    *,
    partial: bool = False,
) -> dict[str, object]:
    """Values by parameter name for the arguments given here; every mistake among them is reported.

    Positional arguments fill the positional parameters that are not bound yet, in order. With `partial`, missing
    ones are no mistake. Raises `Failed` if anything was wrong, as `value_of` does.
    """
    places, fits = match(context, call, arguments, span, partial=partial)
    values: dict[str, object] = {}
    for parameter in call.signature:
        if parameter.name in places:
            try:
                values[parameter.name] = value_of(parameter, places[parameter.name])
            except Failed:
                fits = False
    if not fits:
        raise Failed(call.name)
    return values


def match(
    context: Context, call: Call, arguments: Sequence[tree.Argument], span: Span, *, partial: bool = False
) -> tuple[dict[str, tree.Argument], bool]:
    """Which parameter each argument is for, and whether all is well; what is not is reported. No value is looked at."""
    names = [parameter.name for parameter in call.signature]
    known = set(names)
    free = [p.name for p in call.signature if p.positional and p.name not in call.bound]
    waiting = iter(free)
    places: dict[str, tree.Argument] = {}
    surplus: list[tree.Argument] = []
    fits = True
    for argument in arguments:
        name = argument.name.id if argument.name else next((name for name in waiting if name not in places), None)
        if name is None:
            surplus.append(argument)
        elif argument.name is not None and name not in known:
            _unknown(context, call, names, argument.name)
            fits = False
        elif name in places:
            first = Label(places[name].span, "first given here")
            context.fail("E312", f"`{name}` is given twice", argument.span, labels=(first,))
            fits = False
        else:
            places[name] = argument
    if surplus:
        _too_many(context, call, len(free), surplus)
    missing = [p for p in call.signature if p.required and p.name not in places and p.name not in call.bound]
    if missing and fits and not surplus and not partial:
        _missing(context, call, missing, span)
    return places, fits and not surplus and (partial or not missing)


def _missing(context: Context, call: Call, missing: Sequence[Parameter], span: Span) -> None:
    needed = few([p.name for p in call.signature if p.required and p.positional and p.name not in call.bound])
    means = f"`{missing[0].name}` is {missing[0].kind.expects}"
    written = call.form.format(name=call.name, arguments=needed)
    help = f"`{written}`" if means.endswith(" a value") else f"`{written}`: {means}"
    context.fail("E305", f"`{call.name}` needs {_list([p.name for p in missing])}", span, help=help)


def _too_many(context: Context, call: Call, count: int, surplus: Sequence[tree.Argument]) -> None:
    more = "more " if call.bound else ""
    message = f"`{call.name}` takes {count or 'no'} {more}positional argument{'' if count == 1 else 's'}"
    named = [f"`{p.name}=`" for p in call.signature if not p.positional and p.name != "stride"]
    if any(p.name == "stride" and not p.positional for p in call.signature):
        step = quoted(surplus[0]) if len(surplus) == 1 and _is_stride(surplus[0]) else "2"
        named.insert(0, f"`/{step}` for the stride")
    help = SURPLUS.get(call.name, f"the others are named: {few(named)}" if named else None)
    if (line := _continued(surplus[0].span)) is not None:
        help = f"the `,` at the end of line {line} continues it here"
    context.fail("E306", message, surplus[0].span.to(surplus[-1].span), help=help)


def _is_stride(argument: tree.Argument) -> bool:
    """Whether it may be one: no text, and no number that large."""
    value = argument.value.value if isinstance(argument.value, tree.Literal) else 1
    return isinstance(value, (int, float)) and value <= _LARGEST_STRIDE


def _continued(span: Span) -> int | None:
    """The line before, if `span` is the first thing on its line."""
    before = span.source.text[: span.start].rstrip(" \t")
    return span.line - 1 if before.endswith("\n") else None


def _unknown(context: Context, call: Call, names: list[str], written: tree.Name) -> None:
    slash = written.span.text == "/"
    message = f"`{call.name}` has no stride" if slash else f"`{call.name}` has no argument `{written.id}`"
    told = not slash and context.report.explains("E304", written.span)
    help, fixes = argument_meant(written, names) if told else (None, ())
    if help is None and not fixes:
        help = f"it takes {_list(names)}" if names else "it takes no arguments"
    context.fail("E304", message, written.span, help=help, fixes=fixes)


def accept(context: Context, env: Env, parameter: Parameter, argument: tree.Argument, value: object) -> object:
    """The value as the parameter takes it; raises `Failed` after reporting that it does not."""
    if isinstance(value, Poison):
        raise Failed(parameter.name)
    try:
        return parameter.kind.accept(value)
    except ArgumentError as error:
        help, fixes = _choice_meant(parameter.kind, argument, value, env)
        plain = isinstance(argument.value, (tree.Name, tree.Body))
        raise context.fail(
            "E308" if error.out_of_range else "E307",
            f"`{parameter.name}`: {_refusal(error, parameter.kind, value, argument)}",
            argument.value.span,
            label="" if plain else values_in(argument.value, env),
            help=help,
            fixes=fixes,
        ) from None


def _choice_meant(kind: Kind, argument: tree.Argument, value: object, env: Env) -> Remedy:
    """What would be accepted in place of a value: another word, or what is calculated kept from being nothing."""
    written = argument.value
    if value == 0 and isinstance(written, tree.Operation) and "//" in written.operators:
        least = f"max(1, {quoted(written)})"
        return None, (Fix(f"`{least}` is at least 1", (Edit(written.span, least),)),)
    if value == 0 and isinstance(written, tree.Operation) and "*" in written.operators:
        zeros = [part for part in written.operands if isinstance(part, tree.Name) and env.find(part.id) == 0]
        others = [(place.span, text) for place in zeros for text in (f"({place.id} + 1)", f"2 ** {place.id}")]
        return None, tuple(Fix(f"`{text}` for `{span.text}`, which is 0", (Edit(span, text),)) for span, text in others)
    if isinstance(written, tree.Name) and written.id == value:
        return value_meant(written, kind.choices)
    if isinstance(written, tree.Literal) and isinstance(value, str):
        return value_meant(tree.Name(value, written.span), kind.choices)
    if isinstance(kind, Padding) and type(value) is int:
        return "`crop` cuts rows and columns off", ()
    return VALUES.get(str(value)), ()


def _refusal(error: ArgumentError, kind: Kind, value: object, argument: tree.Argument) -> str:
    """Why a value is not accepted, with the value as it was given."""
    expected = f"expected {kind.expects}, found"
    if not str(error).startswith(expected):
        return str(error)
    if isinstance(argument.value, tree.Name) and argument.value.id == value:  # a bare word, which is no string
        return f"{expected} `{value}`"
    return f"{expected} {'' if error.out_of_range else f'{type_name(value)} '}{brief(value)}"


def _list(names: Sequence[str], most: int = 20) -> str:
    *others, last = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        last = f"{last} and {len(names) - most:,} more"
        return ", ".join([*others, last])
    return f"{', '.join(others)} and {last}" if others else last
