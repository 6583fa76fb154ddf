"""What is made small: cross entropy, with heads for training alone weighted, smoothed labels and mixed pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cnndsl.errors import TrainingError
from cnndsl.ir.graph import Graph
from cnndsl.ir.node import Output

LEAST = 1e-30  # of a probability whose logarithm is taken


@dataclass(frozen=True)
class Result:
    """One of the tensors that a network gives in training: its weight, and whether it is probabilities."""

    weight: float
    probabilities: bool


def results_of(graph: Graph, aux_weight: float) -> tuple[Result, ...]:
    """In the order of the module's results. Raises `TrainingError` for a network that does not classify."""
    if len(graph.inputs) != 1:
        raise TrainingError(f"{graph.name} has {len(graph.inputs)} inputs, and pictures are one")
    main = [each for each in graph.outputs if not each.train_only]
    vectors = all(len(graph[each.node].shape) == 1 for each in graph.outputs)
    if len(main) != 1 or not vectors:
        raise TrainingError(f"{graph.name} gives no single vector of classes, so there is nothing to learn from labels")
    return tuple(Result(aux_weight if each.train_only else 1.0, _is_softmax(graph, each)) for each in graph.outputs)


def _is_softmax(graph: Graph, output: Output) -> bool:
    return graph[output.node].op.word == "softmax"


@dataclass(frozen=True)
class Objective:
    results: tuple[Result, ...]
    smoothing: float

    def logits(self, given: Any) -> list[Tensor]:
        """Of each result; the logarithm of probabilities is as good as what their softmax took."""
        tensors: Sequence[Tensor] = [given] if isinstance(given, Tensor) else list(given)
        pairs = zip(tensors, self.results, strict=False)  # in eval mode those for training alone are missing
        return [x.float().clamp_min(LEAST).log() if result.probabilities else x.float() for x, result in pairs]

    def loss(self, logits: list[Tensor], labels: Tensor) -> Tensor:
        """The mean over a batch, all heads weighted."""
        losses = [
            result.weight * cross_entropy(x, labels, label_smoothing=self.smoothing)
            for x, result in zip(logits, self.results, strict=False)
        ]
        return torch.stack(losses).sum()


def mixed(pixels: Tensor, alpha: float) -> tuple[Tensor, Tensor, float]:
    """Each picture with another one over it, which other, and how much of the first remains (Zhang et al. 2018)."""
    stays = float(torch.distributions.Beta(alpha, alpha).sample())
    other = torch.randperm(len(pixels)).to(pixels.device)
    return stays * pixels + (1 - stays) * pixels[other], other, stays
