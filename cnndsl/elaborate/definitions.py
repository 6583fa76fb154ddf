"""What can be said of definitions by their heads alone: names, types, and who calls whom in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from cnndsl.diagnostics import Diagnostic, Label, Report
from cnndsl.diagnostics.suggest import meant
from cnndsl.elaborate.context import NO_RECURSION
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.values import TYPES
from cnndsl.ops.base import is_built_in
from cnndsl.source import Span
from cnndsl.syntax import tree


def taken(name: str) -> str | None:
    """What a definition of this name would hide."""
    return "structure" if name in STRUCTURES else "layer" if is_built_in(name) else None


def check_block(parameters: Sequence[tree.ParameterDefinition], report: Report) -> None:
    """E309 for a parameter that is there twice, E302 for a type that does not exist."""
    places: dict[str, Span] = {}
    for parameter in parameters:
        name, type_ = parameter.name, parameter.type
        if name.id in places:
            labels = (Label(places[name.id], "first defined here"),)
            report.add(Diagnostic("E309", f"parameter `{name.id}` is defined twice", name.span, labels=labels))
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
    """E318 for variants of nothing, E310 for those in a circle, which also go to `recursive`."""
    for name, definition in networks.items():
        chain: list[str] = []
        while isinstance(definition, tree.VariantDefinition) and definition.name.id not in chain:
            chain.append(definition.name.id)
            base = definition.base
            if base.id not in networks:
                if len(chain) == 1 and base.id not in lost:
                    report.add(_unknown_base(base, list(networks), blocks))
                break
            definition = networks[base.id]
        else:
            if isinstance(definition, tree.VariantDefinition):
                recursive.add(networks[name].span)
                if definition.name.id == name and name == min(chain, key=list(networks).index):
                    message = f"`{name}` is made from itself: {' from '.join([*chain, name])}"
                    report.add(Diagnostic("E310", message, definition.base.span))


def _unknown_base(base: tree.Name, networks: list[str], blocks: AbstractSet[str]) -> Diagnostic:
    is_block = base.id in blocks
    help = f"`{base.id}` is a block; a network has an `input`" if is_block else None
    fixes = () if is_block else meant(base.span, networks)
    return Diagnostic("E318", f"there is no network `{base.id}` in this file", base.span, help=help, fixes=fixes)


def cycles(blocks: Sequence[tree.BlockDefinition], report: Report) -> set[Span]:
    """E310 for blocks that call themselves, whether or not anything calls them; gives all that are in a circle."""
    spans = {block.name.id: block.span for block in blocks}
    calls = {block.name.id: _called(block, spans) for block in blocks}
    settled: set[str] = set()
    circular: set[Span] = set()
    for start in calls:
        trail: list[tuple[str, Iterator[tree.Name]]] = [(start, iter(calls[start]))]
        while trail and start not in settled:
            onward = next((name for name in trail[-1][1] if name.id not in settled), None)
            names = [name for name, _ in trail]
            if onward is None:
                settled.add(trail.pop()[0])
            elif onward.id in names:
                cycle = names[names.index(onward.id) :]
                message = f"`{onward.id}` calls itself: {' calls '.join([*cycle, onward.id])}"
                report.add(Diagnostic("E310", message, onward.span, help=NO_RECURSION))
                circular |= {spans[name] for name in cycle}
                settled.update(cycle)
                break
            else:
                trail.append((onward.id, iter(calls[onward.id])))
    return circular


def _called(block: tree.BlockDefinition, own: Mapping[str, Span]) -> list[tree.Name]:
    """The commands in a block that are blocks of the same file."""
    hidden = {parameter.name.id for parameter in block.parameters}
    commands = [part.name for part in parts_of(block.body) if isinstance(part, tree.Command)]
    return [name for name in commands if name.id in own and name.id not in hidden]
