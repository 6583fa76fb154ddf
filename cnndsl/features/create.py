"""`create_model`, and what it can make: the zoo by name, or any MODEL."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.architecture import Architecture, load
from cnndsl.errors import ParameterError
from cnndsl.extras import require
from cnndsl.features.forms import check_classes
from cnndsl.models import zoo_names
from cnndsl.passes.settle_bias import settle_bias
from cnndsl.photographs.preprocessing import preprocessing_beside
from cnndsl.states.data_folder import find_weights

if TYPE_CHECKING:
    from cnndsl.features.network import FeatureNetwork, Network


def list_models(filter: str = "*") -> list[str]:
    """The networks of the zoo whose names match, such as `resnet*`, in alphabetical order."""
    return sorted(name for name, _ in zoo_names() if fnmatchcase(name, filter))


def create_model(
    model: str | Path,
    /,
    *,
    num_classes: int | None = None,
    in_chans: int | None = None,
    weights: str | Path | None = None,
    features_only: bool = False,
    out_indices: Sequence[int] | None = None,
    seed: int = 0,
    **parameters: Any,
) -> Network | FeatureNetwork:
    """A network as a PyTorch module in training mode, with the words of timm.

    model          a path, `PATH:network`, or a name from the zoo
    num_classes    the network's parameter `classes`; with 0 its classifier is left out
    in_chans       another number of channels of the input
    weights        `NAME.safetensors` or its folder; the first layer is made to fit other channels as in timm, and a
                   classifier for other classes stays initial, with a warning
    features_only  give the features of the resolutions that `out_indices` choose (all), as a list
    seed           of weights that are drawn
    parameters     the network's own

    Raises what `load` raises, `ParameterError` for what the network does not have, `ModelError` if it has no classifier
    or features, `WeightsError` if the weights do not fit, `MissingExtra` if PyTorch is not installed.
    """
    require("torch", extra="torch")
    from cnndsl.backends.torch import build
    from cnndsl.features.fitting import fitted
    from cnndsl.features.network import FeatureNetwork, Network

    if out_indices is not None and not features_only:
        raise ParameterError("out_indices goes with features_only")
    graph = settle_bias(_load(model, num_classes, in_chans, parameters).graph)
    whole = build(graph, seed=seed)
    preprocessing = None
    if weights is not None:
        file = find_weights(graph.name, Path(weights))
        state, kept = fitted(graph, file, whole.state_dict())
        whole.load_state_dict(state)
        if kept:
            warnings.warn(f"{', '.join(kept)} keeps its initial weights, since {file} has other classes", stacklevel=2)
        preprocessing = preprocessing_beside(file)
    if features_only:
        return FeatureNetwork(graph, whole, out_indices)
    network = Network(graph, whole, seed=seed, preprocessing=preprocessing)
    if num_classes == 0:
        network.reset_classifier(0)
    return network


def _load(model: str | Path, num_classes: int | None, in_chans: int | None, parameters: dict[str, Any]) -> Architecture:
    """The network with that many classes, which 0 does not change, and channels."""
    if num_classes is not None:
        check_classes(num_classes)
        if "classes" in parameters:
            raise ParameterError("num_classes is the parameter `classes`: give one of them")
    if num_classes:
        parameters = {**parameters, "classes": num_classes}
    network = load(model, **parameters)
    if in_chans is None:
        return network
    if type(in_chans) is not int or in_chans < 1:
        raise ParameterError(f"in_chans is a whole number from 1, not {in_chans!r}")
    if len(network.graph.inputs) != 1:
        raise ParameterError(f"{network.name} has {len(network.graph.inputs)} inputs, and in_chans is of one")
    return load(model, **{**parameters, "input": (in_chans, *network.input_shape[1:])})
