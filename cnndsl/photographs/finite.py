"""What a network makes of photographs is worth nothing if it is not finite: no class is more probable than another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor


def require_finite(values: Tensor, photos: Sequence[str | Path]) -> None:
    """Raise `WeightsError` with the first photograph whose row of `values` is not finite."""
    wrong = (~values.isfinite()).flatten(1).any(1).tolist()
    if any(wrong):
        raise WeightsError(f"these weights make values of {photos[wrong.index(True)]} that are not finite")
