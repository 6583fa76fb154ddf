"""In which numbers a network of others is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Precision:
    """The name of PyTorch's numbers, and how large a relative error their rounding can be the reason of.

    In float64, sums in another order differ by about 1e-15; the smallest real difference, an `eps`, by far more than
    its limit.
    """

    name: str
    limit: float

    @property
    def dtype(self) -> torch.dtype:
        import torch

        found: torch.dtype = getattr(torch, self.name)
        return found

    def of(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [each.to(self.dtype) for each in tensors]

    @contextmanager
    def usual(self) -> Iterator[None]:
        """The block makes its own tensors in these numbers, where it does not say in which."""
        import torch

        before = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


EXACT = Precision("float64", 1e-9)
SINGLE = Precision("float32", 1e-4)
HALF = Precision("float16", 2e-2)
