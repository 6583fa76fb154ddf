"""Whether a module still is what it was: the same layers, with the same weights in them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from operator import attrgetter, is_
from typing import Any

from torch import Tensor, nn

_VERSION = attrgetter("_version")
_END = (object(),)


class Seen:
    """A module as it is now. Every call of a frozen one asks whether that has changed.

    It asks with caches that the network has emptied, so what it asks loops in C over few things.
    """

    def __init__(self, module: nn.Module) -> None:
        held = (each for part in module.modules() for each in (part._parameters, part._buffers, part._modules))
        self.holders: list[dict[str, Any]] = [each for each in held if each]
        self.values = list(self._values())
        self.tensors = [each for each in self.values if isinstance(each, Tensor)]
        # Tensors that were made in `torch.inference_mode` do not count what is written to them.
        self.counted = not any(map(Tensor.is_inference, self.tensors))
        self.addresses, self.versions = self._addresses(), self._versions()

    def unchanged(self) -> bool:
        """No layer and no weight was replaced, moved or cast, and no weight that is `counted` was written to."""
        return (
            all(map(is_, self._values(), self.values))
            and self._addresses() == self.addresses
            and self._versions() == self.versions
        )

    def _values(self) -> Iterable[Any]:
        """With an end, which no value that was added can be taken for."""
        return chain(chain.from_iterable(map(dict.values, self.holders)), _END)

    def _addresses(self) -> list[int]:
        return list(map(Tensor.data_ptr, self.tensors))

    def _versions(self) -> list[int]:
        return list(map(_VERSION, self.tensors)) if self.counted else []
