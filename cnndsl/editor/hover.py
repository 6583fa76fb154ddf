"""What an editor shows of the word under the pointer: its documentation, and what it is here, in this network."""

from __future__ import annotations

from inspect import cleandoc

from cnndsl.editor.counts import block_lines, instance_lines, network_line
from cnndsl.editor.symbols import Occurrence, Symbol
from cnndsl.editor.view import Definition, Focus, View, end_of
from cnndsl.editor.wording import shapes_in_words
from cnndsl.elaborate.values import brief
from cnndsl.ops.arguments import Parameter
from cnndsl.records import dataclass
from cnndsl.reference import default_of, entry
from cnndsl.source import Span
from cnndsl.syntax import tree

_MOST_VALUES = 6


@dataclass(frozen=True)
class Hover:
    """A text in Markdown about the words at `span`."""

    span: Span
    text: str


def hover(view: View, offset: int, focus: Focus | None = None) -> Hover | None:
    """What is known of the word at a place; None where there is nothing to say."""
    occurrence = view.occurrence_at(offset)
    if occurrence is None:
        return None
    parts = [_heading(occurrence.symbol), *_about(view, occurrence, focus)]
    return Hover(occurrence.span, "\n\n".join(part for part in parts if part))


def _heading(symbol: Symbol) -> str:
    of = f" of `{symbol.of}`" if symbol.of else ""
    return f"{symbol.kind} **`{symbol.name}`**{of}"


def _about(view: View, occurrence: Occurrence, focus: Focus | None) -> list[str]:
    symbol = occurrence.symbol
    command = next((each for each in view.commands if each.name.span == occurrence.span), None)
    places = instance_lines(view, view.instances(command.span, focus)) if command is not None else []
    if symbol.kind in ("layer", "structure"):
        return ["\n".join(f"{line}  " for line in places), _documentation(symbol.name)]
    if symbol.kind == "argument":
        return [_argument(symbol)]
    if symbol.kind == "label":
        return [_label(view, symbol, focus)]
    if symbol.kind in ("parameter", "value", "variable"):
        return ["\n".join(f"{line}  " for line in places), _binding(view, symbol, focus)]
    return ["\n".join(f"{line}  " for line in places), *_definition(view, symbol, focus, at_call=bool(places))]


def _documentation(word: str) -> str:
    """A layer's own words, and its arguments as a list."""
    cls = entry(word)
    if cls is None:
        return ""
    arguments = [f"- `{each.name}`: {_in_words(each)}" for each in cls.signature()]
    return "\n\n".join(part for part in (cleandoc(cls.__doc__ or ""), "\n".join(arguments)) if part)


def _in_words(parameter: Parameter) -> str:
    default = default_of(parameter)
    return parameter.kind.expects + (f" (default: {default})" if default else "")


def _argument(symbol: Symbol) -> str:
    cls = entry(symbol.of)
    known = {each.name: each for each in cls.signature()} if cls is not None else {}
    return _in_words(known[symbol.name]) if symbol.name in known else ""


def _label(view: View, symbol: Symbol, focus: Focus | None) -> str:
    """The shape of what a label names."""
    flow = next((each for each in view.flows if each.label and each.label.span == symbol.place), None)
    if flow is None:
        return ""
    shapes = shapes_in_words(each.passing.gave for each in view.instances(flow.elements[-1].span, focus))
    return f"`{shapes}`" if shapes else ""


def _definition(view: View, symbol: Symbol, focus: Focus | None, *, at_call: bool) -> list[str]:
    """A block or network: how it is called, what it costs, and the comment above it."""
    definition = definition_of(view, symbol)
    if definition is None:
        return []
    facts = view.checked.facts.get(symbol.name) if symbol.kind == "network" else None
    cost = network_line(facts) if facts is not None else ""
    if symbol.kind == "block" and not at_call:
        cost = block_lines(view, focus).get(symbol.name, "")
    return [f"```arch\n{heading(definition)}\n```", cost, definition.doc]


def heading(definition: Definition) -> str:
    """The text of a definition up to its braces."""
    text, body = definition.span.source.text, definition.body
    end = definition.span.end if body is None else body.span.start
    return text[definition.span.start : end].rstrip()


def definition_of(view: View, symbol: Symbol) -> Definition | None:
    """The block or network that a symbol stands for, wherever its file is."""
    if symbol.kind == "network":
        return view.checked.module.networks.get(symbol.name)
    found = view.checked.module.blocks.get(symbol.name) if symbol.kind == "block" else None
    return found[0] if found else None


def _binding(view: View, symbol: Symbol, focus: Focus | None) -> str:
    """The values of a parameter where its block or network runs; of a `let` at the top of a file, its value."""
    values: dict[str, None] = {}
    home = _definition_around(view, symbol.place) if symbol.place is not None else None
    homes = {home.name.id} if symbol.kind == "parameter" and home is not None else set()
    for network, facts in view.checked.facts.items() if homes else ():
        for path, scope in facts.graph.scopes.items():
            seen = focus is None or not focus.path or focus.holds(network, path)
            if seen and scope.block in homes and symbol.name in scope.arguments:
                values[brief(scope.arguments[symbol.name])] = None
    if symbol.kind == "value" and home is None and (known := view.checked.module.env.find(symbol.name)) is not None:
        values[brief(known)] = None
    shown = [f"`{value}`" for value in [*values][:_MOST_VALUES]]
    return f"here {', '.join(shown)}{', ...' if len(values) > _MOST_VALUES else ''}" if shown else ""


def _definition_around(view: View, place: Span) -> Definition | None:
    """The block or network that a place is in, here or in a file that is used."""
    imported = [block for block, module in view.checked.module.blocks.values() if module.source is not view.source]
    known = [each for each in (*view.definitions, *imported) if each.span.source is place.source]
    return next((each for each in known if each.span.start <= place.start <= end_of(each)), None)


def call_at(view: View, offset: int) -> tree.Command | None:
    """The command whose name is at a place."""
    return next((each for each in view.commands if each.name.span.start <= offset <= each.name.span.end), None)


def called_instance(view: View, offset: int, focus: Focus | None = None) -> Focus | None:
    """The instance of a block that the call at a place makes, the first of several; None where no block is called."""
    command = call_at(view, offset)
    for instance in view.instances(command.span, focus) if command is not None else ():
        for path, scope in view.checked.networks[instance.network].graph.scopes.items():
            if scope.span == command.span and path.startswith(instance.path):  # type: ignore[union-attr]
                return Focus(instance.network, path)
    return None
