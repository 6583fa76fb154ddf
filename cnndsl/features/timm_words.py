"""What timm tells of its models, told of ours: `feature_info` and `default_cfg`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnndsl.errors import ModelError
from cnndsl.features.points import Feature
from cnndsl.features.trunk import classifier
from cnndsl.ir.graph import Graph
from cnndsl.photographs.preprocessing import Preprocessing


@dataclass(frozen=True)
class FeatureInfo(Sequence[dict[str, Any]]):
    """The features of a network, from the finest on; an item is a dict with timm's keys."""

    features: tuple[Feature, ...]

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: Any) -> Any:
        items = [
            {"num_chs": each.channels, "reduction": each.reduction, "module": each.module} for each in self.features
        ]
        return items[index]

    def channels(self) -> list[int]:
        return [each.channels for each in self.features]

    def reduction(self) -> list[int]:
        """How many pixels of the input lie between two of a feature."""
        return [each.reduction for each in self.features]

    def module_name(self) -> list[str]:
        """The path of the largest part that each is the result of."""
        return [each.module for each in self.features]


def default_cfg(graph: Graph, preprocessing: Preprocessing | None) -> dict[str, Any]:
    """The network in timm's keys; how photographs are prepared is among them where it is known.

    `mean` and `std` are of values from 0 to 1, as timm has them.
    """
    found: dict[str, Any] = {
        "architecture": graph.name,
        "input_size": graph.inputs[0].shape,
        "first_conv": next((node.name for node in graph if node.op.weighted), None),
    }
    try:
        layer = classifier(graph).layer
    except ModelError:
        pass
    else:
        found |= {"num_classes": layer.shape[0], "classifier": layer.name}
    return found if preprocessing is None else found | _prepared(preprocessing)


def _prepared(how: Preprocessing) -> dict[str, Any]:
    mean, std = (tuple(round(value / (255 * how.scale), 6) for value in values) for values in (how.mean, how.std))
    return {
        "interpolation": how.interpolation,
        "crop_pct": how.crop / how.resize,
        "mean": mean,
        "std": std,
        "channels": how.channels,
    }
