"""A network as timm's users know it: whole, with a head that can be asked alone and replaced, or its features alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from cnndsl.backends.torch import build, outline
from cnndsl.features.forms import head, up_to, with_classes, without_classifier
from cnndsl.features.parts import WHOLE, PartedModule, part_at
from cnndsl.features.points import chosen, feature_points
from cnndsl.features.sharing import share_layers
from cnndsl.features.timm_words import FeatureInfo, default_cfg
from cnndsl.features.trunk import Classifier, classifier
from cnndsl.ir.graph import Graph
from cnndsl.ir.scopes import in_state
from cnndsl.photographs.preprocessing import Preprocessing


class Network(PartedModule):
    """A whole network, which gives what the module of `Architecture.compile` gives, and has its state dict.

    preprocessing  from a photograph to its input, where that is known
    """

    def __init__(self, graph: Graph, whole: nn.Module, *, seed: int, preprocessing: Preprocessing | None) -> None:
        super().__init__(graph, whole)
        self.seed, self.preprocessing = seed, preprocessing
        self._classified = graph  # with a classifier, whatever was made of that
        self._ends: Classifier | None = None

    def forward(self, *inputs: Tensor) -> Any:
        return self._forms[WHOLE](*inputs)

    def _classifier(self) -> Classifier:
        """Where it comes apart. Raises `ModelError` if it has no classifier."""
        if self._ends is None:
            self._ends = classifier(self._classified)
        return self._ends

    def forward_features(self, *inputs: Tensor) -> Tensor:
        """The last map before it is pooled or flattened: N x `num_features` x height x width."""
        features = self._classifier().features.name
        result: Tensor = self._form(features, lambda: up_to(self.graph, [features]))(*inputs)
        return result

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """What follows `forward_features`; with `pre_logits` up to the classifier, N x `head_hidden_size`."""
        result: Tensor = self._form(("head", pre_logits), lambda: self._head(pre_logits))(features)
        return result

    def _head(self, pre_logits: bool) -> Graph:
        whole = without_classifier(self._classified) if pre_logits else self.graph
        return head(whole, self._classifier().features)

    def reset_classifier(self, num_classes: int) -> None:
        """Another classifier with initial weights; with 0 none, and the network gives what the last one read.

        Raises `ParameterError` for what is no number of classes, `ModelError` if the network has no classifier.
        """
        layer = self._classifier().layer
        graph = with_classes(self._classified, num_classes)
        whole = build(graph, seed=self.seed).to(next(self.parameters()))
        share_layers(whole, self._forms[WHOLE], but={in_state(layer.name)})
        if num_classes:
            self._classified, self._ends = graph, None
        self._hold(graph, whole)
        self._set_frozen(path for path in self._frozen if part_at(self, path) is not None)

    def get_classifier(self) -> nn.Module:
        """The layer that gives the classes; an identity if there is none."""
        found = part_at(self, self._classifier().layer.name)
        return nn.Identity() if found is None else found

    @property
    def num_classes(self) -> int:
        """0 without a classifier."""
        layer = self._classifier().layer
        return layer.shape[0] if layer.name in self.graph else 0

    @property
    def num_features(self) -> int:
        """The channels of `forward_features`."""
        return self._classifier().features.shape[0]

    @property
    def head_hidden_size(self) -> int:
        """The values that the classifier reads."""
        return without_classifier(self._classified).inference().output.shape[0]

    @property
    def feature_info(self) -> FeatureInfo:
        return FeatureInfo(feature_points(self._classified))

    @property
    def default_cfg(self) -> dict[str, Any]:
        return default_cfg(self.graph, self.preprocessing)


class FeatureNetwork(PartedModule):
    """The features of a network, as a list from the finest on; layers that none of them needs are gone."""

    def __init__(self, graph: Graph, whole: nn.Module, indices: Sequence[int] | None) -> None:
        features = chosen(feature_points(graph), indices, graph.name)
        pruned = up_to(graph, [each.node for each in features])
        module = outline(pruned)
        share_layers(module, whole)
        super().__init__(pruned, module)
        self.feature_info = FeatureInfo(features)

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        results = self._forms[WHOLE](*inputs)
        return [results] if isinstance(results, Tensor) else list(results)
