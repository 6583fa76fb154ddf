"""HDF5, as Keras writes it: weights alone, old or new, or beside the layers in a `.keras` archive."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cnndsl.errors import WeightsError, reason
from cnndsl.extras import require
from cnndsl.weights.files.names import by_numbers

Array = Any
STATE = re.compile(r"(^|/)(optimizer|metrics|seed_generator|compile_metrics)(/|$)")  # what training keeps of its own


def read_hdf5(path: Path) -> tuple[Mapping[str, Array], bool]:
    """The arrays of a file by their paths, and whether they stand in the order of layers. Raises `WeightsError`."""
    with path.open("rb") as file:
        return _arrays(path, file)


def read_keras(path: Path) -> tuple[Mapping[str, Array], bool]:
    """Likewise of an archive, whose list of layers says in which order they stand. Raises `WeightsError`."""
    try:
        with zipfile.ZipFile(path) as archive:
            config, content = json.loads(archive.read("config.json")), archive.read("model.weights.h5")
        order = list(_layers(config))
    except Exception as error:  # a broken archive raises anything
        raise WeightsError(f"cannot read weights from {path}: {reason(error)}") from error
    found, _ = _arrays(path, io.BytesIO(content))
    places = {name: at for at, name in enumerate(order)}

    def place(name: str) -> tuple[int, list[tuple[int, str]]]:
        layer = name.rpartition("/vars/")[0]
        return next((places[each] for each in _above(layer) if each in places), len(places)), by_numbers(name)

    return {name: found[name] for name in sorted(found, key=place)}, True


def _above(path: str) -> Iterator[str]:
    """A path, and those that it stands in, innermost first."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _layers(model: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The paths of layers, which Keras makes of their classes and a number for each class, in their order."""
    seen = Counter[str]()
    for layer in model["config"].get("layers", ()):
        word = _snake_case(layer["class_name"])
        path = f"{above}layers/{word}" + (f"_{seen[word]}" if seen[word] else "")
        seen[word] += 1
        yield from _layers(layer, f"{path}/") if "layers" in layer["config"] else ()
        yield path


def _snake_case(name: str) -> str:
    """As Keras does: `Conv2D` is `conv2d`, `BatchNormalization` is `batch_normalization`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _arrays(path: Path, file: BinaryIO) -> tuple[Mapping[str, Array], bool]:
    require("h5py", extra="hdf5")
    import h5py

    try:
        with h5py.File(file, "r") as content:
            size = file.seek(0, io.SEEK_END)
            top = content.get("model_weights", content)
            listed = [*_listed(top)]
            names = listed or sorted(_datasets(content), key=by_numbers)
            return {name: _array(top[name] if listed else content[name], name, size) for name in names}, bool(listed)
    except WeightsError as error:
        raise WeightsError(f"cannot read weights from {path}: {error}") from error
    except Exception as error:  # a broken file raises anything
        raise WeightsError(f"cannot read weights from {path}: it is broken HDF5 ({reason(error)})") from error


def _listed(group: Any) -> Iterator[str]:
    """What Keras 2 says of the order of layers and of their tensors."""
    for layer in map(_text, group.attrs.get("layer_names", ())):
        yield from (f"{layer}/{_text(name)}" for name in group[layer].attrs.get("weight_names", ()))


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _datasets(group: Any) -> Iterator[str]:
    """The paths of arrays; links to other files are not followed."""
    import h5py

    found: list[str] = []
    group.visititems(lambda name, each: found.append(name) if isinstance(each, h5py.Dataset) else None)
    return (name for name in found if not STATE.search(name))


def _array(dataset: Any, name: str, size: int) -> Array:
    """The values, which have to be in the file itself: HDF5 can say more than it holds, and point elsewhere."""
    if dataset.external or dataset.is_virtual or dataset.file.filename != dataset.parent.file.filename:
        raise WeightsError(f"{name} is in another file")
    if dataset.nbytes > 100 * size:
        raise WeightsError(f"{name} is larger than the file")
    return dataset[()]
