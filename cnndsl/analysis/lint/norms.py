"""What a norm takes away again: W603 a bias, W613 another norm. And W616, a momentum that is counted the other way."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.analysis.lint.edits import argument_removed, argument_set, fix, removed
from cnndsl.analysis.lint.finding import Finding, Kinds, before
from cnndsl.diagnostics import Diagnostic, Label
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.activation import Identity
from cnndsl.ops.merge import Concat
from cnndsl.ops.normalization import Bn, GroupNorm, InstanceNorm, LayerNorm, Normalization
from cnndsl.passes.settle_bias import undoes_bias

NORMS: Kinds = (Bn, GroupNorm, InstanceNorm, LayerNorm)


def useless_biases(graph: Graph) -> Iterator[Finding]:
    """W603. A bias is a shift of each channel: layers that keep it hand it on to a norm that subtracts the mean.

    `dropout` counts as one of them, though it makes noise of the bias in training. A bias that is used again is of no
    use if it is of none each time.
    """
    norms: dict[str, Node] = {}  # of what may be shifted without anybody noticing, a norm because of which
    for node in reversed(graph.nodes):
        if node.op.keeps_shift or _has_bias(graph, node):
            undone_by = [_norm_that_undoes(graph, reader, norms) for reader in graph.consumers(node.name)]
            if undone_by and undone_by[0] and None not in undone_by and not graph.is_output(node.name):
                norms[node.name] = undone_by[0]
    of_use = {node.again or node.name for node in graph if node.name not in norms}
    for node in graph:
        if not node.again and node.name not in of_use and _has_bias(graph, node):
            yield node, _useless_bias(graph, node, norms[node.name])


def _has_bias(graph: Graph, node: Node) -> bool:
    """Whether it has a bias to be taken away; one that the author left open is not there right before a `bn`."""
    bias = getattr(node.op, "bias", False)
    return bias is not False and (bias is True or not undoes_bias(graph, node))


def _norm_that_undoes(graph: Graph, reader: Node, norms: dict[str, Node]) -> Node | None:
    if isinstance(reader.op, Normalization) and reader.op.centres(*graph.input_shapes(reader)):
        return reader
    return norms.get(reader.name) if reader.op.keeps_shift else None


def _useless_bias(graph: Graph, node: Node, norm: Node) -> Diagnostic:
    direct = node.name in norm.inputs
    place = "it" if direct else f"the `{graph[norm.inputs[0]].op.word}`"
    count = node.op.parameters(*graph.input_shapes(node))["bias"][0]
    said, help = fix("say `bias=false`", argument_set(node, "bias", "false")), "say `bias=false`"
    if undoes_bias(graph, node):
        help = f"remove `bias=true`: a `{node.op.word}` before `bn` has no bias"
        said = fix(help, argument_removed(node, "bias"))
    return Diagnostic(
        "W603",
        f"this `{node.op.word}` has a bias that the `{norm.op.word}` after {place} takes away again",
        node.span,
        label=f"{count:,} parameter{'s' if count > 1 else ''} without effect",
        labels=() if direct else (Label(norm.span, "subtracts each channel's mean"),),
        help=None if said else help,
        fixes=said,
    )


def norms_of_norms(graph: Graph) -> Iterator[Finding]:
    """W613. Where only some branches of a `concat` are normed, the norm after it has the others to do."""
    for node in graph:
        if not isinstance(node.op, NORMS):
            continue
        firsts = _norms_before(graph, node)
        if firsts:
            word = firsts[0].op.word
            said = fix(f"remove the first `{word}`", removed(firsts[0])) if len(firsts) == 1 else ()
            if all(isinstance(first.op, type(node.op)) for first in firsts):
                said += fix(f"remove the second `{word}`", removed(node))
            yield (
                node,
                Diagnostic(
                    "W613",
                    f"this `{node.op.word}` normalises what a `{word}` has just put out",
                    node.span,
                    labels=tuple(Label(first.span, "normalised here") for first in firsts if first.span != node.span),
                    help=f"nothing is left of the first `{word}`",
                    fixes=said,
                ),
            )


def _norms_before(graph: Graph, node: Node) -> list[Node]:
    """What the norm undoes, on all ways into it."""
    source = before(graph, node, (*NORMS, Concat), through=(Identity,))
    if source is None:
        return []
    firsts = [source]
    if isinstance(source.op, Concat):
        firsts = [graph[name] for name in source.inputs]
        if any(graph.is_output(each.name) or len(graph.consumers(each.name)) > 1 for each in firsts):
            return []
    return firsts if all(_undoes(graph, node, first, source) for first in firsts) else []


def _undoes(graph: Graph, norm: Node, first: Node, source: Node) -> bool:
    """Whether nothing is left of the first norm.

    It multiplies and shifts each channel by numbers that are alike wherever the second one takes its statistics: `bn`
    over the batch, a norm of single channels for each sample. A norm over several channels undoes its own kind alone.
    """
    if isinstance(norm.op, Bn):
        return isinstance(first.op, Bn)
    if norm.op.centres(*graph.input_shapes(norm)):
        return isinstance(first.op, Bn) or first.op.centres(*graph.input_shapes(first))
    return first is source and first.op == norm.op


KERAS = 0.5  # above, the last batch would count for more than all before


def foreign_momentum(graph: Graph) -> Iterator[Finding]:
    """W616. A momentum of 1 is meant: the statistics of the last batch."""
    for node in graph:
        if isinstance(node.op, Bn) and KERAS < node.op.momentum < 1:
            meant = f"{1 - node.op.momentum:.4g}"
            yield (
                node,
                Diagnostic(
                    "W616",
                    f"with momentum={node.op.momentum:g} the last batch counts for more than all before it",
                    node.span,
                    label="the share of the new value in the running statistics",
                    help="where the momentum is the share of the old value, as in Keras, it is 1 minus this here",
                    fixes=fix(f"say `momentum={meant}`", argument_set(node, "momentum", meant)),
                ),
            )
