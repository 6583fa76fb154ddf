"""Merges: their branches, from loops and conditions too, and what to say when those do not go together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cnndsl.diagnostics import Edit, Fix, Label
from cnndsl.elaborate import statements
from cnndsl.elaborate.context import Round
from cnndsl.elaborate.drafts import Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.labels import bind_label
from cnndsl.elaborate.names import quoted, values_in
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.elaborate.structures import Repeat
from cnndsl.elaborate.values import POISON, Env, Failed
from cnndsl.ops import show_shape
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.source import Span
from cnndsl.syntax import tree

_SHOWN_BRANCHES = 4


@dataclass(frozen=True, slots=True)
class BranchEnd:
    """What one branch of a merge gives, where it stands, and the nodes it made.

    shaped_by  its command that gave the result its shape, and `changed` whether that is another than what came in
    values     of the names in it, for messages
    """

    result: Flowing
    span: Span
    shaped_by: Span | None = None
    changed: bool = False
    values: str = ""
    nodes: range = range(0)


def merge(elaborator: Elaborator, op: Op, command: tree.Command, place: Place, x: Flowing) -> Flowing:
    """Run the branches on `x` and merge what they give."""
    if command.body is None:
        help = f"write `{op.word} {{ | ... | ... }}`"
        message = f"`{op.word}` merges branches and needs them"
        raise elaborator.context.fail("E317", message, command.span, help=help)
    ends = list(_branches(elaborator, command.body, place.inner(), x, op.word))
    if len(ends) < 2:
        message = f"`{op.word}` needs at least two branches, not {len(ends)}"
        repair = "the input itself is the branch `| identity`" if ends else None
        raise elaborator.context.fail("E319", message, command.span, help=repair)
    tensors = tuple(end.result for end in ends if isinstance(end.result, Tensor))
    if len(tensors) < len(ends):
        return POISON
    try:
        shape = op.output(*(tensor.shape for tensor in tensors))
    except LayerError as error:
        raise _mismatch(elaborator, error, op, command, ends, [tensor.shape for tensor in tensors]) from None
    return elaborator.add(op, tensors, shape, command.span, place.scope)


def _branches(elaborator: Elaborator, body: tree.Body, place: Place, x: Flowing, word: str) -> Iterator[BranchEnd]:
    """The branches that a merge's body gives; loops and conditions may stand among them."""
    elaborator.ran.add(id(body))
    for statement in body.statements:
        elaborator.context.step(statement.span)
        try:
            yield from _ends(elaborator, statement, place, x, word)
        except Failed:
            yield BranchEnd(POISON, statement.span)


def _ends(
    elaborator: Elaborator, statement: tree.Statement, place: Place, x: Flowing, word: str
) -> Iterator[BranchEnd]:
    """The branches that one statement of a merge's body gives."""
    if isinstance(statement, tree.Branch):
        yield _branch(elaborator, statement, place, x)
    elif isinstance(statement, (tree.Let, tree.Require)):
        elaborator.statement(statement, place, x)
    elif isinstance(statement, tree.If):
        chosen = statements.chosen(elaborator, statement, place)
        if chosen is not None:
            yield from _branches(elaborator, chosen, place.inner(), x, word)
    elif isinstance(statement, tree.For):
        for inner, where in statements.rounds(elaborator, statement, place):
            with elaborator.context.inside(where):
                yield from _branches(elaborator, statement.body, inner, x, word)
    elif isinstance(statement, tree.Unreadable):
        raise Failed(word)
    else:
        yield from _repeated(elaborator, statement, place, x, word)


def _repeated(
    elaborator: Elaborator, statement: tree.Statement, place: Place, x: Flowing, word: str
) -> Iterator[BranchEnd]:
    """The branches of a `repeat`; nothing else may stand among them."""
    command = statement.elements[0] if isinstance(statement, tree.Flow) and len(statement.elements) == 1 else None
    if not isinstance(command, tree.Command) or command.name.id != Repeat.word:
        raise _no_branch(elaborator, statement, command, word)
    repeat = Repeat.of(elaborator, command, place)
    assert command.body is not None  # `of` has seen to it
    for number in repeat.rounds(elaborator, command):
        with elaborator.context.inside(Round(number, repeat.count)):
            yield from _branches(elaborator, command.body, place.inner(), x, word)


