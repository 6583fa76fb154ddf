"""What became of every statement: the lines of the `.arch` file, each with the kernels that compute it now.

Layers of one line are told together, with their number, since a block is written once and used often.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from cnndsl.ir.graph import Graph, Node
from cnndsl.passes.notes import Notes
from cnndsl.source import Span

Line = tuple[str, int]


def explain(graph: Graph, rewritten: Graph, notes: Notes, kernels: Mapping[str, str] | None = None) -> str:
    """Text for the author of `graph`, which passes that left these `notes` have made into `rewritten`.

    `kernels` are those that compute its nodes, where a backend has chosen kernels.
    """
    kernels = kernels or {}
    fates: dict[Line, dict[str, list[str]]] = {}
    texts: dict[Line, str] = {}
    into = {name: (fusion.into, fusion.how) for fusion in notes.fusions for name in fusion.gone}
    refusals: dict[str, list[str]] = {}
    for refusal in notes.refusals:
        refusals.setdefault(refusal.node, []).append(refusal.reason)
    for node in graph:
        if node.op.arity == 0:
            continue
        line = (node.span.source.name, node.span.line)
        texts.setdefault(line, _text(node.span))
        for fate in (
            _fate(node, rewritten, into, kernels),
            *(f"not fused: {why}" for why in refusals.get(node.name, ())),
        ):
            fates.setdefault(line, {}).setdefault(f"{node.op.word}: {fate}", []).append(node.name)
    return "\n".join(_written(fates, texts))


def _fate(node: Node, rewritten: Graph, into: dict[str, tuple[str, str]], kernels: Mapping[str, str]) -> str:
    """`in fused conv 1x1, 64 + relu (applied by the same kernel), kernel conv_gemm`"""
    name, hows = node.name, []
    seen = set()
    while name in into and name not in seen and not (name in rewritten and rewritten[name].op == node.op):
        seen.add(name)
        name, how = into[name]
        hows.append(how)
    if name not in rewritten:
        return "gone: it acts in training alone, or nothing reads it"
    kernel = f", kernel {kernels[name]}" if name in kernels else ", no kernel of its own" if kernels else ""
    if not hows and rewritten[name].op == node.op:
        return f"as written{kernel}"
    how = f" ({', then '.join(dict.fromkeys(hows))})" if hows else ""
    return f"in `{rewritten[name].op}`{how}{kernel}"


def _text(span: Span) -> str:
    return span.source.text.splitlines()[span.line - 1].strip()


def _written(fates: dict[Line, dict[str, list[str]]], texts: dict[Line, str]) -> Iterator[str]:
    for (file, line), told in sorted(fates.items()):
        yield f"{PurePath(file).name}:{line}: {texts[file, line]}"
        for fate, names in told.items():
            yield f"    {_who(names)} {fate}"


def _who(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} x"
