"""The written plan: `plan.json`, and the weights that its kernels read, `weights.safetensors`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.backends.torch import build
from cnndsl.backends.torch.loading import plain_defaults
from cnndsl.backends.triton.calibration import Pictures, with_ranges
from cnndsl.backends.triton.packed import pack_weights
from cnndsl.backends.triton.plan import Plan
from cnndsl.backends.triton.stored import save_plan
from cnndsl.extras import require
from cnndsl.files import write_together
from cnndsl.ir.graph import Graph
from cnndsl.states import save_weights

if TYPE_CHECKING:
    from torch import Tensor


def write_plan(
    graph: Graph,
    plan: Plan,
    directory: Path,
    *,
    seed: int = 0,
    state: Mapping[str, Tensor] | None = None,
    pictures: Pictures | None = None,
) -> list[Path]:
    """Write a plan of `graph` and packed weights, `state` or drawn from `seed`; gives the paths.

    Raises `OutputError`.
    """
    require("torch", "safetensors", extra="torch")
    with plain_defaults():
        given = build(graph, seed=seed).state_dict() if state is None else state
        weights = pack_weights(plan, with_ranges(graph, plan, given, pictures))
    return write_together(
        directory,
        {
            "plan.json": lambda path: save_plan(plan, path),
            "weights.safetensors": lambda path: save_weights(weights, path, graph.name),
        },
    )
