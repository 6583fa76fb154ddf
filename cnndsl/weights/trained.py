"""Modules of other libraries with weights: those of a file, or drawn so that no layer can stand for another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnndsl.alignment.skeleton import Skeleton, first_uses
from cnndsl.errors import WeightsError
from cnndsl.foreign.modules import build_foreign
from cnndsl.weights.check import OPTIONAL
from cnndsl.weights.states import check_whole_numbers
from cnndsl.weights.wrappers import some, without_prefixes

if TYPE_CHECKING:
    from torch import Tensor, nn


def trained_foreign(text: str, state: Mapping[str, Tensor], *, new_head: bool = False) -> tuple[nn.Module, list[str]]:
    """A foreign module with its own weights, by its own names, and with as many classes as these have.

    Also the names that it lacks, which may be those of a new head. Raises `WeightsError` if they are not its own.
    """
    module = build_foreign(text)
    state = without_prefixes(state, module.state_dict())
    check_whole_numbers(state, {name for name, each in module.state_dict().items() if not each.is_floating_point()})
    classes = _other_classes(module, state)
    if classes is not None:
        module = build_foreign(text, num_classes=classes)
    return module, _load(module, state, text, new_head)


def _other_classes(module: nn.Module, state: Mapping[str, Tensor]) -> int | None:
    """The number of rows of the tensors that differ from a module's, if these differ in it alone, and all alike."""
    found = set()
    for name, tensor in module.state_dict().items():
        if name in state and state[name].shape != tensor.shape:
            same_rows = state[name].dim() > 0 and state[name].shape[1:] == tensor.shape[1:]
            found.add((len(tensor), len(state[name])) if same_rows else None)
    (change,) = found if len(found) == 1 else (None,)
    return change[1] if change else None


def _load(module: nn.Module, state: Mapping[str, Tensor], title: str, new_head: bool) -> list[str]:
    """Load weights; the names that are not among them, if some may be missing."""
    try:
        missing, unexpected = module.load_state_dict(dict(state), strict=False)
    except RuntimeError as error:  # shapes
        raise WeightsError(f"these are no weights of {title}: {str(error).splitlines()[-1].strip()}") from error
    missing = [name for name in missing if not name.endswith(OPTIONAL)]
    lacking = missing if not new_head or not state.keys() & module.state_dict().keys() else []
    for what, names in (("has no", lacking), ("has too much:", unexpected)):
        if names:
            instead = f"; it has {some(state)}" if names is lacking else ""
            raise WeightsError(f"these are no weights of {title}: the file {what} {some(names)}{instead}")
    return missing


def stir(module: nn.Module, skeleton: Skeleton, seed: int = 0) -> None:
    """Draw what new modules set to ones and zeros, so that no layer can stand for another."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    tensors = module.state_dict()
    slots = [(unit, role, slot) for unit in first_uses(skeleton.units) for role, slot in unit.slots.items()]
    for unit, role, slot in slots:
        if role in ("bias", "mean"):
            tensors[slot.name].normal_(0.0, 0.1, generator=generator)
        elif role == "variance" or not unit.weighted:
            tensors[slot.name].uniform_(0.5, 1.5, generator=generator)
