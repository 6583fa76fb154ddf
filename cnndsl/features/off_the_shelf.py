"""Features off the shelf: what a trained network's classifier reads, for another one to learn from.

Sharif Razavian et al. 2014 (arXiv:1403.6382) found them hard to beat where there are few pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cnndsl.backends.torch import outline
from cnndsl.features.forms import without_classifier
from cnndsl.features.sharing import share_layers
from cnndsl.files import write_together
from cnndsl.ir.graph import Graph
from cnndsl.passes.settle_bias import settle_bias


def extractor(graph: Graph, module: nn.Module) -> Callable[[Tensor], Tensor]:
    """From images to a row of features for each. Raises `ModelError` for a network without a classifier."""
    form = outline(without_classifier(settle_bias(graph)))
    share_layers(form, module)
    form.eval()

    def extract(images: Tensor) -> Tensor:
        with torch.inference_mode():
            result: Tensor = form(images)
            return result.flatten(1)

    return extract


def write_features(path: Path, rows: Sequence[Tensor], photos: Sequence[Path]) -> int:
    """`features`, `photos` and `folders` as arrays; gives how many features there are. Raises `OutputError`."""
    features = torch.cat(list(rows)).numpy()
    names, folders = [str(photo) for photo in photos], [photo.parent.name for photo in photos]

    def write(place: Path) -> None:
        with place.open("wb") as file:  # numpy would add an ending to a name
            np.savez(file, features=features, photos=np.array(names), folders=np.array(folders))

    write_together(path.parent, {path.name: write})
    return int(features.shape[1])
