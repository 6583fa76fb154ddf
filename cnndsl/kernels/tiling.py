"""How long a matrix product takes in tiles: what its blocks multiply, read through the L2 cache, and store.

Device memory alone is no ceiling of an implicit GEMM: every tile reads its operands again, for every tap, and the L2
cache gives them at a rate of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import ceil_div

LATENCY = 250e-9  # seconds from asking the L2 cache to an answer
PART = 4  # bytes of an element of a part of a split sum


@dataclass(frozen=True)
class Tiling:
    """One launch in blocks, each a tile of `rows` x `columns` and sums over `depth` of values of `size` bytes.

    depth   as long as on average, where some columns leave zeros out
    blocks  of the whole launch, parts of a sum counted apart
    shared  bytes of shared memory that one block holds
    waits   loads that a block waits for, one after the other: its steps over those in flight at once
    parts   of each sum: every one is written, and the last block of a tile reads them all
    boxes   whether the tensor memory accelerator fetches the operands, and not the threads that multiply
    """

    rows: int
    columns: int
    depth: float
    blocks: int
    size: int
    shared: int
    waits: float
    parts: int = 1
    boxes: bool = False

    @property
    def operands(self) -> int:
        """Bytes that all blocks read through the L2 cache."""
        return round(self.blocks * (self.rows + self.columns) * self.depth * self.size)

    @property
    def products(self) -> int:
        """Operations of all blocks, those beyond the edges of the result among them."""
        return round(2 * self.blocks * self.rows * self.columns * self.depth)

    def seconds(self, target: Target) -> float:
        """Whole waves of blocks, on a GPU whose multiprocessors share arithmetic, L2 cache and memory evenly.

        Products and reads overlap in a pipeline. A block that stores its tile multiplies nothing: only the others that
        fit beside it on the multiprocessor hide that.
        """
        share = 1.0 if self.boxes else target.fetching
        products = 2 * self.rows * self.columns * self.depth / (target.flops * share)
        reads = (self.rows + self.columns) * self.depth * self.size / (target.l2 * share)
        stores = self.rows * self.columns * self.size / target.bandwidth
        slowest = max(products, reads, self.waits * LATENCY / target.units)
        beside = max(1, target.shared // self.shared)
        finish = self.rows * self.columns * PART * (1 + self.parts) / target.l2 if self.parts > 1 else 0.0
        waves = ceil_div(self.blocks, target.units)
        return target.units * waves * (slowest + finish + stores / beside)
