"""The word on two networks with the same weights: do they compute the same, and if not, where do they part?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnndsl.alignment.align import Alignment
from cnndsl.weights.transfer import Counterparts
from cnndsl.weights.verify import TOLERANCE, compare_outputs, first_difference, random_inputs

if TYPE_CHECKING:
    from torch import nn


def verdict(
    both: Counterparts, alignment: Alignment, ours: nn.Module, theirs: nn.Module, *, bgr: bool = False
) -> tuple[list[str], bool]:
    """Lines that say what was compared and how it came out, and whether they agree. Both modules become float64."""
    shapes = [node.shape for node in both.graph.inputs]
    inputs = random_inputs(shapes, [unit.shape for unit in both.theirs.units if unit.kind == "input"], bgr=bgr)
    random = "random input, in grey for both," if inputs.grey else "random input"
    both.set_mode(ours)
    both.set_mode(theirs)
    resized = dict(alignment.heads)
    if not resized:
        error = compare_outputs(ours, theirs, inputs, alignment.outputs)
        if error <= TOLERANCE:
            return [f"proved: on {random} both give the same (relative error {error:.1e} in float64)"], True
    pairs = {one: other for one, other in alignment.pairs.items() if one not in resized}
    found = first_difference(ours, theirs, both.traced, pairs, inputs)
    if found is None and resized:
        return [f"proved: on {random} all layers but the heads give the same in float64"], True
    lines = ["the two do not compute the same"] if resized else [f"the outputs differ: relative error {error:.1e}"]
    if found is not None:
        lines.append(f"the first layer that differs is {found.ours}, theirs {found.theirs} ({found.error:.1e})")
        lines += [f"the last before it, {found.before[0]}, theirs {found.before[1]}, agrees"] if found.before else []
    return lines, False
