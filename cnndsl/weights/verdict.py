"""The word on two networks with the same weights: do they compute the same, and if not, where do they part?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnndsl.alignment.align import SOFT, Alignment
from cnndsl.foreign.precision import EXACT
from cnndsl.foreign.sources import Foreign
from cnndsl.weights.counterparts import Counterparts
from cnndsl.weights.verify import compare_outputs, first_difference, random_inputs

if TYPE_CHECKING:
    from torch import nn


def verdict(
    both: Counterparts, alignment: Alignment, ours: nn.Module, theirs: Foreign, *, bgr: bool = False
) -> tuple[list[str], bool]:
    """Lines that say what was compared and how it came out, and whether they agree. Our module becomes float64."""
    shapes = [node.shape for node in both.graph.inputs]
    their_shapes = [node.shape for node in both.network.graph.inputs]
    inputs = random_inputs(shapes, their_shapes, theirs.batch, bgr=bgr)
    random = "random input, in grey for both," if inputs.grey else "random input"
    both.set_mode(ours.double())
    resized, precision = dict(alignment.heads), theirs.precision
    if not resized:
        error = compare_outputs(ours, theirs, inputs, alignment.outputs)
        if error <= precision.limit:
            lines = [f"proved: on {random} both give the same (relative error {error:.1e} in {precision.name})"]
            unseen = [] if precision == EXACT else list(_unseen(both, alignment))
            return (
                ([f"not proved, as {precision.name} is too coarse to show a difference", *unseen], False)
                if unseen
                else (lines, True)
            )
    pairs = {one: other for one, other in alignment.pairs.items() if one not in resized}
    found = first_difference(ours, theirs, both.theirs, pairs, inputs)
    if found is None and resized:
        return [f"proved: on {random} all layers but the heads give the same in {precision.name}"], True
    lines = ["the two do not compute the same"] if resized else [f"the outputs differ: relative error {error:.1e}"]
    if found is not None:
        lines.append(f"the first layer that differs is {found.ours}, theirs {found.theirs} ({found.error:.1e})")
        lines += [f"the last before it, {found.before[0]}, theirs {found.before[1]}, agrees"] if found.before else []
    return lines, False


def _unseen(both: Counterparts, alignment: Alignment) -> Iterator[str]:
    """Numbers that differ, and by too little to be seen in results that are not exact."""
    for one, other in alignment.pairs.items():
        ours, theirs = both.ours[one], both.theirs[other]
        for fact in sorted(SOFT & ours.facts.keys() & {"eps"}):
            if ours.facts[fact] != theirs.facts.get(fact):
                yield f"{ours.kind}: {fact} {ours.facts[fact]}, theirs {theirs.facts.get(fact)} ({one} <-> {other})"
