"""Merges: their branches, from loops and conditions too, and what to say when those do not go together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate import statements
from cnndsl.elaborate.causes.branches import other_labels
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.changes import changes_behind
from cnndsl.elaborate.causes.explain import conflict_of, mergeable, tell
from cnndsl.elaborate.causes.inputs import near_inputs
from cnndsl.elaborate.context import Round
from cnndsl.elaborate.drafts import Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.labels import bind_label
from cnndsl.elaborate.names import quoted, values_in
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.elaborate.structures import Repeat
from cnndsl.elaborate.values import POISON, Env, Failed
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.ops.merge import Concat, Mul
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class BranchEnd:
    """What one branch of a merge gives, the nodes it made, and the values of the names in it, for messages."""

    result: Flowing
    flow: tree.Flow | None = None
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
        raise _mismatch(elaborator, error, op, command, place, x, ends, tensors) from None
    return elaborator.add(op, tensors, shape, command.span, place.scope)


def _branches(elaborator: Elaborator, body: tree.Body, place: Place, x: Flowing, word: str) -> Iterator[BranchEnd]:
    """The branches that a merge's body gives; loops and conditions may stand among them."""
    elaborator.ran.add(id(body))
    for statement in body.statements:
        elaborator.context.step(statement.span)
        try:
            yield from _ends(elaborator, statement, place, x, word)
        except Failed:
            yield BranchEnd(POISON)


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
    return BranchEnd(result, flow, values_in(flow, inner.env), nodes)


def _mismatch(
    elaborator: Elaborator,
    error: LayerError,
    op: Op,
    command: tree.Command,
    place: Place,
    x: Flowing,
    ends: list[BranchEnd],
    tensors: tuple[Tensor, ...],
) -> Failed:
    """E203 for the branch that differs; of two, both may."""
    wrong = error.input if error.input is not None else len(ends) - 1
    shapes = [tensor.shape for tensor in tensors]
    others = shapes[1] if wrong == 0 else shapes[0]
    wanted = [_wanted(op, shape, others) if i == wrong else None for i, shape in enumerate(shapes)]
    if len(ends) == 2:
        wanted = [_wanted(op, shapes[0], shapes[1]), _wanted(op, shapes[1], shapes[0])]
    conflict = conflict_of(elaborator, tensors, mergeable(op), wanted, x if isinstance(x, Tensor) else None)

    def candidates() -> Iterator[Candidate]:
        reads = {i: read for i, end in enumerate(ends) if (read := _read(end.flow)) is not None}
        made = [end.nodes for end in ends]
        yield from changes_behind(conflict)
        yield from other_labels(conflict, reads, made, place.labels)
        yield from near_inputs(conflict, elaborator.settings.input)

    values = [end.values for end in ends]
    return tell(elaborator, error.code, str(error), command.name.span, place.scope, conflict, candidates, values=values)


def _wanted(op: Op, shape: Shape, other: Shape) -> Shape:
    """What another branch would want this one to be: of a `concat` the size alone, of a gate what is not 1."""
    if len(shape) != len(other):
        return other
    if isinstance(op, Concat):
        return (shape[0], *other[1:])
    return tuple(n if isinstance(op, Mul) and n == 1 else m for n, m in zip(shape, other, strict=True))


def _read(flow: tree.Flow | None) -> tree.Labelled | None:
    """The label that a branch begins with."""
    first = flow.elements[0] if flow is not None else None
    return first.what if isinstance(first, tree.Read) and isinstance(first.what, tree.Labelled) else None
