"""Parts that are alike become calls of one block; what differs between them becomes its parameters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from cnndsl.elaborate.structures.residual import Residual
from cnndsl.lifting.writing.expressions import CallKind, Variable, fitted
from cnndsl.lifting.writing.heights import height
from cnndsl.lifting.writing.layout import Layout
from cnndsl.lifting.writing.loops import shortened
from cnndsl.lifting.writing.merges import RESIDUAL
from cnndsl.lifting.writing.naming import block_name
from cnndsl.lifting.writing.options import with_options
from cnndsl.lifting.writing.stages import is_container, is_stage, with_stages
from cnndsl.lifting.writing.terms import (
    INLINE,
    IS_ENTERING,
    IS_LEAVING,
    PART,
    STAGE,
    Argument,
    Body,
    Command,
    Flow,
    Usual,
    commands_in,
    nodes_of,
)
from cnndsl.lifting.writing.unification import SHORTCUT, skeleton, unified
from cnndsl.ops.arguments import Parameter
from cnndsl.records import dataclass, replace


@dataclass(frozen=True)
class Block:
    """A block of the text: its name, its parameters with their usual values, and its lines."""

    name: str
    variables: tuple[Variable, ...]
    body: Body


@dataclass(frozen=True)
class Laid:
    """A part, and what stands in it as lines."""

    part: Command
    body: Body


class Blocks:
    """Turns parts into calls, from the innermost outwards; `found` are the blocks in the order in which they came."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.found: list[Block] = []

    def called(self, body: Body) -> Body:
        while True:
            groups = self._innermost(body)
            if not groups:
                return body
            became: dict[str, Command] = {}
            for laid in groups:
                became |= self._calls(laid)
            body = _replaced(body, became)

    def _innermost(self, network: Body) -> list[list[Laid]]:
        """The parts without parts in them, those of one skeleton together."""
        groups: dict[object, list[Laid]] = defaultdict(list)
        for part in _ready([command for command in commands_in(network) if command.word == PART]):
            assert part.body is not None
            body = self.layout.body(part.body, part.entry)
            groups[skeleton(body)].append(Laid(part, body))
        return [part for group in _with_conditions(groups) for part in _by_shortcut(group)]

    def _calls(self, laid: Sequence[Laid]) -> dict[str, Command]:
        """What becomes of parts that are alike, by their scopes: calls, or what stands in them."""
        parts, bodies = [each.part for each in laid], [each.body for each in laid]
        worth = (_is_worth(bodies[0], len(parts)) and not all(map(_holds, parts))) or _is_of_several(parts[0])
        together = unified(bodies) if worth else None
        if together is None:
            return {_key(part): _open(part, body) for part, body in zip(parts, bodies, strict=True)}
        text, found = fitted(together, len(parts))
        text = shortened(with_stages(text), loops=False)
        name = block_name(parts, text, {block.name for block in self.found})
        variables = _sorted(found)
        block = Block(name, variables, text)
        self.found.append(block)
        parameters = [_parameter(variable) for variable in variables]
        return {_key(part): _call(block, parameters, part, number) for number, part in enumerate(parts)}


def _key(part: Command) -> str:
    return f"{part.result} {part.scope.path if part.scope is not None else ''}"


def _ready(parts: Sequence[Command]) -> list[Command]:
    """The parts without parts in them; none before all of its class are, unless they stand in each other."""
    holding = {id(part) for part in parts if _holds_parts(part)}
    waiting = {_class(part) for part in parts if id(part) in holding} - {None}
    innermost = [part for part in parts if id(part) not in holding]
    return [part for part in innermost if _class(part) not in waiting] or innermost


def _holds_parts(part: Command) -> bool:
    return any(inner.word == PART for inner in commands_in(part) if inner is not part)


def _with_conditions(groups: Mapping[object, list[Laid]]) -> list[list[Laid]]:
    """What is alike; and of each class what can be said at once with conditions, such as of residuals."""
    found: list[list[Laid]] = []
    classes: dict[str, list[list[Laid]]] = defaultdict(list)
    for group in groups.values():
        name = _class(group[0].part)
        same = all(_class(each.part) == name for each in group) and not _holds(group[0].part)
        (classes[name] if name is not None and same else found).append(group)
    for variants in classes.values():
        found += _as_one(_with_repeats(variants))
    return found


def _with_repeats(groups: Sequence[list[Laid]]) -> list[list[Laid]]:
    """Groups of a class that only differ in how often something comes again, as one with `repeat`.

    What holds nothing but calls is said in a line of its own, without a block.
    """
    alike: dict[object, list[tuple[list[Laid], list[Laid]]]] = defaultdict(list)  # as they were, and folded
    for group in groups:
        folded = [_folded(each) for each in group]
        keys = {skeleton(each.body) for each in folded}
        apart = len(keys) > 1 or any(_is_of_calls(each.body) for each in group)
        alike[id(group) if apart else keys.pop()].append((group, folded))
    found: list[list[Laid]] = []
    for same in alike.values():
        together = [each for _, folded in same for each in folded]
        one = len(same) > 1 and unified([each.body for each in together]) is not None
        found += [together] if one else [group for group, _ in same]
    return found


