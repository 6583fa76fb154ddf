"""`cnndsl predict MODEL photo.jpg`: the five most probable classes of a photograph."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, add_request
from cnndsl.cli.checked import bundle_named, checked_network
from cnndsl.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.architecture import Architecture
    from cnndsl.photographs.preprocessing import Preprocessing

SHOWN = 5


EXAMPLES = """\
examples:
  cnndsl predict birds photo.jpg
  cnndsl predict resnet18 photo.jpg -p classes=10 --weights runs/resnet18.safetensors
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("photos", metavar="PHOTO", type=Path, nargs="+", help="an image file")
    parser.add_argument(
        "--weights",
        metavar="PATH",
        type=Path,
        help="NAME.safetensors or its folder (default: the bundle's, else here, else where `weights import` puts it)",
    )
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.extras import require
    from cnndsl.photographs.preprocessing import SUFFIX, class_names, read_preprocessing
    from cnndsl.states.data_folder import find_weights

    require("torch", "safetensors", "PIL", extra="predict")
    network = checked_network(options)
    if network is None:
        return 1
    bundle = bundle_named(options.model) if options.weights is None else None
    weights = find_weights(network.name, options.weights) if bundle is None else bundle.file
    preprocessing = read_preprocessing(weights.with_name(f"{weights.stem}{SUFFIX}"))
    network = checked_network(options, (3, preprocessing.crop, preprocessing.crop), warn=False)
    if network is None:
        return 1
    names = class_names(preprocessing, weights.parent)
    probabilities = classifier(network, weights)
    unread = 0
    for photo in options.photos:
        image = _image(preprocessing, photo)
        if image is None:
            unread += 1
        else:
            print("\n".join([str(photo), *_best(probabilities(image), names)]))
    return int(unread > 0)


def _image(preprocessing: Preprocessing, photo: Path) -> Tensor | None:
    """A photograph as input; None, after a line that says why, if it cannot be read: the others still can."""
    try:
        return preprocessing.tensor(photo)
    except WeightsError as error:
        print(f"cnndsl: error: {error}", file=sys.stderr)
        return None


def classifier(network: Architecture, weights: Path) -> Callable[[Tensor], Tensor]:
    """The function from an image to the probability of each class. Raises `WeightsError` if the weights do not fit."""
    import torch

    from cnndsl.states import load_weights

    state = load_weights(weights, network.graph)
    module = network.compile().eval()
    module.load_state_dict(state)
    ends_in_softmax = network.graph.output.op.word == "softmax"

    def probabilities(image: Tensor) -> Tensor:
        with torch.inference_mode():
            result: Tensor = module(image)[0]
            return result if ends_in_softmax else result.softmax(0)

    return probabilities


def _best(probabilities: Tensor, names: list[str]) -> Iterator[str]:
    from cnndsl.errors import WeightsError

    if probabilities.dim() != 1 or len(names) != len(probabilities):
        shape = " x ".join(map(str, probabilities.shape))
        raise WeightsError(f"the network puts out {shape} values, and there are {len(names):,} names of classes")
    found = probabilities.topk(min(SHOWN, len(names)))
    for probability, index in zip(found.values.tolist(), found.indices.tolist(), strict=True):
        yield f"{100 * probability:6.1f} %  {names[index]}"