def _no_branch(elaborator: Elaborator, statement: tree.Statement, command: tree.Element | None, word: str) -> Failed:
    """E316: a branch without its `|`, or the second line of one without its `->`."""
    help: str | None = "only `let`, `require`, `for`, `if` and `repeat` may stand among branches"
    fixes: tuple[Fix, ...] = ()
    if isinstance(statement, tree.Flow) and not (isinstance(command, tree.Command) and command.body):
        place = replace(statement.span, end=statement.span.start)
        joined = Fix(f"`->` joins it to the line above: `-> {quoted(statement)}`", (Edit(place, "-> "),))
        begun = Fix(f"`|` begins a branch: `| {quoted(statement)}`", (Edit(place, "| "),))
        help, fixes = None, (joined, begun) if _follows_branch(place) else (begun,)
    message = f"only branches stand in `{word}`"
    return elaborator.context.fail("E316", message, statement.span, help=help, fixes=fixes)


def _follows_branch(place: Span) -> bool:
    """Whether the line above begins a branch."""
    above = [line.strip() for line in place.source.text[: place.start].split("\n")[:-1] if line.strip()]
    return bool(above) and above[-1].startswith("|")


def _branch(elaborator: Elaborator, statement: tree.Branch, place: Place, x: Flowing) -> BranchEnd:
    """One branch, in a scope of its own that carries its label."""
    flow = statement.flow
    if isinstance(flow, tree.Unreadable):
        raise Failed("branch")
    name = flow.label.id if flow.label else "branch"
    scope = place.scope.open("branch", name, flow.span, labelled=flow.label is not None)
    inner = replace(place, env=Env(place.env), scope=scope, entering=x)
    start = len(elaborator.drafts)
    result = elaborator.statement(replace(flow, label=None), inner, x)
    nodes = range(start, len(elaborator.drafts))
    if flow.label is not None:
        bind_label(elaborator, flow.label, place, result, names_weights=result is POISON or bool(nodes))
    shaped_by = elaborator.shaped_by(result, start) if isinstance(result, Tensor) and nodes else None
    changed = isinstance(result, Tensor) and isinstance(x, Tensor) and result.shape != x.shape
    return BranchEnd(result, flow.span, shaped_by, changed, values_in(flow, inner.env), nodes)


def _mismatch(
    elaborator: Elaborator,
    error: LayerError,
    op: Op,
    command: tree.Command,
    ends: list[BranchEnd],
    shapes: list[Shape],
) -> Failed:
    """E203 that names the branches: all if they are few, else the one that differs and one that does not."""
    wrong = error.input if error.input is not None else len(ends) - 1
    right = 1 if wrong == 0 else 0
    shown = range(len(ends)) if len(ends) <= _SHOWN_BRANCHES else (right, wrong)
    labels = tuple(_end_label(ends[i], shapes[i], differs=i == wrong) for i in shown)
    repairs = (_repair(elaborator, op, ends, shapes, i) for i in ((wrong, right) if len(ends) == 2 else (wrong,)))
    help = next((repair for repair in repairs if repair), error.help)
    return elaborator.context.fail(error.code, str(error), command.name.span, labels=labels, help=help)


def _repair(elaborator: Elaborator, op: Op, ends: list[BranchEnd], shapes: list[Shape], changed: int) -> str | None:
    """How one branch could be changed to go with the others."""
    end, channels = ends[changed], shapes[0 if changed else 1][0]
    assert isinstance(end.result, Tensor)
    fits = _fits(op, shapes, changed)
    return elaborator.repairer.for_shape(end.nodes, end.result, end.span, channels, fits, end.shaped_by)


def _end_label(end: BranchEnd, shape: Shape, *, differs: bool) -> Label:
    values = f" ({end.values})" if end.values else ""
    if end.shaped_by is None:
        return Label(end.span, f"this branch is {show_shape(shape)}{values}")
    became = differs and end.changed
    text = f"became {show_shape(shape)} here" if became else f"is {show_shape(shape)}"
    return Label(end.shaped_by, f"this branch {text}{values}")


def _fits(op: Op, shapes: list[Shape], changed: int) -> Callable[[Shape], bool]:
    """Whether a branch of another shape would go with the others."""

    def fits(shape: Shape) -> bool:
        try:
            op.output(*shapes[:changed], shape, *shapes[changed + 1 :])
        except LayerError:
            return False
        return True

    return fits
