"""A network and its weights as a bundle: one folder that has everything, written as a whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.bundle.manifest import MANIFEST, Entry, Manifest
from cnndsl.bundle.sources import self_contained
from cnndsl.checking import Request
from cnndsl.elaborate import Module
from cnndsl.errors import BundleError
from cnndsl.extras import require
from cnndsl.files import Writer, text_writer, write_folder
from cnndsl.ir.graph import Graph
from cnndsl.photographs.preprocessing import SUFFIX, Preprocessing, class_names, preprocessing_beside
from cnndsl.records import replace
from cnndsl.states import check_shapes, load_weights, save_weights
from cnndsl.states.data_folder import find_weights

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ".classes.txt"


def save(
    module: Module,
    request: Request,
    graph: Graph,
    folder: Path,
    weights: str | Path | Mapping[str, Tensor],
    preprocessing: Preprocessing | None,
    classes: Sequence[str] | None,
) -> Path:
    """Write a bundle of `graph`, which a request made of a module. Raises `OutputError`, `WeightsError`, `BundleError`.

    What stands beside a file of weights, its preprocessing and the names of its classes, is taken along.
    """
    require("torch", "safetensors", extra="torch")
    name = graph.name
    if isinstance(weights, (str, Path)):
        file = find_weights(name, Path(weights))
        weights = load_weights(file)
        beside = preprocessing_beside(file)
        if preprocessing is None and beside is not None:
            preprocessing = beside
            classes = class_names(preprocessing, file.parent) if classes is None else classes
    check_shapes(graph, {key: tuple(tensor.shape) for key, tensor in weights.items()})
    _check_classes(graph, classes)
    state = weights
    writers: dict[str, Writer] = {file: text_writer(text) for file, text in self_contained(module, name).items()}
    architecture = next(iter(writers))
    writers[f"{name}.safetensors"] = lambda path: save_weights(state, path, name)
    if preprocessing is not None:
        if classes is None:
            raise BundleError("a bundle with preprocessing names its classes: give them too")
        writers[f"{name}{SUFFIX}"] = text_writer(replace(preprocessing, classes=f"{name}{CLASSES}").text(name))
    if classes is not None:
        writers[f"{name}{CLASSES}"] = text_writer("".join(f"{each}\n" for each in classes))
    said = Manifest(
        network=name,
        architecture=architecture,
        parameters=request.parameters,
        input=request.input,
        weights=f"{name}.safetensors",
        preprocessing=f"{name}{SUFFIX}" if preprocessing is not None else None,
        classes=f"{name}{CLASSES}" if classes is not None else None,
        files={},
    )
    said.text()  # raises before anything is written
    names = list(writers)
    writers[MANIFEST] = lambda path: text_writer(_with_files(said, path.parent, names).text())(path)
    return write_folder(folder, writers)


def _check_classes(graph: Graph, classes: Sequence[str] | None) -> None:
    """Raise `BundleError` for names of classes that are not those of the network."""
    if classes is None:
        return
    if any(not isinstance(each, str) or each.splitlines() != [each] for each in classes):
        raise BundleError("the names of classes are texts of one line each")
    shape = graph.inference().output.shape
    if len(shape) == 1 and len(classes) != shape[0]:
        raise BundleError(f"{graph.name} has {shape[0]:,} classes, and there are {len(classes):,} names of classes")


def _with_files(said: Manifest, folder: Path, names: Sequence[str]) -> Manifest:
    """The manifest, with the files as they were written."""
    entries = {}
    for name in names:
        with (folder / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        entries[name] = Entry((folder / name).stat().st_size, digest)
    return replace(said, files=entries)
