"""How fast the L2 cache gives what it holds: every block reads a small stretch of memory again and again."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from campaign.machine import Machine, best_seconds

STRETCH = 8 * 2**20  # bytes, of which every GPU's L2 cache holds more
BLOCK = 8192  # numbers that a block reads at once


@triton.jit
def read_kernel(x, y, CHUNKS: tl.constexpr, ROUNDS: tl.constexpr, BLOCK: tl.constexpr):
    total = tl.zeros((BLOCK,), tl.float32)
    for step in range(ROUNDS):  # past the L1 cache, each block from another place on
        chunk = (tl.program_id(0) * 7 + step) % CHUNKS
        total += tl.load(x + chunk * BLOCK + tl.arange(0, BLOCK), cache_modifier=".cg")
    tl.store(y + tl.program_id(0), tl.sum(total, axis=0))


def cached_bandwidth(machine: Machine) -> float:
    """Bytes per second that all multiprocessors together read of it."""
    blocks, rounds, chunks = (2, 2, 2) if machine.dry else (8 * _units(machine), 256, STRETCH // 4 // BLOCK)
    x = torch.ones(chunks * BLOCK, device=machine.device)
    y = torch.empty(blocks, device=machine.device)

    def run() -> None:
        read_kernel[(blocks,)](x, y, chunks, rounds, BLOCK, num_warps=8)

    seconds = best_seconds(machine, run)
    _check(y, float(rounds * BLOCK))
    return 4 * blocks * rounds * BLOCK / seconds


def _units(machine: Machine) -> int:
    return int(torch.cuda.get_device_properties(machine.device).multi_processor_count)


def _check(y: Tensor, wanted: float) -> None:
    """Nothing was left out."""
    if not bool((y == wanted).all()):
        raise RuntimeError(f"blocks read {y.min().item():g} to {y.max().item():g} ones, not {wanted:g}")
