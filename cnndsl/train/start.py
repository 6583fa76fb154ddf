"""The module at the first step: weights drawn from a seed or taken from a file, and what of it stays frozen.

Weights know pictures only as what they were trained on: what stands beside them says how pictures are prepared.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnndsl.backends.torch import build
from cnndsl.errors import ParameterError
from cnndsl.features.fitting import fitted
from cnndsl.features.network import Network
from cnndsl.features.parts import part_at
from cnndsl.features.trunk import classifier
from cnndsl.ir.graph import Graph
from cnndsl.passes.settle_bias import settle_bias
from cnndsl.photographs.preprocessing import CHANNELS, Preprocessing, preprocessing_beside
from cnndsl.states.data_folder import find_weights
from cnndsl.train.job import Job

ALL_BUT_HEAD = "all-but-head"


def started(graph: Graph, job: Job) -> tuple[Network, list[str]]:
    """The module, and what is to be told of its weights. Raises `WeightsError`, `ParameterError`, `ModelError`."""
    settled = settle_bias(graph)
    whole = build(settled, seed=job.seed)
    notes = []
    if job.weights is not None:
        state, initial = fitted(settled, _file(graph, job.weights), whole.state_dict())
        whole.load_state_dict(state)
        notes = [f"{', '.join(initial)}: weights drawn anew, for other classes"] if initial else []
    network = Network(settled, whole, seed=job.seed, preprocessing=None)
    for path in job.freeze:
        _freeze(network, settled, path)
    return network, notes


def given_preparation(graph: Graph, job: Job) -> Preprocessing | None:
    """From a picture to the network's input, as the weights at the start ask; None if they do not say.

    The square may have another size than theirs. Raises `WeightsError`.
    """
    given = None if job.weights is None else preprocessing_beside(_file(graph, job.weights))
    channels, side = graph.inputs[0].shape[:2]
    if given is None or CHANNELS[given.channels] != channels:
        return None
    return replace(given, resize=round(given.resize * side / given.crop), crop=side)


def _file(graph: Graph, weights: str) -> Path:
    return find_weights(graph.name, Path(weights))


def _freeze(network: Network, graph: Graph, path: str) -> None:
    if path != ALL_BUT_HEAD:
        network.freeze(path)
        return
    head = classifier(graph).layer.name
    layers = [node.name for node in graph if node.op.weighted or node.op.parameters(*graph.input_shapes(node))]
    others = [name for name in layers if name != head and part_at(network, name) is not None]
    if not others:
        raise ParameterError(f"{graph.name} has no layers but its head, {head}")
    network.freeze(*others)
