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
    from PIL.Image import Image
    from torch import Tensor

SUFFIX = ".preprocess.toml"
IMAGENET = "imagenet"
CHANNELS = {"RGB": 3, "BGR": 3, "grey": 1}
FILTERS = ("bilinear", "bicubic")
WORDS = {int: "a whole number", float: "a number", str: "a text"}
KINDS = {"resize": int, "crop": int, "interpolation": str, "channels": str, "scale": float, "classes": str}


@dataclass(frozen=True)
class Preprocessing:
    """Steps from a photograph to a tensor, in this order.

    resize         pixels that the shorter side gets, by `interpolation` (bilinear or bicubic)
    crop           pixels of the square that is cut from the centre: the network's input
    channels       their order, RGB or BGR, or one of grey
    scale          values from 0 to 255 are multiplied by this,
    mean, std      then a mean is subtracted and the rest divided, channel by channel in the order of `channels`
    classes        `imagenet`, or a file beside this one with the name of a class on each line
    """

    resize: int
    crop: int
    interpolation: str
    channels: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: str = IMAGENET

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
                raise WeightsError(f"{name} = {value!r} is not {WORDS[kind]}")
        if self.channels not in CHANNELS or self.interpolation not in FILTERS:
            raise WeightsError("channels is RGB, BGR or grey, and interpolation bilinear or bicubic")
        for name in ("mean", "std"):
            values, count = getattr(self, name), CHANNELS[self.channels]
            if not isinstance(values, tuple) or len(values) != count or not {*map(type, values)} <= {int, float}:
                raise WeightsError(f"{name} takes {'three numbers' if count == 3 else 'one number'}")
        if not 0 < self.crop <= self.resize or 0 in self.std:
            raise WeightsError("crop is above 0 and at most resize, and no std is 0")

    def text(self, network: str) -> str:
        """The file."""
        lines = [f"# From a photograph to the input of {network}; `cnndsl predict` reads this."]
        return (
            "\n".join([*lines, *(f"{each.name} = {_toml(getattr(self, each.name))}" for each in fields(self))]) + "\n"
        )

    def tensor(self, path: Path) -> Tensor:
        """A photograph as (1, channels, crop, crop) in float32. Raises `WeightsError` if it is none."""
        require("torch", "PIL", extra="predict")
        return self.whole(read_photograph(path))[None]

    def whole(self, image: Image) -> Tensor:
        """The square in the middle of an RGB image as (channels, crop, crop)."""
        return self.normal(self.square(image))

    def square(self, image: Image) -> Image:
        """The square in the middle of an image."""
        return centre(image, self.resize, self.crop, self.interpolation)

    def normal(self, image: Image) -> Tensor:
        """The values of an RGB image, as (channels, height, width)."""
        import torch

        count = CHANNELS[self.channels]
        pixels = torch.frombuffer(bytearray((image.convert("L") if count == 1 else image).tobytes()), dtype=torch.uint8)
        values = pixels.reshape(image.height, image.width, count).permute(2, 0, 1).float()
        values = values.flip(0) if self.channels == "BGR" else values
        mean, std = (torch.tensor(each).reshape(count, 1, 1) for each in (self.mean, self.std))
        return (values * self.scale - mean) / std


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


def preprocessing_beside(weights: Path) -> Preprocessing | None:
    """What is said beside a file of weights, if anything is. Raises `WeightsError` with what is wrong with it."""
    path = weights.with_name(f"{weights.stem}{SUFFIX}")
    return read_preprocessing(path) if path.is_file() else None


def class_names(preprocessing: Preprocessing, folder: Path) -> list[str]:
    """The names of the classes, in order. Raises `WeightsError`."""
    inside = preprocessing.classes == IMAGENET
    return names_in(Path(__file__).with_name("imagenet.txt") if inside else folder / preprocessing.classes)


def names_in(path: Path) -> list[str]:
    """The names of classes in a file, one on each line. Raises `WeightsError`."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read the names of classes from {path}: {reason(error)}") from error
