"""Parts that nobody named: chains of commands that come again, numbers aside, wherever they stand.

What saves most lines is taken first, and then everything is looked at once more with that in its place, as a
compressor by grammar does (Re-Pair, Larsson and Moffat 1999).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import is_

from cnndsl.elaborate.structures.residual import Residual
from cnndsl.ir import Scope
from cnndsl.lifting.writing.heights import height
from cnndsl.lifting.writing.layout import Layout
from cnndsl.lifting.writing.terms import (
    FOR,
    NAMED,
    PART,
    ROUND,
    Body,
    Command,
    Flow,
    commands_in,
    flows_in,
    flows_of,
    mentions,
    named,
)
from cnndsl.lifting.writing.unification import is_activation, skeleton
from cnndsl.ops import find
from cnndsl.ops.activation import Pointwise
from cnndsl.ops.normalization import Normalization
from cnndsl.records import dataclass, replace
from cnndsl.source import Source

KIND = "part"  # of the scopes of parts that are found here
LONGEST = 20  # commands of a part
MOST_ROUNDS = 40
TRIED = 12  # candidates whose lines are counted
LEAST = 2  # lines that a part must save
OVERHEAD = 3  # lines of a block beside its body

Place = tuple[int, int]  # the chain, and where in it


@dataclass(frozen=True, slots=True)
class _Candidate:
    places: tuple[Place, ...]
    length: int
    gain: float


def with_parts(body: Body, layout: Layout) -> Body:
    """The body with parts in the place of what comes again."""
    number, keys = 0, _Keys(_Outside(body))
    while number < MOST_ROUNDS:
        flows = [*_chains(body)]
        own = [each for each in commands_in(body) if each.scope is not None and each.scope.kind == KIND]
        inside = {id(flow) for each in own for flow in flows_in(each)}
        best = _best([flow.commands for flow in flows], layout, keys, [id(flow) not in inside for flow in flows])
        if best is None:
            return body
        wrapped: dict[int, list[int]] = defaultdict(list)
        for chain, at in best.places:
            wrapped[chain].append(at)
        body = _wrapped(body, wrapped, best.length, number, layout)
        number += 1
    return body


def _chains(body: Body) -> Iterator[Flow]:
    """Every chain, in the order in which `_wrapped` meets them."""
    yield from (flow for flow in flows_in(body))


class _Outside:
    """Which commands speak of tensors outside of them, or are spoken of there."""

    def __init__(self, body: Body) -> None:
        self.mentions = Counter(map(named, mentions(body)))

    def is_closed(self, command: Command) -> bool:
        if command.word in ("head", NAMED, FOR, ROUND):
            return False
        made = {each.result for each in commands_in(command)} - {command.result}
        inside = Counter(map(named, mentions(command)))
        foreign = set(inside) - made - {command.entry}
        return not foreign and all(self.mentions[name] == inside[name] for name in made)


class _Keys:
    """A number for every command, the same for those that differ in numbers alone."""

    def __init__(self, outside: _Outside) -> None:
        self.outside = outside
        self.numbers: dict[Hashable, int] = {}
        self.known: dict[int, tuple[Command, int, int]] = {}  # by identity, which the command in it keeps

    def of(self, command: Command) -> int:
        return self._known(command)[1]

    def lines(self, command: Command) -> int:
        return self._known(command)[2]

    def _known(self, command: Command) -> tuple[Command, int, int]:
        if id(command) not in self.known:
            key: Hashable = skeleton(Body((Flow((command,)),))) if self.outside.is_closed(command) else object()
            number = self.numbers.setdefault(key, len(self.numbers))
            self.known[id(command)] = (command, number, _lines_of(command))
        return self.known[id(command)]


def _best(chains: Sequence[Sequence[Command]], layout: Layout, keys: _Keys, open: Sequence[bool]) -> _Candidate | None:
    """What saves most, of the chains that are `open`: not those of parts."""
    texts = [[keys.of(command) for command in chain] for chain in chains]
    counts = Counter(number for text in texts for number in text)
    found: dict[tuple[int, ...], list[Place]] = defaultdict(list)
    for chain, text in enumerate(texts):
        for at in range(len(text) if open[chain] else 0):
            for stop in range(at + 1, min(len(text), at + LONGEST) + 1):
                if counts[text[stop - 1]] == 1:
                    break
                found[tuple(text[at:stop])].append((chain, at))
    lines = [list(accumulate(map(keys.lines, chain), initial=0)) for chain in chains]
    guesses: list[tuple[int, tuple[int, ...]]] = []
    for key, places in found.items():
        if len(places) > 1:
            chain, at = places[0]
            size = lines[chain][at + len(key)] - lines[chain][at]
            guess = len(places) * (size - 1) - size
            if size > 1 and guess > 0:
                guesses.append((-guess, key))
    best: _Candidate | None = None
    tried = 0
    for _, key in sorted(guesses):
        if tried == TRIED:
            break
        apart = _apart(found[key], len(key))
        candidate = _weighed(key, apart, chains, layout) if len(apart) > 1 else None
        tried += candidate is not None
        if candidate is not None and (best is None or candidate.gain > best.gain):
            best = candidate
    return None if best is None else _inner(best, chains, texts, found) or best


def _inner(
    best: _Candidate,
    chains: Sequence[Sequence[Command]],
    texts: Sequence[Sequence[int]],
    found: Mapping[tuple[int, ...], Sequence[Place]],
) -> _Candidate | None:
    """The body of a residual, if it comes without a shortcut too: then it is the part, and the shortcut around it."""
    chain, at = best.places[0]
    bodies = [each.body for each in chains[chain][at : at + best.length] if each.word == Residual.word]
    if len(bodies) != 1 or bodies[0] is None or len(bodies[0].flows) != 1:
        return None
    commands = bodies[0].flows[0].commands
    text = next((text for chain, text in zip(chains, texts, strict=True) if chain is commands), None)
    if text is None or len(text) < 2:
        return None
    places = _apart(found.get(tuple(text), ()), len(text))
    return _Candidate(places, len(text), best.gain) if len(places) > len(best.places) else None


def _apart(places: Sequence[Place], length: int) -> tuple[Place, ...]:
    """The places that do not overlap, from the left."""
    found: list[Place] = []
    for chain, at in places:
        if not found or found[-1][0] != chain or found[-1][1] + length <= at:
            found.append((chain, at))
    return tuple(found)


def _weighed(
    key: tuple[int, ...], places: tuple[Place, ...], chains: Sequence[Sequence[Command]], layout: Layout
) -> _Candidate | None:
    """What it saves, if it saves anything."""
    if len(places) < 2:
        return None
    chain, at = places[0]
    commands = tuple(chains[chain][at : at + len(key)])
    if not _is_unit(commands):
        return None
    lines = height(layout.body(Body((Flow(commands, entering=None, result=commands[-1].result),)), commands[0].entry))
    gain = len(places) * (lines - 1) - lines - OVERHEAD - _torn(places, len(key), chains)
    if gain < LEAST:
        return None
    return _Candidate(places, len(key), gain + _beauty(commands))


def _lines_of(command: Command) -> int:
    """About how many lines a command adds to a chain."""
    if command.branches or command.body is not None:
        return height(Body((Flow((command,)),)))
    return int(_is_weighted(command) or find(command.word) is None)


def _is_unit(commands: Sequence[Command]) -> bool:
    """Whether a person would see one thing in it: a residual with what follows, or a chain around other merges."""
    if len(commands) == 1 and (commands[0].word == PART or not [*flows_of(commands[0])]):
        return False
    wholes = [each for each in commands if each.word in ("residual", PART) or find(each.word) is None]
    if len(wholes) > 1:
        return False
    kinds = [find(each.word) for each in commands]
    return not wholes or not any(kind is not None and kind.weighted for kind in kinds)


def _torn(places: Sequence[Place], length: int, chains: Sequence[Sequence[Command]]) -> int:
    """How often a convolution stands on the other side of the border than the norm or activation that follows it."""
    torn = 0
    for chain, at in places:
        around = chains[chain]
        for place in (at, at + length):
            if 0 < place < len(around):
                torn += _is_weighted(around[place - 1]) and _follows(around[place])
    return torn


def _is_weighted(command: Command) -> bool:
    kind = find(command.word)
    return kind is not None and kind.weighted


def _follows(command: Command) -> bool:
    kind = find(command.word)
    return kind is not None and issubclass(kind, (Normalization, Pointwise)) and not command.branches


def _beauty(commands: Sequence[Command]) -> float:
    """A part rather begins with a convolution or a structure, and ends in what follows these."""
    first = find(commands[0].word)
    begins = 0.5 if first is None or first.weighted or commands[0].branches else 0.0
    return begins + (0.25 if is_activation(commands[-1]) else 0.0)


def _wrapped(body: Body, places: dict[int, list[int]], length: int, number: int, layout: Layout) -> Body:
    """The body with these runs of commands as parts. Chains are counted as `_chains` lists them."""
    at: dict[int, list[int]] = {}
    for index, flow in enumerate(_chains(body)):
        if index in places:
            at[id(flow)] = places[index]
    serial = iter(range(10**9))

    def flow_of(flow: Flow) -> Flow:
        starts = set(at.get(id(flow), ()))
        commands = [command_of(command) for command in flow.commands]
        found: list[Command] = []
        place = 0
        while place < len(commands):
            if place in starts:
                run = tuple(commands[place : place + length])
                entering = layout.shapes.get(commands[place - 1].result) if place else flow.entering
                leaving = layout.shapes.get(run[-1].result)
                inside = Flow(run, "", run[-1].result, entering, leaving)
                scope = Scope(f"{number}.{next(serial)}", KIND, Source("", "").span(0, 0))
                entry = run[0].entry
                found.append(Command(PART, body=Body((inside,)), result=run[-1].result, entry=entry, scope=scope))
                place += length
            else:
                found.append(commands[place])
                place += 1
        same = len(found) == len(flow.commands) and all(map(is_, found, flow.commands))
        return flow if same else replace(flow, commands=tuple(found))

    def command_of(command: Command) -> Command:
        flows = [*flows_of(command)]
        became = [flow_of(flow) for flow in flows]
        if all(map(is_, became, flows)):
            return command
        rest = iter(became)
        branches = tuple(next(rest) for _ in command.branches)
        inner = None if command.body is None else Body(tuple(next(rest) for _ in command.body.flows))
        around = None if command.shortcut is None else next(rest)
        return replace(command, branches=branches, body=inner, shortcut=around)

    return Body(tuple(map(flow_of, body.flows)))
