"""`conform`: is a network of ours the same as another one? Counts, every difference, and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnndsl.alignment.align import align
from cnndsl.alignment.difference import Difference, differences
from cnndsl.alignment.skeleton import NOT_TRACED
from cnndsl.architecture import Architecture
from cnndsl.errors import Unmatched
from cnndsl.extras import require
from cnndsl.foreign.sources import Foreign
from cnndsl.weights.adapt import moved
from cnndsl.weights.counterparts import Counterparts, counterparts
from cnndsl.weights.trained import theirs_for
from cnndsl.weights.transfer import by_graph
from cnndsl.weights.verdict import verdict

COUNTS = ("params", "macs", "depth")


@dataclass(frozen=True)
class Conformity:
    """How two networks compare.

    counts       parameters, multiply-accumulates and depth of ours and theirs, train-only heads left out
    differences  in structure
    unseen       kinds of layers of ours that are not compared, as nothing is seen of them outside of training
    lines        what was said of their outputs, with theirs' weights in ours
    same         whether there is no difference, in structure or in numbers
    """

    counts: Mapping[str, tuple[int, int]]
    differences: tuple[Difference, ...]
    unseen: tuple[str, ...]
    lines: tuple[str, ...]
    same: bool


def conform(architecture: Architecture, source: str) -> Conformity:
    """Compare a network of ours with what SOURCE means, as `cnndsl lift` takes it.

    Raises `WeightsError`, `ModelError` or `LiftError` if that cannot be read.
    """
    require("torch", extra="torch")
    foreign = theirs_for(architecture.graph, source)
    both = counterparts(architecture.graph, foreign.network)
    theirs = both.theirs.part(sum(not output.train_only for output in both.graph.outputs))
    counts = {name: (getattr(architecture, name), getattr(theirs, name)) for name in COUNTS}
    found = tuple(differences(both.ours, both.theirs))
    lines, agree = _numbers(architecture, both, foreign)
    unseen = tuple({unit.kind for unit in both.ours.units} & {NOT_TRACED})
    return Conformity(counts, found, unseen, tuple(lines), agree and not found)


def _numbers(architecture: Architecture, both: Counterparts, foreign: Foreign) -> tuple[list[str], bool]:
    """With weights of theirs in ours, if they fit."""
    alignment = align(both.ours, both.theirs)
    try:
        transfer = by_graph(both, alignment) if alignment else None
    except Unmatched:
        transfer = None
    if alignment is None or transfer is None:
        return ["outputs are not compared, as the layers of the two do not correspond"], False
    ours = architecture.compile().double()
    ours.load_state_dict(moved(transfer.moves, foreign.network.source_tensors(), ours.state_dict()))
    return verdict(both, alignment, ours, foreign)
