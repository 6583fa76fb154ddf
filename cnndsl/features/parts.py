"""A module that computes several things with the layers of one network, and of which parts can be frozen.

The layers are those of the generated module, under their own names. What computes something else than the whole, such
as a tensor on the way, is generated from another graph over the same layers when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self

from torch import Tensor, nn

from cnndsl.backends.torch import names, outline
from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.diagnostics.wording import few
from cnndsl.errors import ParameterError
from cnndsl.features.forms import parts_of, tensor_at, up_to
from cnndsl.features.sharing import share_layers
from cnndsl.ir.graph import Graph
from cnndsl.ir.scopes import in_state

WHOLE = "whole"


class PartedModule(nn.Module):
    """The layers of a network, whose biases are settled, and what is computed with them."""

    def __init__(self, graph: Graph, whole: nn.Module) -> None:
        super().__init__()
        self._frozen: tuple[str, ...] = ()
        self._hold(graph, whole)

    def _hold(self, graph: Graph, whole: nn.Module) -> None:
        """Be made of the parts of `whole`, which computes `graph`."""
        self.graph = graph
        self._forms: dict[object, nn.Module] = {WHOLE: whole}
        self._modules.clear()
        for name, part in whole.named_children():
            self.add_module(name, part)
        self.train(self.training)

    def _form(self, key: object, make: Callable[[], Graph]) -> nn.Module:
        """What computes another graph with these layers."""
        if key not in self._forms:
            form = outline(make())
            share_layers(form, self._forms[WHOLE])
            self._forms[key] = form
            self.train(self.training)
        return self._forms[key]

    def taps(self, *given: Tensor | str) -> dict[str, Tensor]:
        """The results of parts by their paths, as in `taps(x, "stage3", "stage4.bottleneck1.conv2")`.

        `given` are the network's inputs and then paths. What no path needs is not computed. Raises `ParameterError`
        for what is no part, or gives several tensors.
        """
        inputs = [each for each in given if not isinstance(each, str)]
        paths = [each for each in given if isinstance(each, str)]
        if not paths:
            raise ParameterError('taps takes an input and paths, as in taps(x, "stage1")')
        nodes = {path: tensor_at(self.graph, path) for path in paths}
        wanted = tuple(dict.fromkeys(nodes.values()))
        results = self._form(wanted, lambda: up_to(self.graph, wanted))(*inputs)
        tensors = dict(zip(wanted, [results] if isinstance(results, Tensor) else results, strict=True))
        return {path: tensors[node] for path, node in nodes.items()}

    def freeze(self, *paths: str) -> None:
        """Let parts stay as they are, all of them if none is named: no gradients, and eval mode whatever `train` says.

        So batch norms keep their statistics, and nothing is dropped. Raises `ParameterError` for what has no layers.
        """
        for path in paths:
            self._require_part(path)
        self._set_frozen((*self._frozen, *(paths or ("",))))

    def unfreeze(self, *paths: str) -> None:
        """Let parts that were frozen change again, all of them if none is named. Raises `ParameterError` for others."""
        for path in paths:
            if path not in self._frozen:
                raise ParameterError(f"{path} was not frozen; frozen are: {few(self._frozen) or 'no parts'}")
        self._set_frozen(path for path in self._frozen if paths and path not in paths)

    def _set_frozen(self, paths: Iterable[str]) -> None:
        for path in self._frozen:
            if (part := part_at(self, path)) is not None:  # a classifier may be gone
                part.requires_grad_(True)
        self._frozen = tuple(dict.fromkeys(paths))
        for path in self._frozen:
            self._require_part(path).requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As of any module, but what is frozen stays in eval mode."""
        super().train(mode)
        modules: list[nn.Module] = [self, *self._forms.values()]
        for module in self._forms.values():
            module.train(mode)
        for part in (part_at(module, path) for path in self._frozen for module in modules):
            if part is not None:
                nn.Module.train(part, False)
        return self

    def _require_part(self, path: str) -> nn.Module:
        part = part_at(self, path)
        if part is None:
            known = parts_of(self.graph)
            hint = "it has no layers" if path in known else did_you_mean(path, known, f"it has {few(known)}")
            raise ParameterError(f"no part {path} of {self.graph.name} can be frozen; {hint}")
        return part


def part_at(module: nn.Module, path: str) -> nn.Module | None:
    """The module that computes the part at a path of the graph, itself for "" and None where nothing needs one."""
    found: nn.Module | None = module
    for name in in_state(path).split(".") if path else ():
        parts = found._modules if found is not None else {}
        found = parts.get(name, parts.get(names.attribute(name)))
    return found
