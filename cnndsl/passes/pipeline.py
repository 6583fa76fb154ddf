"""The order of the passes, and the one loop that runs them: rewrite, verify, show.

A pass is a function from graph to graph that may leave notes; it is called by the name it is defined under.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps

from cnndsl.ir.graph import Graph
from cnndsl.ir.verify import VerificationError, verify
from cnndsl.passes.add_in_place import add_in_place
from cnndsl.passes.affine_norm import affine_norm
from cnndsl.passes.anchor import in_torch
from cnndsl.passes.blocked_stem import blocked_stem
from cnndsl.passes.drop_identity import drop_identity
from cnndsl.passes.drop_training import drop_training
from cnndsl.passes.drop_unused import drop_unused
from cnndsl.passes.fold_bn import fold_bn
from cnndsl.passes.fuse_activation import fuse_activation
from cnndsl.passes.fuse_add import fuse_add
from cnndsl.passes.fuse_pointwise import fuse_pointwise
from cnndsl.passes.merge_expansions import merge_expansions
from cnndsl.passes.merge_siblings import merge_siblings
from cnndsl.passes.notes import Notes
from cnndsl.passes.order_pool import order_pool
from cnndsl.passes.pack_weights import pack_weights
from cnndsl.passes.part_shared import part_shared
from cnndsl.passes.planar_norms import planar_norms
from cnndsl.passes.pool_epilogue import pool_epilogue
from cnndsl.passes.pool_prologue import pool_prologue
from cnndsl.passes.projection_shortcut import projection_shortcut
from cnndsl.passes.prologue import prologue
from cnndsl.passes.separate_padding import separate_padding
from cnndsl.passes.settle_bias import settle_bias
from cnndsl.passes.settle_sizes import settle_sizes
from cnndsl.passes.standardize_weights import standardize_weights
from cnndsl.passes.sum_lrn import sum_lrn

Pass = Callable[[Graph, Notes], Graph]
Observer = Callable[[str, Graph], None]


def for_torch(rewrite: Callable[..., Graph]) -> Pass:
    """A pass that fuses what functions of PyTorch compute, instead of expressions of Triton."""

    @wraps(rewrite)
    def told(graph: Graph, notes: Notes) -> Graph:
        return rewrite(graph, notes, spelled=in_torch)

    return told


PIPELINE: tuple[Pass, ...] = (
    settle_bias,  # first: it completes what the author wrote, so it must see exactly that (`conv -> identity -> bn`)
    drop_identity,  # then relations between neighbours hold without looking through identities
)

# For inference on a CPU by PyTorch.
CPU_PIPELINE: tuple[Pass, ...] = (
    *PIPELINE,
    part_shared,  # before all that changes weights
    standardize_weights,  # before all that looks at convolutions
    separate_padding,  # likewise
    drop_training,  # early: a dropout between two layers would keep them apart
    drop_unused,  # then a tensor that only a head of training read counts as read once
    fold_bn,  # before anything takes the place after a convolution
    order_pool,  # after fold_bn, which makes `conv -> bn` one layer; before the activation binds it to its place
    fuse_add,  # before fuse_activation: oneDNN adds first and then applies the activation
    for_torch(fuse_activation),  # before merge_siblings, so that siblings bring their activations
    for_torch(prologue),  # what is left of the batch norms stands in front of convolutions
    merge_siblings,  # after all that changes convolutions: siblings are what the others made of them
    pack_weights,  # for what nothing was fused to
    sum_lrn,  # anywhere: no other pass looks at it
    planar_norms,  # likewise
    add_in_place,  # last: only in the final graph is it known who reads a tensor
)

# For inference on a GPU by kernels that read slices, write slices and take two sources.
GPU_PIPELINE: tuple[Pass, ...] = (
    *PIPELINE,
    part_shared,
    standardize_weights,
    settle_sizes,  # before separate_padding, to which it leaves less
    separate_padding,
    drop_training,
    drop_unused,
    blocked_stem,  # after separate_padding; before anything is fused to the convolution
    fold_bn,
    order_pool,
    fuse_add,  # as for the CPU, up to here and one line further; the kernels take both in either order
    fuse_activation,
    projection_shortcut,  # after fuse_activation, which binds the activation to the sum that vanishes here
    pool_epilogue,  # before pool_prologue: what is pooled where it is made is read as one pixel
    pool_prologue,  # before `prologue`, since what is normalised is pooled afterwards
    prologue,
    merge_expansions,  # before merge_siblings, which would take the 1x1 away from its neighbour
    merge_siblings,
    fuse_pointwise,  # what found no convolution to go with
    pack_weights,
)


# The same in 8 bits: kernels that pool while they read do not know them.
EIGHT_BIT_PIPELINE: tuple[Pass, ...] = tuple(each for each in GPU_PIPELINE if each is not pool_prologue)


# For a file of layers that are known everywhere, whose readers fuse by themselves.
EXPORT_PIPELINE: tuple[Pass, ...] = (
    *PIPELINE,
    part_shared,
    standardize_weights,
    drop_training,
    drop_unused,
    fold_bn,  # as for the CPU, up to here and one line further
    order_pool,
    affine_norm,  # what fold_bn left
)


def run(
    graph: Graph,
    passes: Iterable[Pass] = PIPELINE,
    *,
    observe: Observer | None = None,
    notes: Notes | None = None,
) -> Graph:
    """Apply `passes` in order, each followed by `verify`; a `VerificationError` names the pass at fault.

    `observe` is called with each pass's name and the graph it made; `notes` collects what passes say.
    """
    notes = notes or Notes()
    for rewrite in passes:
        graph = rewrite(graph, notes)
        try:
            verify(graph)
        except VerificationError as error:
            raise VerificationError(f"{graph.name} after {rewrite.__name__}", error.problems) from error
        if observe is not None:
            observe(rewrite.__name__, graph)
    return graph
