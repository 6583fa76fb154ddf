"""Foreign modules for tests: known ones under names that say nothing, and small ones with something odd about them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import torch
from torch import Tensor, fx, nn

from cnndsl.foreign.pytorch.whole_modules import ONE_LAYER


class Tracer(fx.Tracer):
    """Keeps layers whole that are read as one."""

    def is_leaf_module(self, module: nn.Module, path: str) -> bool:
        return type(module).__name__ in ONE_LAYER or super().is_leaf_module(module, path)


def scrambled(module: nn.Module, seed: int = 0) -> nn.Module:
    """The same computation with every part renamed, and its parts defined in another order."""
    random = Random(seed)
    traced = fx.GraphModule(module.eval(), Tracer().trace(module))
    targets = list(dict.fromkeys(n.target for n in traced.graph.nodes if n.op in ("call_module", "get_attr")))
    numbers = random.sample(range(10 * len(targets)), len(targets))
    names = {target: f"p{number}" for target, number in zip(targets, numbers, strict=True)}
    root = nn.Module()
    for target in random.sample(targets, len(targets)):
        value: object = traced
        for part in target.split("."):
            value = getattr(value, part)
        setattr(root, names[target], value)
    for node in traced.graph.nodes:
        node.meta.clear()  # which holds the old names
        node.target = names.get(node.target, node.target) if node.op in ("call_module", "get_attr") else node.target
    result = fx.GraphModule(root, traced.graph)
    for kept in (result._modules, result._parameters):
        items = list(kept.items())
        kept.clear()
        kept.update(random.sample(items, len(items)))
    return result.eval()


class Function(nn.Module):
    """Parts by name, and a function of them and the input."""

    def __init__(self, compute: Callable[[nn.Module, Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        self.compute = compute
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(self, x)


def conv_bn(channels: int, filters: int, kernel: int, **settings: object) -> nn.Sequential:
    conv = nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=False, **settings)  # type: ignore[arg-type]
    return nn.Sequential(conv, nn.BatchNorm2d(filters), nn.ReLU())


def paths(count: int) -> nn.Module:
    """A residual block of many equal paths, then a linear layer."""
    parts = {f"path{i}": nn.Sequential(conv_bn(8, 2, 1), nn.Conv2d(2, 8, 3, padding=1)) for i in range(count)}

    def compute(self: nn.Module, x: Tensor) -> Tensor:
        total = x + sum(getattr(self, name)(x) for name in parts)
        return self.head(torch.flatten(total.mean((2, 3)), 1))

    return Function(compute, **parts, head=nn.Linear(8, 4))
