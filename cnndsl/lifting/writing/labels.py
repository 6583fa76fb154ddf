"""Names for tensors that the text names: what the source calls them, or what they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise

from cnndsl.ir import Graph
from cnndsl.ir.scopes import own_name
from cnndsl.lifting.writing.terms import IS_ENTERING, IS_LEAVING, Body, flows_in, tensors_named

CONTROL = ("let", "for", "each", "in", "if", "else", "as", "expect", "require", "and", "or", "not", "true", "false")
WORDS = frozenset(("arch", "use", "from", "block", "network", "input", *CONTROL))


def identifier(text: str, otherwise: str) -> str:
    """A name of the language that is as near to `text` as can be."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or otherwise
    if name in WORDS or name[0].isdigit():
        name = f"{otherwise}_{name}"
    return name


def labels_of(body: Body, graph: Graph, fixed: Mapping[str, str]) -> dict[str, str]:
    """A label for every tensor and chain that the body names, each another; some are `fixed`."""
    following = dict(pairwise(node.name for node in graph))
    named = tensors_named(body) | {flow.result for flow in flows_in(body) if flow.labelled}
    order = [flow.result for flow in flows_in(body) if flow.result in named]
    labels = {tensor: label for tensor, label in fixed.items() if tensor in named}
    taken = set(labels.values())
    for tensor in dict.fromkeys([*order, *sorted(named)]):
        if tensor not in labels:
            labels[tensor] = _free(_label(graph, tensor, following.get(tensor, "")), taken)
            taken.add(labels[tensor])
    return labels


def _label(graph: Graph, tensor: str, following: str) -> str:
    """The name of the largest part that ends there, `following` being the next layer; else its own."""
    if IS_ENTERING in tensor or IS_LEAVING in tensor:
        return _bundle(tensor)
    around = [] if tensor not in graph else graph.scopes_around(tensor)
    ended = [own_name(scope.path) for scope in around if scope.path and not following.startswith(f"{scope.path}.")]
    name = next((name for name in reversed(ended) if name[:1].isalpha()), own_name(tensor))
    return identifier(name, graph[tensor].op.word if tensor in graph else "x")


def _bundle(name: str) -> str:
    """What enters a block is no more than that; what leaves is called as the part is that it comes from."""
    if IS_ENTERING in name:
        return "parts"
    path = name.partition(IS_LEAVING)[0].split(".")
    return identifier(next((each for each in reversed(path) if each[:1].isalpha()), "parts"), "parts")


def _free(label: str, taken: Iterable[str]) -> str:
    stem, number = label.rstrip("0123456789"), 1
    stem = f"{stem}_" if stem != label else stem
    while label in taken:
        number += 1
        label = f"{stem}{number}"
    return label
