"""Programmatic dependent launch: a kernel begins while the launch in front of it ends (CUDA programming guide, 4.5).

Every kernel of ours waits before it touches any tensor, until that launch is over and all that it wrote can be seen.
As that one waited in its turn, all before it are over too: whoever wrote what a kernel reads, it is there, and whoever
read what it writes has read it. While it waits, weights may come to the L2 cache, which is no access: what is written
to them meanwhile is seen afterwards.
"""

from __future__ import annotations

from math import prod

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from cnndsl.kernels.precision import SIZES, Dtype
from cnndsl.kernels.work import ceil_div, power_of_two

LINE = 128  # bytes of the L2 cache
MOST = 1024  # lines that a block asks for: with one on each multiprocessor, a third of an H200's L2 cache


@triton.jit
def wait_for_tensors(EARLY: tl.constexpr):
    """Let the next launch begin, and wait for the one before."""
    if EARLY:
        gdc_launch_dependents()
        gdc_wait()


@triton.jit
def wait_with_weights(w, WEIGHTS: tl.constexpr, LINES: tl.constexpr, EARLY: tl.constexpr):
    """The same; meanwhile all blocks together ask for the weights, each for so many lines of them."""
    if EARLY:
        gdc_launch_dependents()
        STEP: tl.constexpr = 128 * 8 // w.dtype.element_ty.primitive_bitwidth  # numbers of a line
        block = (tl.program_id(2) * tl.num_programs(1) + tl.program_id(1)) * tl.num_programs(0) + tl.program_id(0)
        at = tl.minimum((block * LINES + tl.arange(0, LINES)) * STEP, WEIGHTS - 1)
        tl.inline_asm_elementwise(
            "prefetch.global.L2 [$1]; mov.u32 $0, 0;", "=r,l", [w + at], dtype=tl.int32, is_pure=False, pack=1
        )
        gdc_wait()


def lines(weights: int, dtype: Dtype, grid: tuple[int, int, int]) -> int:
    """Of so many weights, how many each block asks for."""
    return min(MOST, power_of_two(ceil_div(ceil_div(weights * SIZES[dtype], LINE), prod(grid))))
