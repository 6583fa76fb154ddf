"""What can be said of definitions by their heads alone: names, types, and who calls whom in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from cnndsl.diagnostics import Diagnostic, Label, Report
from cnndsl.diagnostics.suggest import meant
from cnndsl.elaborate.context import NO_RECURSION
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.values import TYPES
from cnndsl.ops.base import is_built_in
from cnndsl.source import Span
from cnndsl.syntax import tree


def taken(name: str) -> str | None:
    """What a definition of this name would hide."""
    return "structure" if name in STRUCTURES else "layer" if is_built_in(name) else None


def check_parameters(parameters: Sequence[tree.ParameterDefinition], module: Module, report: Report) -> None:
    """E309 for a parameter that is bound twice, E302 for a type that does not exist."""
    places: dict[str, Span] = {}
    for parameter in parameters:
        name, type_ = parameter.name, parameter.type
        if name.id in places:
            labels = (Label(places[name.id], "first defined here"),)
            report.add(Diagnostic("E309", f"parameter `{name.id}` is defined twice", name.span, labels=labels))
        elif name.id in module.env:
            first = module.env.places[name.id]
            labels = (Label(first, "first bound here"),)
            report.add(Diagnostic("E309", f"`{name.id}` is bound already", name.span, labels=labels))
        places.setdefault(name.id, name.span)
        if type_ is not None and type_.id not in TYPES:
            fixes = meant(type_.span, TYPES)
            help = None if fixes else f"the types are {', '.join(TYPES)}"
            report.add(Diagnostic("E302", f"there is no type `{type_.id}`", type_.span, help=help, fixes=fixes))


def check_variants(
    networks: Mapping[str, tree.NetworkDefinition | tree.VariantDefinition],
    blocks: AbstractSet[str],
    lost: AbstractSet[str],
    recursive: set[Span],
    report: Report,
) -> None:
    """E318 for variants of nothing, E310 for those in a circle; all that lead into one also go to `recursive`."""
    order = {name: number for number, name in enumerate(networks)}
    lead_into_circles: dict[str, bool] = {}
    for name in networks:
        chain: dict[str, None] = {}
        definition: tree.NetworkDefinition | tree.VariantDefinition | None = networks[name]
        while isinstance(definition, tree.VariantDefinition) and definition.name.id not in lead_into_circles:
            if definition.name.id in chain:
                circle = [*chain][[*chain].index(definition.name.id) :]
                report.add(_circle(circle, min(circle, key=order.__getitem__), networks))
                break
            chain[definition.name.id] = None
            base = definition.base
            definition = networks.get(base.id)
            if definition is None and len(chain) == 1 and base.id not in lost:
                report.add(_unknown_base(base, list(networks), blocks, report))
        circular = isinstance(definition, tree.VariantDefinition) and lead_into_circles.get(definition.name.id, True)
        lead_into_circles.update(dict.fromkeys(chain, circular))
    recursive |= {networks[name].span for name, circular in lead_into_circles.items() if circular}


def _circle(
    circle: list[str], first: str, networks: Mapping[str, tree.NetworkDefinition | tree.VariantDefinition]
) -> Diagnostic:
    at = circle.index(first)
    message = f"`{first}` is made from itself: {' from '.join(_shortened([*circle[at:], *circle[:at], first]))}"
    definition = networks[first]
    assert isinstance(definition, tree.VariantDefinition)  # as all in the circle are
    return Diagnostic("E310", message, definition.base.span)


def _unknown_base(base: tree.Name, networks: list[str], blocks: AbstractSet[str], report: Report) -> Diagnostic:
    is_block = base.id in blocks
    help = f"`{base.id}` is a block; a network has an `input`" if is_block else None
    fixes = meant(base.span, networks) if not is_block and report.explains("E318", base.span) else ()
    return Diagnostic("E318", f"there is no network `{base.id}` in this file", base.span, help=help, fixes=fixes)


def cycles(blocks: Sequence[tree.BlockDefinition], report: Report) -> set[Span]:
    """E310 for blocks that call themselves, whether or not anything calls them; gives all that are in a circle."""
    spans = {block.name.id: block.span for block in blocks}
    calls = {block.name.id: _called(block, spans) for block in blocks}
    settled: set[str] = set()
    circular: set[Span] = set()
    for start in calls:
        trail: dict[str, Iterator[tree.Name]] = {start: iter(calls[start])}
        while trail and start not in settled:
            last = next(reversed(trail))
            onward = next((name for name in trail[last] if name.id not in settled), None)
            if onward is None:
                del trail[last]
                settled.add(last)
            elif onward.id in trail:
                cycle = [*trail][[*trail].index(onward.id) :]
                message = f"`{onward.id}` calls itself: {' calls '.join(_shortened([*cycle, onward.id]))}"
                report.add(Diagnostic("E310", message, onward.span, help=NO_RECURSION))
                circular |= {spans[name] for name in cycle}
                settled.update(cycle)
                break
            else:
                trail[onward.id] = iter(calls[onward.id])
    return circular


def _shortened(names: list[str], most: int = 12) -> list[str]:
    return names if len(names) <= most else [*names[: most - 2], "...", names[-1]]


def _called(block: tree.BlockDefinition, own: Mapping[str, Span]) -> list[tree.Name]:
    """The commands in a block that are blocks of the same file."""
    hidden = {parameter.name.id for parameter in block.parameters}
    commands = [part.name for part in parts_of(block.body) if isinstance(part, tree.Command)]
    return [name for name in commands if name.id in own and name.id not in hidden]
