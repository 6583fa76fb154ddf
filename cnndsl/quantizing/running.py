"""Both networks in the engine that they are for: as modules that are evaluated, and side by side in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cnndsl.backends.torch import engines
from cnndsl.benching.figures import ratio, spread
from cnndsl.benching.setting import Pace
from cnndsl.benching.timing import in_turns, warm_up
from cnndsl.quantizing.form import Speed, To

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES: dict[To, str] = {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}


class Engine(nn.Module):
    """What an engine runs, as a module."""

    def __init__(self, to: To, model: bytes, weights: bytes = b"") -> None:
        super().__init__()
        self.run = engines.onnxruntime(model) if to == "onnx" else engines.openvino(model, weights=weights)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        return self.run(pictures)


def speed(to: To, exact: Engine, int8: Engine, shape: Sequence[int]) -> Speed:
    """Of one picture of that shape at a time."""
    picture = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
    runs = {"exact": lambda: exact(picture), "int8": lambda: int8(picture)}
    for run in runs.values():
        warm_up(run)
    seconds = in_turns(runs, Pace())
    return Speed(
        engine=NAMES[to],
        threads=torch.get_num_threads(),
        rounds=len(seconds["int8"]),
        exact=spread(seconds["exact"]),
        int8=spread(seconds["int8"]),
        ratio=ratio(seconds["exact"], seconds["int8"]),
    )
