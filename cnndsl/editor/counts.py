"""What instances of a command or block cost and see: parameters, multiply-accumulates, receptive field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnndsl.analysis.cost import costs
from cnndsl.analysis.facts import Facts
from cnndsl.editor.view import Focus, Instance, View
from cnndsl.editor.wording import counted, range_in_words, shapes_in_words
from cnndsl.ir import Node


def instance_lines(view: View, instances: Sequence[Instance]) -> list[str]:
    """What is known of a command where it runs: shapes, costs, and what it sees; of several places the ranges."""
    lines = [counted(len(instances), "place")] if len(instances) > 1 else []
    came = shapes_in_words(each.passing.came for each in instances)
    gave = shapes_in_words(each.passing.gave for each in instances)
    if gave:
        lines.append(f"`{came}` → `{gave}`" if came else f"`{gave}`")
    made = [(each.network, nodes) for each in instances if (nodes := _layers_of(view, each))]
    if made:
        known = {network: costs(view.checked.facts[network].graph) for network, _ in made}
        params = range_in_words(sum(known[network][node.name].params for node in nodes) for network, nodes in made)
        macs = range_in_words(sum(known[network][node.name].macs for node in nodes) for network, nodes in made)
        lines.append(f"{params} parameters, {macs} MACs")
    if len(made) == 1:
        ((network, nodes),) = made
        lines.append(_field_in_words(view.checked.facts[network], nodes[-1]))
    return lines


def _layers_of(view: View, instance: Instance) -> list[Node]:
    """The layers that one run of a command made."""
    done, graph = view.checked.networks[instance.network], view.checked.facts[instance.network].graph
    names = (done.names[number] for number in instance.passing.nodes)
    return [graph[name] for name in names if name in graph]


def _field_in_words(facts: Facts, node: Node) -> str:
    field = facts.fields[node.name]
    if field.everywhere:
        return "sees the whole input"
    height, width = field.size
    return f"receptive field {'' if field.exact else 'at most '}{height} x {width}"


def network_line(facts: Facts) -> str:
    return f"{facts.params:,} parameters, {facts.macs:,} MACs, depth {facts.depth}"


def block_lines(view: View, focus: Focus | None = None) -> dict[str, str]:
    """By the name of each block that is called what its calls cost: those in focus, else all."""
    found: dict[str, list[tuple[bool, int, int]]] = {}
    for network, facts in view.checked.facts.items():
        for path, (params, macs) in _part_costs(facts).items():
            block = facts.graph.scopes[path].block if path else None
            if block is not None:
                in_focus = focus is not None and focus.holds(network, path)
                found.setdefault(block, []).append((in_focus, params, macs))
    return {block: _calls_in_words(calls) for block, calls in found.items()}


def _part_costs(facts: Facts) -> dict[str, tuple[int, int]]:
    """Parameters and MACs of every part of a network by its path."""
    known: dict[str, tuple[int, int]] = {}
    for name, cost in costs(facts.graph).items():
        for path in _around(name, facts):
            params, macs = known.get(path, (0, 0))
            known[path] = params + cost.params, macs + cost.macs
    return known


def _around(name: str, facts: Facts) -> Iterator[str]:
    return (scope.path for scope in facts.graph.scopes_around(name))


def _calls_in_words(calls: list[tuple[bool, int, int]]) -> str:
    chosen = [call for call in calls if call[0]] or calls
    params, macs = (range_in_words(call[axis] for call in chosen) for axis in (1, 2))
    return f"{counted(len(chosen), 'call')}, {params} parameters, {macs} MACs"
