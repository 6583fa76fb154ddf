"""A network made for inference on a CPU: rewritten by passes, generated as source, its weights by recipes.

The module is that of the generated source, like the plain one. It takes state dicts of the network as it was written
and derives its own weights from them, so that training and inference share their checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.backends.torch.loading import build, instantiate, plain_defaults
from cnndsl.backends.torch.output import run_once
from cnndsl.backends.torch.source import generate_source
from cnndsl.extras import require
from cnndsl.files import text_writer, write_together
from cnndsl.ir.graph import Graph
from cnndsl.ir.recipe import Recipe, originals
from cnndsl.ops.base import Shape, show_shape
from cnndsl.passes.notes import Notes
from cnndsl.passes.pipeline import CPU_PIPELINE, run
from cnndsl.states import expected_shapes, save_weights
from cnndsl.states.recipes import derive, evaluate, graph_recipes

if TYPE_CHECKING:
    from torch import Tensor, nn


def optimized_graph(graph: Graph, notes: Notes | None = None) -> Graph:
    """The graph that runs: rewritten for inference on a CPU. Needs no torch."""
    return run(graph, CPU_PIPELINE, notes=notes)


def optimize(graph: Graph, *, seed: int = 0, freeze: bool = False) -> nn.Module:
    """The network as a PyTorch module for inference on a CPU, in eval mode, with the weights that `build` would draw.

    It computes what the plain module computes in eval mode, to rounding. `load_state_dict` takes the plain module's
    state dict (or its own); gradients do not flow into its weights. With `freeze` it is compiled for each shape of
    its input when that comes first. Raises `MissingExtra` if PyTorch is not installed.
    """
    require("torch", extra="torch")
    import torch

    rewritten = optimized_graph(graph)
    with torch.inference_mode(False):  # else nothing could tell that a weight has changed
        module = instantiate(generate_source(rewritten), seed)
        accept_originals(module, graph, rewritten)
        module.load_state_dict(build(graph, seed=seed).state_dict())
    module.eval().requires_grad_(False)
    if freeze:
        from cnndsl.backends.torch.frozen import Frozen

        module.forward = Frozen(module, rewritten).forward
    return module


def explain_frozen(module: nn.Module) -> str:
    """What a module of `optimize(freeze=True)` runs for each shape that it has met, and what it was measured beside."""
    from cnndsl.backends.torch.frozen import Frozen

    frozen = getattr(module.forward, "__self__", None)
    if not isinstance(frozen, Frozen):
        raise ValueError("this module is not frozen: it does not come from optimize(freeze=True)")
    return "\n".join(frozen.reports) or "nothing is frozen yet"


def write_optimized(
    graph: Graph, directory: Path, *, seed: int = 0, state: Mapping[str, Tensor] | None = None
) -> list[Path]:
    """Write the optimised network's source and its own weights, derived from `state`, or drawn; gives the paths.

    Raises `OutputError`, and `RunError`.
    """
    require("torch", "safetensors", extra="torch")
    rewritten = optimized_graph(graph)
    source = generate_source(rewritten)
    with plain_defaults():
        derived = derive(rewritten, build(graph, seed=seed).state_dict() if state is None else state)
        module = instantiate(source, seed)
        module.load_state_dict(derived)
        run_once(module, rewritten)
    return write_together(
        directory,
        {
            f"{source.builder}.py": text_writer(source.text),
            f"{source.builder}.safetensors": lambda path: save_weights(derived, path, source.name),
        },
    )


def accept_originals(module: nn.Module, graph: Graph, rewritten: Graph) -> None:
    """Let `module`, built from `rewritten`, load state dicts of `graph`."""
    hook = FromOriginals(graph_recipes(rewritten), expected_shapes(graph))
    hooks: Any = module._load_state_dict_pre_hooks
    handle: Any = module.register_load_state_dict_pre_hook(hook)  # type: ignore[no-untyped-call]
    # Before the hook that gives parts other names: recipes know them by those in the graph.
    hooks.move_to_end(handle.id, last=False)


@dataclass(frozen=True)
class FromOriginals:
    """Replaces original weights in a state dict by those that follow from them, when it is loaded.

    recipes  the module's own tensors, by name
    shapes   those of all original tensors
    """

    recipes: Mapping[str, Recipe]
    shapes: Mapping[str, Shape]

    def __call__(
        self,
        module: nn.Module,
        state: dict[str, Tensor],
        prefix: str,
        metadata: Mapping[str, Any],
        strict: bool,
        missing: list[str],
        unexpected: list[str],
        errors: list[str],
    ) -> None:
        given = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if given.keys() == self.recipes.keys():  # its own
            return
        fitting = {name: value for name, value in given.items() if self.shapes.get(name) == tuple(value.shape)}
        errors.extend(self._misfits(given))
        for name in self.shapes:
            state.pop(prefix + name, None)
        kept = module.state_dict() if len(fitting) < len(self.shapes) else {}
        for name, recipe in self.recipes.items():
            absent = [source for source in originals(recipe) if source not in fitting]
            lost = (prefix + source for source in absent if source not in given)
            missing.extend(source for source in lost if source not in missing)
            # What cannot be derived keeps its value, and why is said already.
            state[prefix + name] = kept[name] if absent else evaluate(recipe, fitting)

    def _misfits(self, given: Mapping[str, Tensor]) -> list[str]:
        return [
            f"{name} is {show_shape(tuple(value.shape))}, not {show_shape(self.shapes[name])}"
            for name, value in given.items()
            if name in self.shapes and self.shapes[name] != tuple(value.shape)
        ]
