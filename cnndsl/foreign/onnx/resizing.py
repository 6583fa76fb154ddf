"""Maps of another size: which of ours computes exactly what the operator says, for this very size."""

from __future__ import annotations

from collections.abc import Callable

from cnndsl.foreign.axes import ROWS
from cnndsl.foreign.onnx.convolutions import text
from cnndsl.foreign.onnx.drafts import Array, Tensor
from cnndsl.foreign.onnx.step import Step
from cnndsl.foreign.onnx.unreadable import Unreadable
from cnndsl.ops.base import Op
from cnndsl.ops.images import Pair
from cnndsl.ops.resize import Resize, Upsample

LARGEST = 2**20  # pixels along an axis
MODES = {"nearest": "nearest", "linear": "bilinear", "bilinear": "bilinear", "cubic": "bicubic"}


def read_resize(step: Step) -> Tensor:
    """Version 10 has scales alone, later ones a region of interest before them, and sizes behind."""
    first = 1 if step.opset < 11 else 2
    sizes_given = step.has(3) and step.opset >= 11
    return _resized(step, step.constant(3) if sizes_given else step.constant(first), sized=sizes_given)


def read_upsample(step: Step) -> Tensor:
    import numpy as np

    given = step.constant(1) if step.has(1) else np.array(step.attribute("scales"), np.float32)
    return _resized(step, given, sized=False)


def _resized(step: Step, given: Array, *, sized: bool) -> Tensor:
    tensor, dims = step.tensor(), step.dims
    if step.attribute("antialias", 0) or step.attribute("exclude_outside", 0):
        raise Unreadable("it averages, or leaves pixels outside out")
    if sized and text(step.attribute("keep_aspect_ratio_policy", "stretch")) != "stretch":
        raise Unreadable("it keeps the aspect ratio")
    numbers = [float(each) for each in given.reshape(-1)]
    axes = [step.axis(axis, len(dims)) for axis in step.attribute("axes", range(len(dims)))]
    scales = [1.0] * len(dims)
    for axis, number in zip(axes, numbers, strict=True):
        scales[axis] = number / dims[axis] if sized else number
    return _by_scales(step, tensor, scales)


def _by_scales(step: Step, tensor: Tensor, scales: list[float]) -> Tensor:
    batch, channels, *pixels = step.places(tensor)
    if scales[batch] != 1 or scales[channels] != 1:
        raise Unreadable("it resizes more than rows and columns")
    old = step.drafts.dims(tensor.node)[ROWS:]
    rows, columns = (scales[axis] for axis in pixels)
    new = int(old[0] * rows + 1e-6), int(old[1] * columns + 1e-6)
    return step.replaced(_layer(step, (old[0], old[1]), new, (rows, columns)), tensor)


def _layer(step: Step, old: Pair, new: Pair, scales: tuple[float, float]) -> Op:
    mode = MODES.get(text(step.attribute("mode", "nearest")))
    if mode is None:
        raise Unreadable(f"it resizes by {text(step.attribute('mode'))}")
    if not 1 <= min(new) <= max(new) <= LARGEST:
        raise Unreadable(f"it makes a map of {new[0]} x {new[1]}")
    place = _place(step)
    if mode == "nearest":
        for before, after, scale in zip(old, new, scales, strict=True):
            if _nearest(step, place, before, after, scale) != [index * before // after for index in range(after)]:
                raise Unreadable("it takes other pixels than the nearest above and to the left")
        return _sized(old, new, mode, corners=False)
    if mode == "bicubic" and step.number("cubic_coeff_a", -0.75) != -0.75:
        raise Unreadable("its cubic curve is another one")
    corners = place == "align_corners"
    if not corners:
        _check_centres(place, old, new, scales)
    return _sized(old, new, mode, corners=corners)


def _check_centres(place: str, old: Pair, new: Pair, scales: tuple[float, float]) -> None:
    if place not in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"):
        raise Unreadable(f"it measures pixels by {place}, and layers from their centres")
    for before, after, scale in zip(old, new, scales, strict=True):
        if place == "pytorch_half_pixel" and after == 1 != before:
            raise Unreadable("it takes the first pixel where one is left")
        if abs(after / before - scale) > 1e-6 * scale:
            raise Unreadable(f"it makes {before} pixels {scale:g} times as many, which is not {after}")


def _place(step: Step) -> str:
    """Before version 11 pixels were measured from the corner."""
    default = "asymmetric" if step.opset < 11 else "half_pixel"
    return text(step.attribute("coordinate_transformation_mode", default))


def _nearest(step: Step, place: str, before: int, after: int, scale: float) -> list[int]:
    """Which pixel each one is taken from."""
    import numpy as np

    at = np.arange(after, dtype=np.float64)
    places = {
        "asymmetric": at / scale,
        "half_pixel": (at + 0.5) / scale - 0.5,
        "pytorch_half_pixel": (at + 0.5) / scale - 0.5 if after > 1 else at * 0,
        "align_corners": at * (before - 1) / max(after - 1, 1),
        "tf_half_pixel_for_nn": (at + 0.5) / scale,
    }
    if place not in places:
        raise Unreadable(f"it measures pixels by {place}")
    rounding = "floor" if step.opset < 11 else text(step.attribute("nearest_mode", "round_prefer_floor"))
    roundings: dict[str, Callable[[Array], Array]] = {
        "floor": np.floor,
        "ceil": np.ceil,
        "round_prefer_floor": lambda x: np.ceil(x - 0.5),
        "round_prefer_ceil": lambda x: np.floor(x + 0.5),
    }
    found = roundings[rounding](np.round(places[place], 9)).clip(0, before - 1)
    return [int(each) for each in found]


def _sized(old: Pair, new: Pair, mode: str, *, corners: bool) -> Op:
    rows, columns = new[0] // old[0], new[1] // old[1]
    if (old[0] * rows, old[1] * columns) == new:
        return Upsample((rows, columns), mode=mode, align_corners=corners)
    return Resize(new, mode=mode, align_corners=corners)


READERS = {"Resize": read_resize, "Upsample": read_upsample}
