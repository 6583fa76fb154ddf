"""What every kernel's problem is counted by: bytes and operations, and whole tiles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Products = Literal["tf32", "ieee"]  # of float32: rounded to TF32 first, or exact

LAUNCH = 1.5e-6  # seconds that one more launch costs in a CUDA graph


@dataclass(frozen=True)
class Work:
    """What a launch must do at least: bytes read and written once each, and operations.

    eights  those of the operations that are on 8 bits, of which matrix instructions do twice as many at a time
    """

    bytes: int
    flops: int
    eights: int = field(default=0, repr=False)

    @property
    def halves(self) -> float:
        """As many operations in half precision as take the same time."""
        return self.flops - self.eights / 2


def ceil_div(n: int, size: int) -> int:
    return -(-n // size)


def power_of_two(n: int) -> int:
    """The least power of two that is not below `n`."""
    return 1 << max(n - 1, 0).bit_length()
