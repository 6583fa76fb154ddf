"""`import_weights`: foreign weights become ours, found by structure or by shapes alone, and proved by running both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.alignment.align import Alignment
from cnndsl.alignment.difference import differences
from cnndsl.alignment.graph_skeleton import skeleton_of
from cnndsl.alignment.skeleton import Slot
from cnndsl.architecture import Architecture
from cnndsl.errors import WeightsError
from cnndsl.extras import require
from cnndsl.foreign.sources import Foreign, is_program
from cnndsl.states import expected_shapes
from cnndsl.weights.adapt import moved
from cnndsl.weights.counterparts import Counterparts, counterparts
from cnndsl.weights.files.read import check_whole_numbers, read_state
from cnndsl.weights.files.wrappers import without_prefixes
from cnndsl.weights.shape_matching import by_order
from cnndsl.weights.trained import trained
from cnndsl.weights.transfer import Transfer, by_graph, in_rgb, lacking, own
from cnndsl.weights.unproved import open_questions
from cnndsl.weights.verdict import verdict

if TYPE_CHECKING:
    from torch import Tensor

UNPROVED = "fits, unproved: a file does not say what its network computes"


@dataclass(frozen=True)
class Found:
    """Which of their `tensors` is which of ours, before either network has run.

    foreign    their network, and with it both side by side and how they align; None from a file alone
    questions  what a file alone leaves open
    unused     their tensors that become none of ours
    """

    transfer: Transfer
    tensors: dict[str, Tensor] = field(repr=False)
    foreign: Foreign | None = None
    both: Counterparts | None = None
    alignment: Alignment | None = None
    questions: Sequence[str] = ()

    @property
    def title(self) -> str:
        """Where they are from."""
        return self.foreign.title if self.foreign else "a file alone"

    def unused(self) -> Iterator[str]:
        moved = {move.theirs.name for move in self.transfer.moves}
        known = self.tensors if self.foreign is None else _known(self.foreign)
        return (name for name in known if name not in moved and self.tensors[name].dim())


def _known(foreign: Foreign) -> list[str]:
    """The tensors that are part of their layers as they are, and those with which nothing computes."""
    network = foreign.network
    part = {*network.names.values(), *network.unused}
    return [name for name in network.kept if name in part]


@dataclass(frozen=True)
class Imported:
    """Weights as ours.

    state   our state dict
    found   what became what
    proved  whether outputs were compared and are the same; `lines` say how that came out
    agree   whether the weights may be used: they are proved, or nothing could be compared
    """

    state: dict[str, Tensor] = field(repr=False)
    found: Found
    lines: tuple[str, ...]
    agree: bool

    @property
    def proved(self) -> bool:
        return self.agree and self.found.foreign is not None


def import_weights(
    architecture: Architecture,
    file: Path | str | None = None,
    *,
    source: str | None = None,
    key: str | None = None,
    bgr: bool = False,
    new_head: bool = False,
    seed: int = 0,
) -> Imported:
    """Move foreign weights into a network of ours.

    file      weights of any kind; a program (.onnx, .pt2) says itself what it computes
    source    what `file` is for, as `cnndsl lift` takes it; without a `file`, its own weights are moved
    key       which of several sets of weights in `file`
    bgr       theirs is for images in BGR
    new_head  keep our initial head, drawn from `seed`, where theirs has another size or is missing

    Raises `Unmatched` if the two do not correspond, and `WeightsError`, `ModelError` or `LiftError` for what cannot be
    read.
    """
    found = find(architecture, file, source=source, key=key, bgr=bgr, new_head=new_head)
    return prove(architecture, found, bgr=bgr, seed=seed)


def find(
    architecture: Architecture,
    file: Path | str | None = None,
    *,
    source: str | None = None,
    key: str | None = None,
    bgr: bool = False,
    new_head: bool = False,
) -> Found:
    """The first half of `import_weights`: nothing runs."""
    require("torch", "safetensors", extra="torch")
    if source is None and file is None:
        raise WeightsError("there is neither a file of weights nor a network that has some")
    if source is None and is_program(str(file)):
        file, source = None, str(file)
    if source is None:
        return _by_order(architecture, Path(str(file)), key, bgr, new_head)
    state = None if file is None else read_state(Path(file), key).tensors
    foreign, missing = trained(architecture.graph, source, state, new_head=new_head)
    both = counterparts(architecture.graph, foreign.network)
    alignment = lacking(both, both.alignment(), missing)
    transfer = by_graph(both, alignment, new_head=new_head, bgr=bgr)
    return Found(transfer, foreign.network.source_tensors(), foreign, both, alignment)


def _by_order(architecture: Architecture, file: Path, key: str | None, bgr: bool, new_head: bool) -> Found:
    """By shapes in order, as a file says nothing else."""
    graph, state = architecture.graph, read_state(file, key)
    tensors = without_prefixes(state.tensors, expected_shapes(graph))
    check_whole_numbers(tensors, {name for name, tensor in tensors.items() if not tensor.dim()})
    slots, ours = [Slot(name, tuple(tensor.shape)) for name, tensor in tensors.items()], skeleton_of(graph)
    heads = [name for each, name in zip(graph.outputs, ours.outputs, strict=True) if each.train_only]
    transfer = own(graph, slots) or by_order(ours, heads, slots, ordered=state.ordered, new_head=new_head)
    transfer = in_rgb(ours, transfer) if bgr else transfer
    return Found(transfer, tensors, questions=open_questions(ours, transfer))


def prove(architecture: Architecture, found: Found, *, bgr: bool = False, seed: int = 0) -> Imported:
    """The second half: both run."""
    ours, moves = architecture.compile(seed=seed), found.transfer.moves
    state = moved(moves, found.tensors, ours.state_dict())
    if found.foreign is None or found.both is None or found.alignment is None:
        return Imported(state, found, (UNPROVED, *(f"  {line}" for line in found.questions)), True)
    ours.double()  # in which both are compared
    ours.load_state_dict(moved(moves, found.tensors, ours.state_dict()))
    lines, agree = verdict(found.both, found.alignment, ours, found.foreign, bgr=bgr)
    if not agree:
        lines += map(str, differences(found.both.ours, found.both.theirs))
    return Imported(state, found, tuple(lines), agree)
