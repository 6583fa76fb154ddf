"""The branches of a merge or a `group`: what stands in the braces, from loops and conditions too, and its results."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate import statements
from cnndsl.elaborate.context import Round
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.labels import bind_label, label_of
from cnndsl.elaborate.names import quoted, values_in
from cnndsl.elaborate.place import Flowing, Place, tensors_of
from cnndsl.elaborate.structures.nesting import Repeat
from cnndsl.elaborate.values import POISON, Failed
from cnndsl.records import dataclass, replace
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class BranchEnd:
    """A tensor that a branch gives, the nodes it made, and the values of the names in it, for messages."""

    result: Flowing
    flow: tree.Flow | None = None
    values: str = ""
    nodes: range = range(0)


def branches(elaborator: Elaborator, body: tree.Body, place: Place, x: Flowing, word: str) -> Iterator[BranchEnd]:
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
        yield from _branch(elaborator, statement, place, x)
    elif isinstance(statement, (tree.Let, tree.FunctionDefinition, tree.Require)):
        elaborator.statement(statement, place, x)
    elif isinstance(statement, tree.If):
        chosen = statements.chosen(elaborator, statement, place)
        if chosen is not None:
            yield from branches(elaborator, chosen, place.inner(), x, word)
    elif isinstance(statement, tree.For):
        for inner, where in statements.rounds(elaborator, statement, place):
            with elaborator.context.inside(where):
                yield from branches(elaborator, statement.body, inner, x, word)
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
            yield from branches(elaborator, command.body, place.inner(), x, word)


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


def _branch(elaborator: Elaborator, statement: tree.Branch, place: Place, x: Flowing) -> Iterator[BranchEnd]:
    """One branch, in a scope of its own that carries its label. One that ends in a bundle gives all of its tensors."""
    flow = statement.flow
    if isinstance(flow, tree.Unreadable):
        raise Failed("branch")
    label = label_of(elaborator, flow, place)
    scope = place.scope.open("branch", label.id if label else "branch", flow.span, labelled=label is not None)
    inner = replace(place, env=Env(place.env), scope=scope, entering=x)
    start = len(elaborator.drafts)
    result = elaborator.statement(replace(flow, label=None, numbers=()), inner, x)
    scope.carry(x, result)
    nodes = range(start, len(elaborator.drafts))
    if label is not None:
        given = x if not isinstance(flow.elements[0], tree.Read) else None
        weights = result is POISON or bool(nodes)
        bind_label(elaborator, label, place, result, nodes, names_weights=weights, given=given)
    values = values_in(flow, inner.env)
    for each in tensors_of(result) or (result,):
        yield BranchEnd(each, flow, values, nodes)
