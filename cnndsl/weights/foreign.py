"""Modules of torchvision and timm, untrained: nothing is downloaded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from inspect import signature
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnndsl.diagnostics.suggest import closest
from cnndsl.errors import WeightsError
from cnndsl.extras import require
from cnndsl.weights.check import OPTIONAL, reason
from cnndsl.weights.skeleton import Skeleton, first_uses
from cnndsl.weights.states import check_whole_numbers
from cnndsl.weights.wrappers import some, without_prefixes

if TYPE_CHECKING:
    from torch import Tensor, nn

LIBRARIES = ("torchvision", "timm")


def build_foreign(text: str, **settings: int) -> nn.Module:
    """The module that `torchvision:NAME` or `timm:NAME` means, the same in every run.

    Raises `WeightsError`, and `MissingExtra`.
    """
    library, _, name = text.partition(":")
    if not name or library not in LIBRARIES:
        raise WeightsError(f"a foreign model is torchvision:NAME or timm:NAME, not {text}")
    known = foreign_names(library)
    if name not in known:
        guess = closest(name, known)
        raise WeightsError(f"{library} has no model {name}" + (f"; did you mean {guess}?" if guess else ""))
    package = _import(library)
    build = _build_torchvision if library == "torchvision" else _build_timm
    import torch

    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return build(package, name, settings)
    except Exception as error:  # whatever the foreign code raises, such as for a model that needs a backbone
        raise WeightsError(f"cannot build {text}: {reason(error)}") from error


def foreign_names(library: str) -> list[str]:
    """The models that a library has. Raises `MissingExtra`."""
    require("torch", library, extra="oracles")
    package = _import(library)
    names: list[str] = package.models.list_models() if library == "torchvision" else package.list_models()
    return names


def _build_torchvision(package: Any, name: str, settings: dict[str, int]) -> nn.Module:
    builder = package.models.get_model_builder(name)
    untrained = dict.fromkeys(("weights", "weights_backbone") & signature(builder).parameters.keys())
    module: nn.Module
    try:
        module = builder(**untrained, **settings, init_weights=False)  # some draw weights for many seconds
    except TypeError:
        module = builder(**untrained, **settings)
    return module


def _build_timm(package: Any, name: str, settings: dict[str, int]) -> nn.Module:
    module: nn.Module = package.create_model(name, pretrained=False, **settings)
    return module


@cache
def _import(library: str) -> ModuleType:
    """Import a library; where torchvision's compiled operators are missing, declare the two its import asks for."""
    try:
        return import_module(library)
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] in LIBRARIES]:
        del sys.modules[name]
    _declare_operators()
    return import_module(library)


@cache
def _declare_operators() -> object:
    """The object must live as long as the declarations; the cache keeps it."""
    import torch

    library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


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
