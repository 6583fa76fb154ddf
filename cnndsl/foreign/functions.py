"""Layers that work on single numbers, as functions: the registry says which there are, PyTorch what they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any

from cnndsl.ops.activation import Identity
from cnndsl.ops.arguments import Choice
from cnndsl.ops.base import Op, TorchModule, all_layers

if TYPE_CHECKING:
    from torch import Tensor


@cache
def plain_functions() -> tuple[Op, ...]:
    """Those of cnndsl that need no arguments, in every choice that they offer; `identity`, which is none, left out."""
    own = [cls for cls in all_layers().values() if cls.__module__.startswith("cnndsl.") and cls.pointwise is True]
    return tuple(op for cls in own if cls is not Identity for op in _choices(cls))


def _choices(cls: type[Op]) -> Iterator[Op]:
    offered = {each.name: each.kind.choices for each in cls.signature() if isinstance(each.kind, Choice)}
    for chosen in product(*offered.values()):
        yield cls(**dict(zip(offered, chosen, strict=True)))


def applied(op: Op, x: Tensor) -> Tensor:
    """What a layer gives for single numbers, in their precision."""
    result: Tensor = _function(op)(x.clone())  # some work in place
    return result


def _function(op: Op) -> Callable[[Any], Any]:
    import torch
    from torch import nn
    from torch.nn import functional

    spelled = op.torch((1,))
    if isinstance(spelled, TorchModule):
        kwargs = {name: value for name, (value, _) in spelled.kwargs.items()}
        module: Callable[[Any], Any] = getattr(nn, spelled.callee.removeprefix("nn."))(*spelled.args, **kwargs)
        return module
    text = spelled.text("x")
    return lambda x: eval(text, {"F": functional, "torch": torch, "x": x})  # our own words alone, nobody's file
