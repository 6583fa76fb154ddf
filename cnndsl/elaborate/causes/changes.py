"""Single changes of the layers behind a conflict after which its ends would go together, as edits of the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from cnndsl.diagnostics import Fix
from cnndsl.elaborate.causes.branches import POOLS
from cnndsl.elaborate.causes.calls import left_out
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict
from cnndsl.elaborate.causes.edits import DROPPED, edits_of, value_text, written
from cnndsl.elaborate.causes.elsewhere import at_origin, other_calculations, where_shared
from cnndsl.elaborate.causes.history import CHANNELS, Step, deciding, enlarges
from cnndsl.elaborate.causes.lost import lost_layers
from cnndsl.elaborate.causes.merged import other_merges
from cnndsl.elaborate.causes.unread import not_handed_on
from cnndsl.elaborate.causes.windows import Change, changed, spatial_changes
from cnndsl.elaborate.causes.wording import became
from cnndsl.elaborate.causes.written import calls_in, given, positional_names
from cnndsl.elaborate.drafts import ScopeDraft
from cnndsl.ops import show_shape
from cnndsl.ops.base import Op
from cnndsl.records import replace
from cnndsl.syntax import tree

# What a change costs more, each for a reason.
FARTHER = 3  # for each layer between it and the place where the ends meet, up to
FARTHEST = 27
BEFORE = 11  # behind where the ends were one tensor
IN_ALL = 12  # in all layers that are written alike
UNNAMED = 12  # a number where names and calculations stand
NEW_STRIDE = 20  # where nothing else goes down
SKIPS = 12  # where a stride leaves out pixels that another layer of the branch would see
ODD = 6  # for a width as nobody chooses it
LOSES = 20  # where a pool's stride leaves a remainder
PRECEDENT = -5  # if another layer of the file says the same


def changes_behind(conflict: Conflict) -> Iterator[Candidate]:
    """Changes of one command behind one of the ends, in its own text or where its values come from."""
    for end, steps in enumerate(conflict.histories):
        for distance, step in enumerate(steps):
            command = conflict.text.command_of(step.draft)
            if command is not None:
                for change in _changes(conflict, end, step, command):
                    extra = _strangeness(conflict, end, step, change)
                    if not _decides_width(change):  # no other layer behind it has a say in that
                        extra += min(FARTHER * distance, FARTHEST)
                    yield from _written(conflict, replace(change, cost=change.cost + extra), step, command)
    yield from _changes_of_width(conflict)
    yield from left_out(conflict)
    yield from not_handed_on(conflict)
    yield from lost_layers(conflict)
    yield from other_merges(conflict)
    yield from other_calculations(conflict)


def _changes_of_width(conflict: Conflict) -> Iterator[Candidate]:
    """Other widths of what decides the channels of an end, behind where the ends were one tensor."""
    for end, node in enumerate(conflict.ends):
        if conflict.differs(end, CHANNELS):
            own = {step.node for step in conflict.histories[end]}
            for step in deciding(conflict.drafts, node, conflict.settled):
                command = conflict.text.command_of(step.draft)
                if command is not None and step.node not in own:
                    for change in _widths(conflict, end, step):
                        yield from _written(conflict, replace(change, cost=change.cost + BEFORE), step, command)


def _decides_width(change: Change) -> bool:
    return not change.values.keys().isdisjoint(("filters", "features"))


def _changes(conflict: Conflict, end: int, step: Step, command: tree.Command) -> Iterator[Change]:
    """Other arguments of one layer, for the axes that differ."""
    widths = [*_widths(conflict, end, step)] if conflict.differs(end, CHANNELS) else []
    yield from widths
    if conflict.spatial(end):
        for change in spatial_changes(step.draft.op, command):
            yield change
            wider = [change.also(**width.values) for width in widths]
            yield from [each for each in wider if each is not None]


def _widths(conflict: Conflict, end: int, step: Step) -> Iterator[Change]:
    """Another number of filters, if that has a say in how many channels come out at the end.

    Here alone, as if a call gave it, and in all layers that this text makes.
    """
    name = next((each for each in ("filters", "features") if hasattr(step.draft.op, each)), None)
    wanted = conflict.wanted[end]
    if name is None or wanted is None:
        return
    have, missing = getattr(step.draft.op, name), wanted[CHANNELS] - conflict.shape(end)[CHANNELS]
    found: set[int] = set()
    for nodes in ([step.node], conflict.instances([step.draft.span])):
        gain = _gain(conflict, end, name, nodes)
        if gain and missing * have % gain == 0:
            found.add(have + missing * have // gain)
    for width in sorted(width for width in found if width > 0):
        option = changed(step.draft.op, 20 + _oddity(have, width), **{name: width})
        yield from [option] if option is not None else []


def _oddity(have: int, width: int) -> int:
    """What a width costs more that is no multiple of 8 where one was, or less the other way around: few are none."""
    return ODD * ((width % 8 != 0) - (have % 8 != 0))


def _gain(conflict: Conflict, end: int, name: str, nodes: Sequence[int]) -> int:
    """How many channels more come out if these layers are twice as wide."""
    ops: dict[int, Any] = {node: conflict.drafts.nodes[node].op for node in nodes}
    doubled = conflict.shapes({node: replace(op, **{name: 2 * getattr(op, name)}) for node, op in ops.items()})
    return 0 if doubled is None else doubled[end][CHANNELS] - conflict.shape(end)[CHANNELS]


def _strangeness(conflict: Conflict, end: int, step: Step, change: Change) -> int:
    """What a new stride costs where it would be the only one, or one of two that differ, or would skip pixels."""
    stride, now = change.values.get("stride"), getattr(step.draft.op, "stride", None)
    if stride in (None, (1, 1)) or step.draft.op.word == "conv_transpose":
        return 0
    others = [*chain(*(steps for other, steps in enumerate(conflict.histories) if other != end))]
    goes_down = any(getattr(other.draft.op, "stride", (1, 1)) == stride for other in others)
    alone = len(conflict.ends) > 1 and (not goes_down or any(enlarges(other) for other in others))
    alone = alone or _only_pools_go_down(conflict, step)
    kernel, *kernels = (_kernel(each.draft.op) for each in (step, *conflict.histories[end]))
    skips = kernel < stride and any(each >= stride for each in kernels)
    loses = hasattr(step.draft.op, "round") and any(n % by for n, by in zip(step.before[1:], stride, strict=True))
    return (NEW_STRIDE if alone or now != (1, 1) else 0) + SKIPS * skips + LOSES * loses


def _only_pools_go_down(conflict: Conflict, step: Step) -> bool:
    """Whether the file has pools, and no layer like this one with a stride."""
    commands = conflict.text.commands.values()
    like = any(given(each, "stride", []) for each in commands if each.name.id == step.draft.op.word)
    return not like and any(each.name.id in POOLS for each in commands)


def _kernel(op: Op) -> tuple[int, int]:
    """How many rows and columns a layer looks at; those of a `channel_conv` are channels."""
    kernel = getattr(op, "kernel", (1, 1))
    return kernel if isinstance(kernel, tuple) else (1, 1)


# --- from changes to text


def _written(conflict: Conflict, change: Change, step: Step, command: tree.Command) -> Iterator[Candidate]:
    """A change in the layer's own text, in all layers that are written alike, and where its value comes from."""
    nodes = conflict.instances([step.draft.span])
    if conflict.mended_by(change.values, nodes):
        yield from _in_place(conflict, change, nodes, step, command)
        yield from at_origin(conflict, change, nodes, step)
    elif len(nodes) > 1 and conflict.mended_by(change.values, [step.node]):
        yield from _in_place(conflict, change, [step.node], step, command)
        yield from at_origin(conflict, change, [step.node], step)
    else:
        yield from where_shared(conflict, change, step)
    yield from _in_all(conflict, change, step, command)