def _folded(laid: Laid) -> Laid:
    """With `repeat` in the place of what comes again."""
    return replace(laid, body=shortened(laid.body, loops=False))


def _is_of_calls(body: Body) -> bool:
    words = [command.word for flow in body.flows for command in flow.commands]
    return words == [STAGE] or is_stage(body)


def _as_one(groups: Sequence[list[Laid]]) -> list[list[Laid]]:
    """Groups of a class as one, as far as they go together; the longest first."""
    found: list[tuple[list[Laid], list[Laid]]] = []  # as they were, and with conditions
    for group in sorted(groups, key=lambda group: -height(group[0].body)):
        for number, (before, _) in enumerate(found):
            together = _with_options([*before, *group])
            if together is not None:
                found[number] = [*before, *group], together
                break
        else:
            found.append((group, group))
    return [together for _, together in found]


def _with_options(laid: Sequence[Laid]) -> list[Laid] | None:
    """Parts that are alike with conditions; one that is a residual makes all residuals.

    What differs in how often something comes again has no part that others lack.
    """
    if len({skeleton(_folded(each).body) for each in laid}) == 1:
        return None
    bodies = [each.body for each in laid]
    if any(map(_is_residual, bodies)):
        bodies = [body if _is_residual(body) else _unless(body) for body in bodies]
    together = with_options(bodies)
    if together is None or unified(together) is None:
        return None
    return [replace(each, body=body) for each, body in zip(laid, together, strict=True)]


def _by_shortcut(group: list[Laid]) -> list[list[Laid]]:
    """Parts whose residuals have one way around each, if not all go together; those without one go with most others."""
    if unified([each.body for each in group]) is not None:
        return [group]
    ways = [_way(each.body) for each in group]
    counts = Counter(way for way in ways if way is not None)
    if len(counts) < 2:
        return [group]
    usual = counts.most_common(1)[0][0]
    found: dict[object, list[Laid]] = defaultdict(list)
    for each, way in zip(group, ways, strict=True):
        found[usual if way is None else way].append(each)
    return [*found.values()]


def _way(body: Body) -> object:
    """The first way around a residual that is no identity."""
    for command in commands_in(body):
        if isinstance(kind := command.value(SHORTCUT), str):
            return kind
        if command.shortcut is not None:
            return skeleton(Body((command.shortcut,)))
    return None


def _class(part: Command) -> str | None:
    return part.scope.block if part.scope is not None else None


def _is_residual(body: Body) -> bool:
    """Whether it is a residual and nothing else."""
    return len(body.flows) == 1 and [command.word for command in body.flows[0].commands] == [Residual.word]


def _unless(body: Body) -> Body:
    """A body as that of a residual whose condition does not hold."""
    first, last = body.flows[0], body.flows[-1]
    given = (Argument(RESIDUAL["shortcut"], Usual(None)), Argument(RESIDUAL["when"], False))
    command = Command(Residual.word, given, body=body, result=last.result)
    return Body((Flow((command,), "", last.result, first.entering, last.leaving),))


def _open(part: Command, laid: Body) -> Command:
    """A part that is no block: a stage, or what stands in it."""
    return replace(part, word=STAGE if _holds(part) and is_stage(laid) else INLINE)


def _holds(part: Command) -> bool:
    return part.scope is not None and is_container(part.scope)


def _is_of_several(part: Command) -> bool:
    """Whether several tensors go in or come out, so that it cannot be written out in the place of a call."""
    return part.entry.endswith(IS_ENTERING) or part.result.endswith(IS_LEAVING)


def _is_worth(body: Body, count: int) -> bool:
    """Whether a block and its calls are shorter than what they stand for."""
    lines = height(body)
    return count * lines > lines + count + 3


def _sorted(variables: Iterable[Variable]) -> tuple[Variable, ...]:
    """Those that every call must give come first."""
    return tuple(sorted(variables, key=lambda variable: variable.default() is not None))


def _parameter(variable: Variable) -> Parameter:
    """What a call sees of it; its default is the usual value."""
    usual = variable.default()
    return Parameter(variable.name, CallKind(variable), usual is None, positional=usual is None, default=usual)


def _call(block: Block, parameters: Sequence[Parameter], part: Command, number: int) -> Command:
    given = []
    for variable, parameter in zip(block.variables, parameters, strict=True):
        value = variable.values[number]
        value = parameter.default if value is None else value  # what is not in this instance may be anything
        given.append(Argument(parameter, Usual(value) if value == parameter.default else value))
    assert part.body is not None
    nodes = tuple(nodes_of(part.body))
    return Command(block.name, tuple(given), nodes=nodes, result=part.result)


def _replaced(body: Body, became: dict[str, Command]) -> Body:
    def flow(old: Flow) -> Flow:
        return replace(old, commands=tuple(map(command, old.commands)))

    def command(old: Command) -> Command:
        if old.word == PART and _key(old) in became:
            return became[_key(old)]
        if old.body is None and not old.branches and old.shortcut is None:
            return old
        inner = None if old.body is None else Body(tuple(map(flow, old.body.flows)))
        around = None if old.shortcut is None else flow(old.shortcut)
        return replace(old, branches=tuple(map(flow, old.branches)), body=inner, shortcut=around)

    return Body(tuple(map(flow, body.flows)))
