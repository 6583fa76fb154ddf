"""Lines above definitions: what a network costs, and what a block costs where it is called."""

from __future__ import annotations

from cnndsl.editor.counts import block_lines, network_line
from cnndsl.editor.view import Focus, View
from cnndsl.records import dataclass
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(frozen=True)
class Lens:
    """A text above the definition whose name is at `span`."""

    span: Span
    text: str


def lenses(view: View, focus: Focus | None = None) -> list[Lens]:
    """A line for each network that is whole and each block that is called, from top to bottom."""
    blocks = block_lines(view, focus)
    found: list[Lens] = []
    for definition in view.definitions:
        name = definition.name.id
        if isinstance(definition, tree.BlockDefinition):
            text = blocks.get(name, "")
        else:
            whole = name in view.checked.networks and view.checked.networks[name].complete
            text = network_line(view.checked.facts[name]) if whole else ""
        if text:
            found.append(Lens(definition.name.span, text))
    return found
