"""The trained network that a command line means: its weights, what photographs become for it, and its classes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cnndsl.cli.arguments import MODEL_HELP, add_request
from cnndsl.cli.checked import bundle_named, checked_network
from cnndsl.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnndsl.architecture import Architecture
    from cnndsl.photographs.preprocessing import Preprocessing


class Trained(NamedTuple):
    network: Architecture
    weights: Path
    preprocessing: Preprocessing
    classes: list[str]

    def module(self) -> nn.Module:
        """In eval mode. Raises `WeightsError` if the weights do not fit."""
        from cnndsl.states import load_weights

        state = load_weights(self.weights, self.network.graph)
        module = self.network.compile().eval()
        module.load_state_dict(state)
        return module

    def classifier(self) -> Callable[[Tensor], Tensor]:
        """From images, N x channels x height x width, to the probability of each class. Raises `WeightsError`."""
        import torch

        module, shape = self.module(), self.network.graph.inference().output.shape
        if shape != (len(self.classes),):
            values = " x ".join(map(str, shape))
            raise WeightsError(
                f"the network puts out {values} values, and there are {len(self.classes):,} names of classes"
            )
        ends_in_softmax = self.network.graph.output.op.word == "softmax"

        def probabilities(images: Tensor) -> Tensor:
            with torch.inference_mode():
                result: Tensor = module(images)
                return result if ends_in_softmax else result.softmax(1)

        return probabilities


def add_trained(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--weights",
        metavar="PATH",
        type=Path,
        help="NAME.safetensors or its folder (default: the bundle's, else here, else where `weights import` puts it)",
    )
    add_request(parser)


def trained(options: argparse.Namespace) -> Trained | None:
    """None after printing what is wrong with the network. Raises `WeightsError` and `BundleError`."""
    from cnndsl.photographs.preprocessing import CHANNELS, SUFFIX, class_names, read_preprocessing
    from cnndsl.states.data_folder import find_weights

    network = checked_network(options)
    if network is None:
        return None
    bundle = bundle_named(options.model) if options.weights is None else None
    weights = find_weights(network.name, options.weights) if bundle is None else bundle.file
    preprocessing = read_preprocessing(weights.with_name(f"{weights.stem}{SUFFIX}"))
    side = preprocessing.crop
    network = checked_network(options, (CHANNELS[preprocessing.channels], side, side), warn=False)
    if network is None:
        return None
    return Trained(network, weights, preprocessing, class_names(preprocessing, weights.parent))
