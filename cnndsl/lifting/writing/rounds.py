"""`each`: what all branches of a `group` do in the end, said once for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnndsl.lifting.writing.chains import Chain
from cnndsl.lifting.writing.expressions import fitted, listed
from cnndsl.lifting.writing.rates import HEADER
from cnndsl.lifting.writing.terms import (
    EACH,
    ROUND,
    Argument,
    Body,
    Command,
    Expression,
    Flow,
    Item,
    flows_in,
    tensors_named,
)
from cnndsl.lifting.writing.unification import content, skeleton, unified
from cnndsl.ops import find
from cnndsl.ops.base import Shape
from cnndsl.records import replace

Shapes = Mapping[str, Shape]


def common_end(chains: Sequence[Chain], shapes: Shapes, *, whole: bool) -> int:
    """With how many commands all chains end that are one text for each tensor.

    Numbers must follow from what comes in; only where this is `whole` chains, a list may say one. No convolution is
    parted from the norm or activation that follows it.
    """
    for count in range(min(len(chain.commands) for chain in chains), 0, -1):
        bodies = [Body((_end(chain, count, shapes),)) for chain in chains]
        may_begin = all(_may_begin(body.flows[0].commands) for body in bodies)
        if not may_begin or any(map(tensors_named, bodies)) or len(set(map(skeleton, bodies))) > 1:
            continue
        together = unified(bodies)
        numbers = whole and all(len(chain.commands) == count for chain in chains)
        if together is not None and len(fitted(together, len(bodies))[1]) <= numbers:
            return count
    return 0


def common_begin(chains: Sequence[Chain], shapes: Shapes) -> int:
    """With how many commands all chains begin that are one text for each tensor, but for one number."""
    for count in range(min(len(chain.commands) for chain in chains), 0, -1):
        bodies = [Body((_begin(chain, count, shapes),)) for chain in chains]
        goes_on = all(len(chain.commands) == count or _may_begin(chain.commands[count:]) for chain in chains)
        if not goes_on or any(map(tensors_named, bodies)) or len(set(map(skeleton, bodies))) > 1:
            continue
        together = unified(bodies)
        if together is not None and len(fitted(together, len(bodies))[1]) <= 1:
            return count
    return 0


def last_of_each(chains: Sequence[Chain], count: int, shapes: Shapes, result: str) -> Command:
    """The last commands of every chain, which are taken off them, as one `each` that is not written as one yet."""
    ends = [_end(chain, count, shapes) for chain in chains]
    for chain in chains:
        del chain.commands[-count:]
        chain.size -= count
    return _each(ends, result)


def first_of_each(chains: Sequence[Chain], count: int, shapes: Shapes, result: str) -> Command:
    """The first commands of every chain as one `each`; the chains begin with what comes out of it."""
    begins = [_begin(chain, count, shapes) for chain in chains]
    for chain, begin in zip(chains, begins, strict=True):
        chain.source = begin.result
        del chain.commands[:count]
    return _each(begins, result)


def _each(flows: Sequence[Flow], result: str) -> Command:
    rounds = (Flow((Command(ROUND, body=Body((flow,)), result=flow.result),), "", flow.result) for flow in flows)
    return Command(EACH, branches=tuple(rounds), result=result)


def _begin(chain: Chain, count: int, shapes: Shapes) -> Flow:
    commands = tuple(chain.commands[:count])
    leaving = shapes.get(commands[-1].result)
    return Flow(commands, "", commands[-1].result, shapes.get(chain.source), leaving)


def _end(chain: Chain, count: int, shapes: Shapes) -> Flow:
    before, commands = chain.commands[:-count], tuple(chain.commands[-count:])
    entering = shapes.get(before[-1].result if before else chain.source)
    return Flow(commands, "", commands[-1].result, entering, shapes.get(commands[-1].result))


def _may_begin(commands: Sequence[Command]) -> bool:
    first, kind = commands[0], find(commands[0].word)
    return bool(first.branches) or first.body is not None or (kind is not None and kind.weighted)


def folded(each: Command, bodies: Sequence[Body]) -> Command:
    """An `each` with one body for all of its rounds, and a list of the numbers in which they differ."""
    together = unified(bodies)
    assert together is not None, "rounds of one skeleton"
    body, variables = fitted(together, len(bodies), suffix="_i")
    if not variables:
        return replace(each, branches=(), body=body)
    names = [variable.name for variable in variables]
    names = names if len(names) == 1 else ["i", *names]  # the first of several is the number of the tensor
    header = Expression(f"{', '.join(names)} in {listed(variables, len(bodies))}")
    return replace(each, arguments=(Argument(HEADER, header),), branches=(), body=body)


def over_items(branches: Sequence[Flow]) -> tuple[Flow, ...]:
    """The branches of a `group`, with one `each` in the place of those that do the same with neighbours of a bundle."""
    found: list[Flow] = []
    for branch in branches:
        before = found[-1] if found else None
        last = before.source if before is not None else None
        if before is not None and isinstance(last, Item) and _goes_on(before, last, branch):
            each = before.commands[0] if last.stop else Command(EACH, body=Body((replace(before, source=""),)))
            source = Item(last.bundle, last.number, (last.stop or last.number + 1) + 1)
            found[-1] = replace(branch, source=source, commands=(replace(each, result=branch.result),))
        else:
            found.append(branch)
    return tuple(found)


def _goes_on(before: Flow, last: Item, branch: Flow) -> bool:
    """Whether a branch does the same with the next item as the one before it, and neither is named."""
    if before.labelled or branch.labelled or branch.source != Item(last.bundle, last.stop or last.number + 1):
        return False
    done = before.commands[0].body if last.stop else Body((replace(before, source=""),))
    assert done is not None
    inside = any(flow.labelled for flow in flows_in(done))
    return bool(branch.commands) and not inside and content(done) == content(Body((replace(branch, source=""),)))
