"""Merges: of branches, or of the tensors of a bundle, and what to say when those do not go together."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.elaborate import causes
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.elaborate.structures.branches import BranchEnd, branches
from cnndsl.elaborate.values import POISON, Failed, Poison
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.ops.merge import Concat, Mul
from cnndsl.syntax import tree


def merge(elaborator: Elaborator, op: Op, command: tree.Command, place: Place, x: Flowing) -> Flowing:
    """Merge what the branches give that are run on `x`; without branches, `x` itself, which is a bundle."""
    ends = _ends(elaborator, op, command, place, x)
    tensors = tuple(end.result for end in ends if isinstance(end.result, Tensor))
    if len(tensors) < len(ends):
        return POISON
    if len(tensors) == 1:
        return tensors[0]
    try:
        shape = op.output(*(tensor.shape for tensor in tensors))
    except LayerError as error:
        raise _mismatch(elaborator, error, op, command, place, x, ends, tensors) from None
    return elaborator.add(op, tensors, shape, command.span, place.scope)


def _ends(elaborator: Elaborator, op: Op, command: tree.Command, place: Place, x: Flowing) -> list[BranchEnd]:
    """What is merged."""
    if command.body is None:
        return _items(elaborator, op, command, x)
    written = command.body.statements
    if len(written) == 1 and isinstance(written[0], tree.Branch):  # whatever it is, it is not enough
        raise _too_few(elaborator, op, command, 1)
    ends = list(branches(elaborator, command.body, place.inner(), x, op.word))
    if not ends:
        raise _too_few(elaborator, op, command, 0)
    return ends


def _too_few(elaborator: Elaborator, op: Op, command: tree.Command, count: int) -> Failed:
    message = f"`{op.word}` needs at least two branches, not {count}"
    repair = "the input itself is the branch `| identity`" if count else None
    return elaborator.context.fail("E319", message, command.span, help=repair)


def _items(elaborator: Elaborator, op: Op, command: tree.Command, x: Flowing) -> list[BranchEnd]:
    """The tensors of a bundle as if each were a branch."""
    if isinstance(x, Bundle):
        return [BranchEnd(tensor) for tensor in x.items]
    if isinstance(x, Poison):
        return [BranchEnd(POISON)]
    help = f"write `{op.word} {{ | ... | ... }}`; without braces it merges a bundle"
    raise elaborator.context.fail("E317", f"`{op.word}` merges branches and needs them", command.span, help=help)


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
    conflict = causes.conflict_of(
        elaborator, tensors, causes.mergeable(op), wanted, x if isinstance(x, Tensor) else None
    )

    def candidates() -> Iterator[Candidate]:
        reads = {i: read for i, end in enumerate(ends) if (read := _read(end.flow)) is not None}
        made = [end.nodes for end in ends]
        yield from causes.changes_behind(conflict)
        yield from causes.other_labels(conflict, reads, made, place.labels)
        yield from causes.fitted_branches(conflict, [end.flow for end in ends], made)
        yield from causes.concatenated(conflict, command)
        yield from causes.missing_pool(conflict, place.scope, command.name.span)
        yield from causes.as_large_as_others(conflict, reads, place.labels)
        yield from causes.near_inputs(conflict, elaborator.settings.input)

    values, meeting = [end.values for end in ends], command.name.span
    return causes.tell(
        elaborator, "E203", str(error), meeting, place.scope, conflict, candidates, values=values, help=error.help
    )


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