def _in_place(
    conflict: Conflict, change: Change, nodes: Sequence[int], step: Step, command: tree.Command
) -> Iterator[Candidate]:
    """The change in the layer's own text: as a number, and as others around it spell that number.

    Where only some of the layers that it makes are to change, a name is to stand in place of the number.
    """
    computed = _is_computed(change, step, command)
    in_all = len(nodes) == len(conflict.instances([command.span]))
    if not conflict.text.editable(command.span) or (computed and not in_all):
        return
    made = conflict.made_by(change.values, nodes, step.node)
    for values, cost in _spellings(conflict, change, step, command, computed):
        if in_all or values is not change.values:
            cost += PRECEDENT if _has_precedent(conflict, type(change.op), change.values, command) else 0
            yield _candidate(values, replace(change, cost=change.cost + cost), step, [command], show_shape(made))


def _spellings(
    conflict: Conflict, change: Change, step: Step, command: tree.Command, computed: bool
) -> Iterator[tuple[Mapping[str, Any], int]]:
    """The values as numbers, or as names and calculations that have these values here, each with what it costs."""
    in_block = _is_in_block(conflict, step)
    if not computed:  # what is calculated, or differs from call to call, is no number
        yield change.values, UNNAMED if in_block and "stride" in change.values else 0
    for name in ("filters", "stride"):
        if name in change.values:
            texts = dict.fromkeys(_names_for(conflict, name, change.values[name], step, command))
            for rank, text in enumerate(texts):
                yield {**change.values, name: text}, rank + (0 if in_block or computed else 4)


