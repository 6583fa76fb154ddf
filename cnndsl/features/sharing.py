"""A second module with the weights of a first one: not copies of its layers, but these layers themselves.

So what is trained, moved, frozen or loaded in one of them is so in the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from torch import nn


def share_layers(module: nn.Module, origin: nn.Module, but: Collection[str] = ()) -> None:
    """Put the layers of `origin` in the places of those of `module` that are called alike, `but` for some names."""
    known = {name: layer for name, layer in _named_layers(origin) if name not in but}
    names = {layer: name for name, layer in _named_layers(module)}
    for parent in list(module.modules()):
        for part, layer in parent._modules.items():
            if layer in names:
                parent._modules[part] = known.get(names[layer], layer)


def _named_layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The innermost modules by their names in the state dict, or those that have nothing there by their paths."""
    keys = {id(tensor): key for key, tensor in module.state_dict(keep_vars=True).items()}
    for path, layer in module.named_modules():
        if not layer._modules:
            tensors = [*layer._parameters.values(), *layer._buffers.values()]
            kept = next((keys[id(tensor)] for tensor in tensors if id(tensor) in keys), None)
            yield path if kept is None else kept.rpartition(".")[0], layer
