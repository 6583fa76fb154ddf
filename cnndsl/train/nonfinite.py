"""Which layer made a value that is not finite: first its weights are looked at, then what it puts out for the batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from cnndsl.ir.graph import Graph


def not_finite(graph: Graph, module: nn.Module, run: Callable[[], object], pixels: Tensor) -> str:
    """Where the first one is, in words with the layer's line; `run` computes the loss of the batch again."""
    if not _finite(pixels):
        return "the pictures themselves have values that are not finite"
    for name, parameter in module.named_parameters():
        if not _finite(parameter):
            layer, _, tensor = name.rpartition(".")
            return f"the {tensor} of {_placed(graph, layer)} is not finite; the step before was too large"
    return _by_results(graph, module, run)


def _by_results(graph: Graph, module: nn.Module, run: Callable[[], object]) -> str:
    """Run once more, with an eye on every layer."""
    found: list[str] = []
    hooks = [
        layer.register_forward_hook(_eye(graph, path, found))
        for path, layer in module.named_modules()
        if path and not layer._modules
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else "every layer's result is finite, and the loss of them is not"


def _eye(graph: Graph, path: str, found: list[str]) -> Callable[[nn.Module, object, object], None]:
    def look(layer: nn.Module, given: object, result: object) -> None:
        if found or _all_finite(result):
            return
        what = "puts out" if _all_finite(given) else "is given"
        found.append(f"{_placed(graph, path)} {what} values that are not finite")

    return look


def _all_finite(value: object) -> bool:
    return all(_finite(each) for each in tree_leaves(value) if isinstance(each, Tensor))


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())


def _placed(graph: Graph, path: str) -> str:
    """The layer, and where it is written."""
    node = next((node for node in graph if node.key("") == f"{path}."), None)
    if node is None:
        return path
    return f"{node.name} ({node.span.source.name}:{node.span.line})"
