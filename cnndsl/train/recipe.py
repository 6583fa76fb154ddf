"""A recipe: every number that training depends on, as plain data that a file or flags override."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import Any

from cnndsl.errors import ParameterError, reason

SCHEDULES = ("constant", "plateau", "steps", "linear", "cosine")
AUGMENTATIONS = ("none", "shift_flip", "scale_crop", "resized_crop")
PRECISIONS = ("no", "fp16", "bf16")


@dataclass(frozen=True)
class Recipe:
    """SGD with momentum, the optimiser of all of these papers, and what surrounds it.

    A `batch` is what one step learns from, on all processes together. `milestones` are parts of the whole training, so
    that they keep their places when `epochs` changes. Zero turns `warmup`, `label_smoothing`, `mixup`, `clip` and `ema`
    off.
    """

    epochs: int
    batch: int
    lr: float
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    schedule: str = "constant"
    milestones: tuple[float, ...] = ()
    factor: float = 0.1
    patience: int = 5
    warmup: float = 0.0
    augment: str = "none"
    label_smoothing: float = 0.0
    mixup: float = 0.0
    clip: float = 0.0
    accumulate: int = 1
    ema: float = 0.0
    aux_weight: float = 0.3
    precision: str = "no"

    def __post_init__(self) -> None:
        """Raise `ParameterError` with the first thing that is wrong."""
        for each in fields(self):
            _require_type(each.name, getattr(self, each.name), KINDS[each.name])
        for name, known in CHOICES.items():
            _require(getattr(self, name) in known, f"{name} is one of {', '.join(known)}")
        for name in ("epochs", "batch", "patience", "accumulate"):
            _require(getattr(self, name) >= 1, f"{name} is at least 1")
        for name in ("lr", "factor"):
            _require(getattr(self, name) > 0, f"{name} is above 0")
        for name in ("weight_decay", "warmup", "mixup", "clip", "aux_weight"):
            _require(getattr(self, name) >= 0, f"{name} is not below 0")
        for name in ("momentum", "label_smoothing", "ema"):
            _require(0 <= getattr(self, name) < 1, f"{name} is from 0 to below 1")
        _require(self.momentum > 0 or not self.nesterov, "nesterov needs a momentum")
        _require(self.batch % self.accumulate == 0, "accumulate divides batch into equal parts")
        _require(all(0 < each < 1 for each in self.milestones), "milestones are parts of training, between 0 and 1")
        _require(list(self.milestones) == sorted(self.milestones), "milestones stand in their order")
        _require(bool(self.milestones) == (self.schedule == "steps"), "milestones and the schedule steps go together")


KINDS: dict[str, type] = {
    **dict.fromkeys(("epochs", "batch", "patience", "accumulate"), int),
    **dict.fromkeys(("lr", "momentum", "weight_decay", "factor", "warmup"), float),
    **dict.fromkeys(("label_smoothing", "mixup", "clip", "ema", "aux_weight"), float),
    **dict.fromkeys(("schedule", "augment", "precision"), str),
    "nesterov": bool,
    "milestones": tuple,
}
CHOICES = {"schedule": SCHEDULES, "augment": AUGMENTATIONS, "precision": PRECISIONS}
WORDS = {int: "a whole number", float: "a number", str: "a word", bool: "true or false", tuple: "a list of numbers"}
HELP = {
    "epochs": "how often all pictures are learned from",
    "batch": "pictures of one step, on all processes together",
    "lr": "learning rate at the start",
    "momentum": "of SGD",
    "nesterov": "Nesterov's momentum",
    "weight_decay": "times the weights, added to gradients",
    "schedule": f"of the learning rate: {', '.join(SCHEDULES)}",
    "milestones": "of the schedule steps: parts of training, such as 0.5,0.75",
    "factor": "by which steps and plateau multiply the learning rate",
    "patience": "epochs without a better held-out error, after which plateau does",
    "warmup": "epochs in which the learning rate rises from 0",
    "augment": f"of pictures: {', '.join(AUGMENTATIONS)}",
    "label_smoothing": "part of the target that all classes share",
    "mixup": "alpha of mixed pairs of pictures",
    "clip": "largest norm of all gradients",
    "accumulate": "parts in which a batch is computed, one after the other",
    "ema": "decay of the average of weights that is evaluated and kept",
    "aux_weight": "of the losses of heads for training alone",
    "precision": f"of products: {', '.join(PRECISIONS)}",
}


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise ParameterError(f"in a recipe, {rule}")


def _require_type(name: str, value: object, kind: type) -> None:
    numbers = (int, float) if kind is float else (kind,)
    right = isinstance(value, numbers) and (kind is bool or not isinstance(value, bool))
    if kind is tuple and isinstance(value, tuple):
        right = all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    _require(right and (not isinstance(value, float) or isfinite(value)), f"{name} is {WORDS[kind]}, not {value!r}")


def changed(recipe: Recipe, values: dict[str, Any]) -> Recipe:
    """The recipe with other values; other milestones or another schedule decide both. Raises `ParameterError`."""
    if "milestones" in values:
        values = {"schedule": "steps", **values, "milestones": tuple(values["milestones"])}
    elif values.get("schedule", "steps") != "steps":
        values = {**values, "milestones": ()}
    return replace(recipe, **values)


def read_recipe(path: Path, presets: dict[str, Recipe]) -> Recipe:
    """A TOML file: `base`, the name of a preset, and what differs from it. Raises `ParameterError`."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ParameterError(f"cannot read the recipe {path}: {reason(error)}") from error
    base = said.pop("base", None)
    if not isinstance(base, str) or base not in presets:
        raise ParameterError(f"{path}: base names one of {', '.join(presets)}")
    unknown = [name for name in said if name not in KINDS]
    if unknown:
        raise ParameterError(f"{path}: a recipe has no {unknown[0]}; it has {', '.join(KINDS)}")
    try:
        return changed(presets[base], {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()})
    except (ParameterError, TypeError) as error:
        raise ParameterError(f"{path}: {error}") from error
