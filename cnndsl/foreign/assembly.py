"""A network of steps that have names: what every reader ends with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.foreign.draft import Kept, Result, Step
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.foreign.pixels import reshaped
from cnndsl.ir.graph import Graph
from cnndsl.ir.node import Node, Output, Scope
from cnndsl.ops.base import Shape
from cnndsl.source import Source, Span

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Stored:
    """What a source keeps, by its names, and what of it nothing reads."""

    tensors: Mapping[str, Tensor]
    unused: tuple[str, ...] = ()


def assembled(
    title: str,
    steps: Mapping[int, Step],
    called: Mapping[int, str],
    blocks: Mapping[str, str | None],
    results: Iterable[Result],
    stored: Stored,
) -> ForeignNetwork:
    """The network of `steps` in their order, `called` so; `blocks` are the scopes around them, of which a block has a
    class. Steps with the same weights are one layer that is applied again.
    """
    span = Source(title, "").span(0, 0)
    tensors = {number: _tensors(step, [steps[each].shape for each in step.inputs]) for number, step in steps.items()}
    first = _first_uses(steps, tensors)
    nodes = {
        number: Node(
            called[number],
            step.op,
            tuple(called[source] for source in step.inputs),
            step.shape,
            span,
            called[first[number]] if number in first else "",
        )
        for number, step in steps.items()
    }
    scopes = [Scope("", "network", span), *_scopes(blocks, span)]
    outputs = [Output(each.name, called[each.step], each.train_only) for each in results]
    own = {
        nodes[number].key(name): kept
        for number, found in tensors.items()
        for name, kept in found.items()
        if number not in first
    }
    return ForeignNetwork(
        title,
        Graph(_identifier(title), nodes.values(), outputs, scopes),
        {key: kept.value for key, kept in own.items()},
        {key: kept.name for key, kept in own.items() if kept.name},
        _given(steps, called),
        stored.tensors,
        stored.unused,
    )


def _given(steps: Mapping[int, Step], called: Mapping[int, str]) -> dict[str, str]:
    """What the source calls that which layers with tensors give; of several that it has in one, that of the last."""
    last = {step.place.name: called[number] for number, step in steps.items() if step.tensors}
    return {name: given for given, name in last.items()}


def _scopes(blocks: Mapping[str, str | None], span: Span) -> Iterable[Scope]:
    return (Scope(path, "block" if block else "stage", span, block) for path, block in blocks.items())


def _identifier(title: str) -> str:
    """The last part of a title as a name of the language."""
    last = Path(title.rpartition(":")[2]).stem
    name = "".join(each if each.isascii() and each.isalnum() else "_" for each in last).strip("_").lower()
    return name if name and not name[0].isdigit() else f"network_{name}".strip("_")


def _first_uses(steps: Mapping[int, Step], tensors: Mapping[int, Mapping[str, Kept]]) -> dict[int, int]:
    """Steps that have the weights of an earlier one, and that one."""
    seen: dict[tuple[object, ...], int] = {}
    found = {}
    for number, step in steps.items():
        named = tuple((name, kept.name) for name, kept in sorted(step.tensors.items()) if kept.name)
        earlier = seen.setdefault((step.op, named), number) if named else number
        if earlier != number and _same(tensors[earlier], tensors[number]):
            found[number] = earlier
    return found


def _same(one: Mapping[str, Kept], other: Mapping[str, Kept]) -> bool:
    """Whether tensors that are computed, and so have no names, are the same too."""
    import torch

    return all(kept.name or torch.equal(kept.value, other[name].value) for name, kept in one.items())


def _tensors(step: Step, shapes: Sequence[Shape]) -> dict[str, Kept]:
    """The tensors of a step as its layer has them; a count of batches is that of a new network."""
    wanted: dict[str, Shape] = {**step.op.parameters(*shapes)}
    found = {name: reshaped(step.tensors[name], shape) for name, shape in wanted.items()}
    for name, buffer in step.op.buffers(*shapes).items():
        found[name] = reshaped(step.tensors[name], buffer.shape) if name in step.tensors else _count()
    return found


def _count() -> Kept:
    import torch

    return Kept(torch.zeros((), dtype=torch.int64))
