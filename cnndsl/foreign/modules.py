"""Modules of torchvision and timm, untrained: nothing is downloaded."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from inspect import signature
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnndsl.diagnostics.suggest import closest
from cnndsl.errors import WeightsError, reason
from cnndsl.extras import require

if TYPE_CHECKING:
    from torch import nn

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
    package = import_library(library)
    build = _build_torchvision if library == "torchvision" else _build_timm
    import torch

    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return build(package, name, settings)
    except Exception as error:  # whatever the foreign code raises, such as for a model that needs a backbone
        raise WeightsError(f"cannot build {text}: {reason(error)}") from error


def usual_input(text: str, module: nn.Module) -> tuple[int, ...] | None:
    """The shape of the images that a model is made for, as its library says it; None if it does not."""
    library, _, name = text.partition(":")
    if library == "timm":
        size = getattr(module, "default_cfg", {}).get("input_size")
        return tuple(size) if size else None
    try:
        transforms = import_library(library).models.get_model_weights(name).DEFAULT.transforms()
    except (AttributeError, ValueError):  # a model without weights
        return None
    for said in (getattr(transforms, each, None) for each in ("crop_size", "resize_size")):
        if said:
            return (3, int(said[0]), int(said[-1]))
    return None


def foreign_names(library: str) -> list[str]:
    """The models that a library has. Raises `MissingExtra`."""
    require("torch", library, extra="oracles")
    package = import_library(library)
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
def import_library(library: str) -> ModuleType:
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
