"""How photographs become a network's input: a small TOML file beside its weights, and doing what it says.

Weights without it are of no use, and it cannot be guessed from them: the same network was trained on RGB from 0 to 1 by
one and on BGR from 0 to 255 by another.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.errors import WeightsError, reason
from cnndsl.extras import require
from cnndsl.photographs.images import centre, read_photograph

if TYPE_CHECKING:
    from torch import Tensor

SUFFIX = ".preprocess.toml"
IMAGENET = "imagenet"
FILTERS = ("bilinear", "bicubic")
WORDS = {int: "a whole number", float: "a number", str: "a text"}
KINDS = {"resize": int, "crop": int, "interpolation": str, "channels": str, "scale": float, "classes": str}


@dataclass(frozen=True)
class Preprocessing:
    """Steps from a photograph to a tensor, in this order.

    resize         pixels that the shorter side gets, by `interpolation` (bilinear or bicubic)
    crop           pixels of the square that is cut from the centre: the network's input
    channels       their order, RGB or BGR
    scale          values from 0 to 255 are multiplied by this,
    mean, std      then a mean is subtracted and the rest divided, channel by channel in the order of `channels`
    classes        `imagenet`, or a file beside this one with the name of a class on each line
    """

    resize: int
    crop: int
    interpolation: str
    channels: str
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    classes: str = IMAGENET

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
                raise WeightsError(f"{name} = {value!r} is not {WORDS[kind]}")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or len(values) != 3 or not {*map(type, values)} <= {int, float}:
                raise WeightsError(f"{name} takes three numbers")
        if not 0 < self.crop <= self.resize or 0 in self.std:
            raise WeightsError("crop is above 0 and at most resize, and no std is 0")
        if self.channels not in ("RGB", "BGR") or self.interpolation not in FILTERS:
            raise WeightsError("channels is RGB or BGR, and interpolation bilinear or bicubic")

    def text(self, network: str) -> str:
        """The file."""
        lines = [f"# From a photograph to the input of {network}; `cnndsl predict` reads this."]
        return (
            "\n".join([*lines, *(f"{each.name} = {_toml(getattr(self, each.name))}" for each in fields(self))]) + "\n"
        )

    def tensor(self, path: Path) -> Tensor:
        """A photograph as (1, 3, crop, crop) in float32. Raises `WeightsError` if it is none."""
        require("torch", "PIL", extra="predict")
        import torch

        image = centre(read_photograph(path), self.resize, self.crop, self.interpolation)
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        values = pixels.reshape(self.crop, self.crop, 3).permute(2, 0, 1).float()
        values = values.flip(0) if self.channels == "BGR" else values
        mean, std = (torch.tensor(each).reshape(3, 1, 1) for each in (self.mean, self.std))
        normal: Tensor = ((values * self.scale - mean) / std)[None]
        return normal


def _toml(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"[{', '.join(map(repr, value))}]" if isinstance(value, tuple) else repr(value)


PRESETS = {
    "torchvision": Preprocessing(256, 224, "bilinear", "RGB", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "caffe": Preprocessing(256, 227, "bilinear", "BGR", 1.0, (104.0, 117.0, 123.0), (1.0, 1.0, 1.0)),
}


def read_preprocessing(path: Path) -> Preprocessing:
    """Read a file. Raises `WeightsError` with what is wrong with it."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # it is not there, no UTF-8, or no TOML
        raise WeightsError(f"cannot read {path}: {reason(error)}") from error
    names = [each.name for each in fields(Preprocessing)]
    missing, unknown = [n for n in names if n not in said and n != "classes"], [n for n in said if n not in names]
    if missing or unknown:
        raise WeightsError(
            f"{path}: " + "; ".join([*(f"{n} is missing" for n in missing), *(f"{n} is unknown" for n in unknown)])
        )
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()}
    try:
        return Preprocessing(**values)
    except (WeightsError, TypeError) as error:
        raise WeightsError(f"{path}: {error}") from error


def class_names(preprocessing: Preprocessing, folder: Path) -> list[str]:
    """The names of the classes, in order. Raises `WeightsError`."""
    inside = preprocessing.classes == IMAGENET
    path = Path(__file__).with_name("imagenet.txt") if inside else folder / preprocessing.classes
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read the names of classes from {path}: {reason(error)}") from error
