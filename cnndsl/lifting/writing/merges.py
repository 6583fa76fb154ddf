"""Merges as a person writes them: what the branches of an `add` or `concat` amount to."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.elaborate.structures.growing import Dense
from cnndsl.elaborate.structures.residual import Residual, strides
from cnndsl.lifting.writing.terms import PART, Argument, Body, Command, Flow, Usual, nodes_of, tensors_named
from cnndsl.lifting.writing.unification import content
from cnndsl.ops.base import Shape
from cnndsl.ops.merge import Concat
from cnndsl.ops.reshape import ZeroPadShortcut
from cnndsl.records import replace

LONG = 10  # layers that a branch beside an empty one may have, if it is no residual
SHORT = 3
LONGEST_SHORTCUT = 4  # layers
LARGER = ("conv_transpose", "pixel_shuffle", "resize", "upsample")
COUNT = next(iter(Dense.signature()))
RESIDUAL = {each.name: each for each in Residual.signature()}


def is_skip(word: str, branches: Sequence[Sequence[Command]], sizes: Sequence[int]) -> bool:
    """Whether a branch is a tensor that waits while others go a long way, so that it is better named than nested."""
    if min(sizes) > SHORT or max(sizes) <= SHORT:
        return False
    comes_back = any(each.word in LARGER for commands in branches for each in commands)
    return comes_back or (min(sizes) == 0 and max(sizes) > LONG and word != "add")


def is_zero_pad(branch: Sequence[Command]) -> bool:
    """Whether a branch is the layer that only a `residual` makes."""
    return [each.word for each in branch] == [ZeroPadShortcut.word]


def merged(command: Command, branches: Sequence[Flow], leaving: Shape | None) -> Command:
    """The merge of branches that begin at what flows, but for the body of a `residual`, which may begin elsewhere."""
    if command.word == "add" and len(branches) == 2 and leaving is not None:
        found = _residual(command, branches[0], branches[1], leaving) or _residual(
            command, branches[1], branches[0], leaving
        )
        if found is not None:
            return found
    return replace(command, branches=tuple(branches))


def _residual(command: Command, body: Flow, around: Flow, leaving: Shape) -> Command | None:
    """`residual` with its body and the way around it, if it is one."""
    around = _without_parts(around)
    if not body.commands or (not around.commands and around.entering != leaving):
        return None
    if not around.commands:
        return _around(None, command, body)
    if around.entering == leaving or around.entering is None:
        return None
    layers = tuple(node for each in around.commands for node in each.nodes)
    words = [each.word for each in around.commands]
    if is_zero_pad(around.commands):
        return _around("zero_pad", command, body, layers)
    if words == ["conv", "bn"] and _is_projection(around, around.entering, leaving):
        return _around("projection", command, body, layers)
    braces = any(command.branches or command.body is not None for command in around.commands)
    plain = not braces and not tensors_named(around)  # which would be another body's
    if plain and len(words) <= LONGEST_SHORTCUT and len(layers) < len(nodes_of(Body((body,)))):
        return replace(_around(None, command, body), shortcut=around)
    return None


def _without_parts(flow: Flow) -> Flow:
    """A chain with what stands in parts of it in their place."""
    commands: list[Command] = []
    for command in flow.commands:
        inside = command.body.flows if command.word == PART and command.body is not None else ()
        whole = len(inside) == 1 and not inside[0].source
        commands += _without_parts(inside[0]).commands if whole else (command,)
    return replace(flow, commands=tuple(commands))


def _around(kind: str | None, command: Command, body: Flow, layers: tuple[str, ...] = ()) -> Command:
    given = (
        Argument(RESIDUAL["shortcut"], Usual(None) if kind is None else kind),
        Argument(RESIDUAL["when"], Usual(True)),
    )
    nodes = (*layers, *command.nodes)
    return Command(Residual.word, given, body=Body((body,)), nodes=nodes, result=command.result)


def _is_projection(around: Flow, entering: Shape, leaving: Shape) -> bool:
    """Whether the language makes the same layers of `shortcut=projection`."""
    stride = strides(entering, leaving)
    conv, bn = around.commands
    given = _given(conv)
    wanted: dict[str, object] = {"kernel": (1, 1), "filters": leaving[0]}
    if stride is not None and stride != (1, 1):
        wanted["stride"] = stride
    return stride is not None and not _given(bn) and given == wanted


def _given(command: Command) -> dict[str, object]:
    """The arguments that are written."""
    return {each.name: each.value for each in command.arguments if not isinstance(each.value, Usual)}


# --- dense blocks


def join_dense(commands: list[Command]) -> None:
    """Make one `dense` of the last two commands, if both join the same layers to their input."""
    if len(commands) < 2:
        return
    before, last = map(_within, commands[-2:])
    layer, same = _dense_layer(last), _dense_layer(before) if before.word != Dense.word else before.body
    if layer is None or same is None:
        return
    if content(layer) != content(same):  # of which one may be a part of its own, as the first of torchvision's DenseNet
        layer, same = _opened(layer), _opened(same)
        if content(layer) != content(same):
            return
    count = before.value(COUNT.name, 1)
    assert isinstance(count, int)
    first = before.nodes if before.word == Dense.word else (*nodes_of(same), *before.nodes)
    nodes = (*first, *nodes_of(layer), *last.nodes)
    given = (Argument(COUNT, count + 1),)
    commands[-2:] = [Command(Dense.word, given, body=same, nodes=nodes, result=last.result)]


def _within(command: Command) -> Command:
    """What a part does that joins its input itself, as layers of DenseNet are often written."""
    inside = command
    while inside.word == PART and inside.body is not None:
        flows = inside.body.flows
        if len(flows) != 1 or flows[0].source or len(flows[0].commands) != 1:
            return command
        (inside,) = flows[0].commands
    return inside if _dense_layer(inside) is not None else command


def _dense_layer(command: Command) -> Body | None:
    """What a layer of a dense block does before it joins its input."""
    if command.word != Concat.word or len(command.branches) != 2:
        return None
    kept, made = command.branches
    return None if kept.commands or kept.source or made.source or not made.commands else Body((made,))


def _opened(body: Body) -> Body:
    """What is in a body that is one part."""
    (flow,) = body.flows
    inside = flow.commands[0].body if [each.word for each in flow.commands] == [PART] else None
    return body if inside is None or len(inside.flows) != 1 else inside