def _is_computed(change: Change, step: Step, command: tree.Command) -> bool:
    """Whether names or calculations stand where numbers would come to stand."""
    positional = positional_names(type(change.op))
    now = [given(command, name, positional) for name in change.values if name in ("filters", "stride", "features")]
    return any(each is not None and not isinstance(each.value, (tree.Literal, tree.SizeLiteral)) for each in now)


def _is_in_block(conflict: Conflict, step: Step) -> bool:
    return _call_of(conflict, step) is not conflict.text.root


def _call_of(conflict: Conflict, step: Step) -> ScopeDraft | None:
    """The innermost call of a block that a layer stands in, or the network."""
    return next(iter(calls_in(conflict.text.scopes_of(step.draft))), None)


def _names_for(conflict: Conflict, name: str, wanted: Any, step: Step, command: tree.Command) -> Iterator[str]:
    """`in.channels`, what a neighbour in the same definition says, or a parameter, if that is the wanted value here."""
    call = _call_of(conflict, step)
    entering = conflict.entering
    if name == "filters" and entering is not None and conflict.drafts.nodes[entering].shape[CHANNELS] == wanted:
        yield "in.channels"
    for other in chain(*conflict.histories):
        its = conflict.text.command_of(other.draft)
        if its is None or its is command or getattr(other.draft.op, name, None) != wanted:
            continue
        argument = given(its, name, positional_names(type(other.draft.op)))
        if argument is None or isinstance(argument.value, (tree.Literal, tree.SizeLiteral, tree.Body)):
            continue
        if _call_of(conflict, other) is call:
            yield argument.value.span.text
    for parameter, value in call.arguments.items() if call is not None else ():
        if value == wanted and type(value) is type(wanted):
            yield parameter


def _has_precedent(conflict: Conflict, op: type[Op], values: Mapping[str, Any], command: tree.Command) -> bool:
    """Whether another layer of this kind in the file says just that."""
    texts = {written(op, name, value).replace(" ", "") for name, value in values.items() if value is not DROPPED}
    others = [each for each in conflict.text.commands.values() if each.name.id == op.word and each is not command]
    kernel = given(command, "kernel", positional_names(op))
    return bool(texts) and any(
        texts <= {argument.span.text.replace(" ", "") for argument in each.arguments}
        for each in others
        if (its := given(each, "kernel", positional_names(op))) is not None
        and kernel is not None
        and its.value.span.text == kernel.value.span.text
    )


def _in_all(conflict: Conflict, change: Change, step: Step, command: tree.Command) -> Iterator[Candidate]:
    """The change in all layers that are written like this one, or in what gives them all their value."""
    alike = conflict.text.like(command, tuple(change.values), type(change.op))
    nodes = conflict.instances(each.span for each in alike) if len(alike) > 1 else []
    if nodes and conflict.mended_by(change.values, nodes):
        commands = [command, *(each for each in alike if each is not command)]
        yield _candidate(change.values, replace(change, cost=change.cost + IN_ALL), step, commands, None)
        yield from at_origin(conflict, change, nodes, step)


def _candidate(
    values: Mapping[str, Any], change: Change, step: Step, commands: Sequence[tree.Command], made: str | None
) -> Candidate:
    op = type(change.op)
    edits = tuple(edit for each in commands for edit in edits_of(each, op, values))
    first = commands[0]
    title = f"{_said(op, values, first)} on the `{op.word}` of {_lines(commands)}"
    if made is not None:
        title += f" make{'s' * (len(values) == 1)} {made}"
    family = " ".join(values)
    if _decides_width(change):  # which layer is to be wider decides what network it is
        family = f"{first.span.start}"
    return Candidate(Fix(title, edits), change.cost, first.span, became(step), family=family)


def _lines(commands: Sequence[tree.Command]) -> str:
    """`line 4`, `lines 4 and 6`, `lines 4, 6 and 3 more`."""
    numbers = [str(number) for number in sorted({each.span.line for each in commands})]
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    more = [f"{len(numbers) - 2} more"] if len(numbers) > 3 else numbers[2:]
    shown = [*numbers[:2], *more]
    return f"lines {', '.join(shown[:-1])} and {shown[-1]}"


def _said(op: type[Op], values: Mapping[str, Any], command: tree.Command) -> str:
    """The new arguments as they are written, for a title."""
    shown = []
    for name, value in values.items():
        if value is DROPPED:
            argument = given(command, name, positional_names(op))
            shown.append(f"no `{argument.span.text}`" if argument is not None else f"no `{name}`")
        elif name in ("filters", "features"):
            shown.append(f"{value} {name}" if isinstance(value, int) else f"`{value}` as {name}")
        else:
            bare = name in positional_names(op) and not isinstance(value, str)
            shown.append(f"`{value_text(op, name, value, '')}`" if bare else f"`{written(op, name, value)}`")
    return " and ".join(shown)
