"""Fold a batch norm into the layer before it, or make it an affine map.

In inference a batch norm is an affine map of each channel, and what precedes it is linear in its weights:

    bn(Wx + b) = s (Wx + b) + t = (sW) x + (sb + t),    s = gamma / sqrt(var + eps),    t = beta - mean s

so it becomes part of a conv, transposed conv or linear layer that it alone reads. It is never moved across anything
else: with a ReLU between, s (relu(y)) is not relu(s y) where s < 0, and padding would see t.
"""

from __future__ import annotations

from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.recipe import Recipe, apply
from cnndsl.ops.convolution import ConvTranspose
from cnndsl.ops.fused import Affine, Fused
from cnndsl.ops.normalization import Bn
from cnndsl.passes.anchor import anchor_of, fused
from cnndsl.passes.notes import Notes
from cnndsl.passes.sweep import Sweep
from cnndsl.records import replace


def fold_bn(graph: Graph, notes: Notes | None = None) -> Graph:
    notes = notes or Notes()
    sweep = Sweep(graph)
    for node in graph:
        if not isinstance(node.op, Bn):
            sweep.keep(node)
            continue
        before = sweep.source(node)
        reason = why_not(sweep, node, before)
        if reason is None:
            _fold(sweep, node, before)
            notes.fused(before.name, node.name, how="folded into the weights")
        else:
            notes.declined(node.name, reason)
            sweep.keep(replace(node, op=Affine(), recipes=_affine(node)))
    return sweep.result()


def why_not(sweep: Sweep, node: Node, before: Node) -> str | None:
    """Why what scales channels cannot go into the weights before it."""
    if anchor_of(before, sweep) is None:
        return f"before it stands `{before.op.word}`, which has no weights to fold it into"
    if isinstance(before.op, Fused) and before.op.epilogue:
        return f"before it stands `{before.op.epilogue[-1].word}`"
    return sweep.read_elsewhere(node.inputs[0], node)


def _affine(node: Node) -> dict[str, Recipe]:
    assert isinstance(node.op, Bn)
    mean, variance = (node.recipe(f"running_{moment}") for moment in ("mean", "var"))
    scale = apply("bn_scale", node.recipe("weight"), variance, node.op.eps)
    return {"scale": scale, "shift": apply("bn_shift", node.recipe("bias"), mean, scale)}


def _fold(sweep: Sweep, node: Node, before: Node) -> None:
    affine = _affine(node)
    op, recipes = scaled(sweep, before, affine["scale"])
    biased = getattr(op.core, "bias", None) is not False
    recipes["bias"] = apply("add", recipes["bias"], affine["shift"]) if biased else affine["shift"]
    sweep.absorb(node, before, replace(op, core=replace(op.core, bias=True)), recipes)


def scaled(sweep: Sweep, before: Node, scale: Recipe) -> tuple[Fused, dict[str, Recipe]]:
    """A node's layer and recipes with its output channels scaled."""
    op = fused(before, sweep)
    recipes = dict(before.recipes)
    weight = before.recipe("weight")
    if isinstance(op.core, ConvTranspose):
        recipes["weight"] = apply("scale_transposed", weight, scale, op.core.groups)
    else:
        recipes["weight"] = apply("scale_rows", weight, scale)
    if op.core.bias is not False:
        recipes["bias"] = apply("mul", before.recipe("bias"), scale)
    return op, recipes
