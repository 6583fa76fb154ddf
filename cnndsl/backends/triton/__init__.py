"""The Triton backend: a graph as a plan of fused kernels, and that plan as a module for inference on a GPU.

A plan needs neither Triton nor torch to be made and printed; running and building it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.extras import missing, require
from cnndsl.ir.graph import Graph
from cnndsl.passes.notes import Notes

if TYPE_CHECKING:
    import torch

    from cnndsl.backends.triton.calibration import Calibration
    from cnndsl.backends.triton.module import TritonModule
    from cnndsl.backends.triton.plan import Plan


def compile_graph(graph: Graph, *, seed: int = 0, **settings: Any) -> TritonModule:
    """The network in Triton kernels as a module on the CPU, with weights drawn from `seed`; see `TritonModule`.

    Raises `MissingExtra` if PyTorch or Triton is not installed.
    """
    require("torch", "triton", extra="triton")
    from cnndsl.backends.triton.module import compile_graph

    return compile_graph(graph, seed=seed, **settings)


def make_plan(
    graph: Graph,
    target: str | None = None,
    *,
    batch: int = 1,
    precision: str = "fp16",
    strict: bool = False,
    notes: Notes | None = None,
) -> Plan:
    """The plan of a network, for a GPU by its name or the one that is here.

    Raises `StrictError` if no kernel serves a layer of a strict plan, and what `lower` raises;
    ValueError for an unknown target.
    """
    from cnndsl.backends.triton.building import Choose, suggested
    from cnndsl.backends.triton.lower import lower, require_kernels, rewritten
    from cnndsl.kernels.targets import TARGETS, target_of

    if target is not None and target not in TARGETS:
        raise ValueError(f"there is no target {target!r}; there are {', '.join(TARGETS)}")
    here = None if target else _device()
    lowered = rewritten(graph, notes, precision=precision)
    chosen = TARGETS[target] if target else target_of(here)
    choose: Choose = suggested
    if here is not None:
        from cnndsl.backends.triton.module import known_choices

        choose = known_choices(here, strict=strict)
    plan = lower(lowered, chosen, batch=batch, precision=precision, choose=choose, notes=notes)
    if strict:
        require_kernels(plan, lowered)
    return plan


def _device() -> torch.device | None:
    """The GPU that is here; none without PyTorch and Triton, which alone can find and measure one."""
    if missing("torch", "triton"):
        return None
    import torch

    return torch.device("cuda") if torch.cuda.is_available() else None


def explain_plan(graph: Graph, target: str | None = None, *, batch: int = 1, precision: str = "fp16") -> str:
    """What became of every line of a network: the kernel that computes it, and why it was not fused further."""
    from cnndsl.passes.explain import explain

    notes = Notes()
    plan = make_plan(graph, target, batch=batch, precision=precision, notes=notes)
    from cnndsl.backends.triton.lower import rewritten

    # Of the launches of a layer the first is the one to name: a split sum is finished by another.
    kernels = {name: launch.kernel for launch in reversed(plan.launches) for name in launch.nodes}
    return explain(graph, rewritten(graph, precision=precision), notes, kernels)


def write(
    graph: Graph,
    directory: Path,
    target: str | None = None,
    *,
    seed: int = 0,
    batch: int = 1,
    precision: str = "fp16",
    state: Mapping[str, torch.Tensor] | None = None,
    calibration: Calibration | None = None,
) -> list[Path]:
    """Write a plan and packed weights into a folder, with a target also its kernels; gives the paths.

    Raises `OutputError`, with a target `BuildError`, and `MissingExtra` if PyTorch or Triton is not installed.
    """
    require("torch", "triton", extra="triton")
    from cnndsl.backends.triton.calibration import pictures_of

    pictures = pictures_of(graph, precision, calibration)
    plan = make_plan(graph, target, batch=batch, precision=precision)
    if target is not None:
        from cnndsl.backends.triton.ahead import write_ahead

        return write_ahead(graph, plan, directory, seed=seed, state=state, pictures=pictures)
    from cnndsl.backends.triton.output import write_plan

    return write_plan(graph, plan, directory, seed=seed, state=state, pictures=pictures)
