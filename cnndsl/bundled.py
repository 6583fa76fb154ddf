"""A bundle that is read: the network as it was saved, and all that belongs to it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.architecture import ArchError, Architecture
from cnndsl.bundle.folder import open_file, read_bundle, require_whole
from cnndsl.checking import check_model
from cnndsl.errors import BundleError, WeightsError
from cnndsl.ir.graph import Graph
from cnndsl.models import bundled_model
from cnndsl.photographs.preprocessing import Preprocessing, names_in, read_preprocessing
from cnndsl.states import check_shapes, load_weights
from cnndsl.states.header import read_shapes

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Bundle:
    """A network with its weights, in a folder whose files are as they were written.

    preprocessing  from a photograph to the input, where that was known
    classes        their names in order, likewise
    """

    folder: Path
    architecture: Architecture
    file: Path
    preprocessing: Preprocessing | None
    classes: tuple[str, ...] | None

    def weights(self) -> dict[str, Tensor]:
        """The state dict, on the CPU. Raises `WeightsError`, and `MissingExtra` if PyTorch is not installed."""
        return load_weights(self.file, self.architecture.graph)

    def compile(self) -> nn.Module:
        """The network with its weights as a PyTorch module, in eval mode."""
        state = self.weights()
        module = self.architecture.compile()
        module.load_state_dict(state)
        return module.eval()


def load_bundle(folder: str | Path, /) -> Bundle:
    """Read a bundle and check it, which needs no torch and runs nothing that is in it.

    Raises `BundleError` that names what is missing, added or changed; `ArchError` or `WeightsError` if a bundle that is
    as it was written holds a network that this cnndsl does not accept.
    """
    found = read_bundle(Path(folder))
    said, path = found.manifest, found.path
    checked = check_model(bundled_model(found))
    if not checked.report.ok:
        raise ArchError(checked.report)
    network = Architecture.of(checked)
    file = path / said.weights
    _check_weights(network.graph, file)
    require_whole(file, said.files[said.weights])
    preprocessing = read_preprocessing(path / said.preprocessing) if said.preprocessing is not None else None
    if preprocessing is not None and preprocessing.classes != said.classes:
        raise BundleError(f"{path} is damaged:\n  {said.preprocessing} names other classes than {said.classes}")
    names = None if said.classes is None else tuple(names_in(path / said.classes))
    return Bundle(path, network, file, preprocessing, names)


def _check_weights(graph: Graph, file: Path) -> None:
    """Raise `WeightsError` for weights that are of another network, or no weights; their data is not read."""
    try:
        with open_file(file) as opened:
            shapes = read_shapes(opened, os.fstat(opened.fileno()).st_size)
    except (OSError, WeightsError) as error:
        raise BundleError(f"{file.parent} is damaged:\n  {file.name}: {error}") from error
    check_shapes(graph, shapes)
