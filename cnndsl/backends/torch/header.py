"""The docstring of a generated file: what the network is, its numbers, and how to load its weights."""

from __future__ import annotations

import re
import textwrap

from cnndsl.analysis.cost import Cost, costs, total
from cnndsl.backends.torch.layout import INDENT, WIDTH
from cnndsl.backends.torch.snippets import HEADER
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import show_shape
from cnndsl.source import Source
from cnndsl.version import __version__


def header(graph: Graph, name: str, builder: str) -> str:
    root = graph.scopes.get("")
    facts = _facts(graph)
    width = max(map(len, facts)) + 2
    file = base_name(root.span.source if root else graph.nodes[0].span.source)
    origin = f"Network `{name}` of {file}, written by cnndsl {__version__}. Change the .arch file and compile it again."
    return HEADER.format(
        doc=docstring(f"{root.doc}\n\n{origin}" if root and root.doc else origin),
        facts="\n".join(f"{INDENT}{label:{width}}{value}" for label, value in facts.items()),
        builder=builder,
    )


def _facts(graph: Graph) -> dict[str, str]:
    inference, training = _cost(graph.inference()), _cost(graph)
    apart = training.params - inference.params
    return {
        **{_label("input", node.name): f"N x {show_shape(node.shape)}" for node in graph.inputs},
        **{_label("output", each.name): f"N x {show_shape(graph[each.node].shape)}" for each in graph.outputs},
        "parameters": f"{inference.params:,}" + (f", and {apart:,} in heads for training alone" if apart else ""),
        "MACs": f"{inference.macs:,}",
    }


def _cost(graph: Graph) -> Cost:
    return total(costs(graph).values())


def _label(kind: str, name: str) -> str:
    return kind if name == kind else f"{kind} {name}"


def base_name(source: Source) -> str:
    """The name of a file without its folder, so that the text does not depend on where it was compiled."""
    return re.split(r"[/\\]", source.name)[-1]


def docstring(text: str) -> str:
    """Text that may stand between triple quotes, in lines that fit."""
    text = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, WIDTH - len(INDENT) - len('"""')) or [""]
    return "\n".join(lines) if not lines[0].startswith('"') else "\\" + "\n".join(lines)
