"""The pictures with which `cnndsl compile` finds the ranges of 8 bits, prepared as the network's weights want them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.architecture import Architecture
from cnndsl.cli.checked import bundle_named
from cnndsl.cli.photos import tell_notes, tell_unread
from cnndsl.errors import QuantizeError, WeightsError
from cnndsl.extras import require

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.photographs.preprocessing import Preprocessing
    from cnndsl.train.data.images import Pictures


def calibration_pictures(network: Architecture, options: argparse.Namespace) -> Tensor:
    """Up to 256 of those in `--calibrate` that are learned from, as `cnndsl quantize` takes them.

    Raises `DataError`, `QuantizeError` for a network that does not take them, and `WeightsError` where nothing says
    what they become for weights that were trained.
    """
    require("torch", "safetensors", "PIL", "torchvision", extra="train")
    import torch

    from cnndsl.quantizing import CALIBRATED, require_fitting
    from cnndsl.quantizing.inputs import inputs
    from cnndsl.train.data.named import read_data

    data = read_data(options.calibrate, network.output_shape[0])
    tell_notes(data.notes)
    preprocessing = _preprocessing(network, options, data.train)
    require_fitting(network.graph, preprocessing)
    seen, unread = inputs(data.train, preprocessing, CALIBRATED)
    tell_unread(unread)
    if not seen:
        raise QuantizeError(f"{options.calibrate} has no picture to be learned from that can be read")
    return torch.cat([torch.from_numpy(each) for each in seen])


def _preprocessing(network: Architecture, options: argparse.Namespace, pictures: Pictures) -> Preprocessing:
    """What stands beside the weights; those that are drawn were trained on nothing, and take these as they are."""
    from cnndsl.photographs.preprocessing import SUFFIX, read_preprocessing
    from cnndsl.states.data_folder import find_weights
    from cnndsl.train.pixels import preparation, require_square

    if options.weights is not None:
        file: Path = find_weights(network.name, options.weights)
        beside = file.with_name(f"{file.stem}{SUFFIX}")
        if not beside.is_file():
            raise WeightsError(f"{file} does not say what pictures become for it: {beside.name} is missing beside it")
        return read_preprocessing(beside)
    bundle = bundle_named(options.model)
    if bundle is None:
        require_square(network.input_shape)
        return preparation(pictures, network.input_shape)
    if bundle.preprocessing is None:
        raise WeightsError(f"{options.model} does not say what photographs become for it")
    return bundle.preprocessing
