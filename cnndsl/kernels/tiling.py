"""How long matrix products take in tiles: what their blocks multiply, read through the L2 cache, and store.

Device memory alone is no ceiling of an implicit GEMM: every tile reads its operands again, for every tap, and the L2
cache gives them at a rate of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.kernels.targets import Target
from cnndsl.kernels.work import ceil_div

LATENCY = 250e-9  # seconds from asking the L2 cache to an answer
RESIDENT = 4  # blocks of which a multiprocessor has registers for, at most
PART = 4  # bytes of an element of a part of a split sum


@dataclass(frozen=True)
class Tiling:
    """One launch in blocks, all alike.

    flops   operations of a block, those beyond the edges of the result among them
    reads   bytes of operands that it reads through the L2 cache
    stores  bytes of its result
    shared  bytes of shared memory that it holds
    waits   loads that it waits for, one after the other: its steps over those in flight at once
    parts   bytes of parts of split sums that it writes, and reads again as the last block of a tile
    boxes   whether the tensor memory accelerator fetches the operands, and not the threads that multiply
    rate    operations in the time of one in half precision
    """

    blocks: int
    flops: float
    reads: float
    stores: float
    shared: int
    waits: float
    parts: int = 0
    boxes: bool = False
    rate: int = 1

    @property
    def operands(self) -> int:
        """Bytes that all blocks read through the L2 cache."""
        return round(self.blocks * self.reads)

    @property
    def products(self) -> int:
        """Operations of all blocks."""
        return round(self.blocks * self.flops)

    def seconds(self, target: Target) -> float:
        """Whole waves of blocks, on a GPU whose multiprocessors share arithmetic, L2 cache and memory evenly.

        Products and reads overlap in a pipeline. A block that waits or stores its tile multiplies nothing: only the
        others that fit beside it on the multiprocessor hide that.
        """
        share = 1.0 if self.boxes else target.fetching
        steady = max(self.flops / self.rate / target.flops, self.reads / target.l2) / share
        waves, beside = ceil_div(self.blocks, target.units), max(1, target.shared // self.shared)
        latency = self.waits * LATENCY * ceil_div(waves, min(beside, RESIDENT))
        finish = self.parts / target.l2 + self.stores / target.bandwidth / beside
        return max(target.units * waves * steady, latency) + target.units * waves * finish


def product(
    rows: int,
    columns: int,
    depth: float,
    *,
    blocks: int,
    size: int,
    shared: int,
    waits: float,
    parts: int = 1,
    boxes: bool = False,
    stored: int | None = None,
) -> Tiling:
    """One product, where a block makes a tile of `rows` x `columns` of sums over `depth` of values of `size` bytes.

    depth   as long as on average, where some columns leave zeros out
    blocks  of the whole launch, `parts` of a sum counted apart
    stored  bytes of a result, if others
    """
    tile = rows * columns
    reads, through = (rows + columns) * depth * size, tile * PART * (1 + parts) if parts > 1 else 0
    stores = tile * (size if stored is None else stored)
    return Tiling(blocks, 2 * tile * depth, reads, stores, shared, waits, through, boxes, 2 if size == 1 else 1)
