"""Every kernel configuration that ships, each on a typical problem, with what must hold of it once compiled.

The tests compile them all ahead of time, and `docs/kernels.md` is the table of what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from cnndsl.kernels import across, chain, conv1x1_pre, conv_gemm, conv_grouped, conv_tma, move, pack, pointwise, pool
from cnndsl.kernels.aot import ALIGNMENT, Compiled
from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.targets import Target
from cnndsl.ops.activation import Softmax
from cnndsl.ops.normalization import Lrn

DTYPE_ORDER: tuple[Dtype, ...] = ("fp16", "bf16", "fp32")
RELU = "tl.where(x < 0.0, 0.0, x)"
ONE = (1, 1, 1, 1)
COPYING = ("conv_gemm", "conv_grouped")  # whose operands all go to shared memory, in whole vectors


@dataclass(frozen=True, eq=False)
class Entry:
    """A shipped kernel: `rows` is the height of its matrix products (0: it has none)."""

    kernel: str
    label: str
    dtype: Dtype
    specialization: Specialization
    rows: int = 0

    def faults(self, compiled: Compiled) -> list[str]:
        """What is wrong with it: nothing, if it may ship."""
        target, found = compiled.target, []
        if compiled.spills:
            found.append(f"spills ({compiled.spills} instructions)")
        if compiled.shared > target.shared:
            found.append(f"needs {compiled.shared} bytes of shared memory, {target.name} has {target.shared}")
        if compiled.matrix != self.instruction(target):
            found.append(f"uses {compiled.matrix or 'no matrix instruction'}, not {self.instruction(target)}")
        if compiled.widest < ALIGNMENT:
            found.append(f"moves at most {compiled.widest} bytes at once")
        if self.kernel in COPYING and 0 < compiled.narrowest_copy < ALIGNMENT:
            found.append(f"copies {compiled.narrowest_copy} bytes at once to shared memory")
        if self.kernel == "conv_tma" and not compiled.boxes:
            found.append("does not use the tensor memory accelerator")
        return found

    def instruction(self, target: Target) -> str:
        """The matrix instruction it should use; Hopper's takes 64 rows."""
        if not self.rows:
            return ""
        if not target.nvidia:
            return "mfma"
        return "wgmma" if target.name == "sm_90" and self.rows >= 64 else "mma"


def _label(config: Any) -> str:
    return f"{config.block_m}x{config.block_n}x{config.block_k}, {config.warps} warps"


def _conv_gemm(target: Target, dtype: Dtype) -> Iterator[Entry]:
    shape = (dtype, 8, 28, 28, 128, 256, 128, 512)
    usual = conv_gemm.Problem(*shape, (3, 3), sides=ONE, tail=("x + other", RELU), residual_leading=256)
    for config in conv_gemm.configurations(target, dtype):
        yield Entry("conv_gemm", _label(config), dtype, conv_gemm.specialize(usual, config), config.block_m)
    config = conv_gemm.configurations(target, dtype)[3]
    second = conv_gemm.Second(56, 56, 256, 256, (2, 2))
    stem = conv_gemm.Problem(dtype, 8, 224, 224, 8, 64, 8, 64, (7, 7), (2, 2), (3, 3, 3, 3), tail=(RELU,))
    variants = {
        "stem 7x7 of 8 channels": stem,
        "96 channels": conv_gemm.Problem(dtype, 8, 28, 28, 96, 96, 96, 96, (3, 3), sides=ONE),
        "two outputs": conv_gemm.Problem(*shape, tail=(RELU,), split_at=64, y2_leading=192),
        "two sources": conv_gemm.Problem(*shape, tail=(RELU,), second=second),
        "expansions": conv_gemm.Problem(*shape, (3, 3), sides=ONE, tail=(RELU,), centred=128),
    }
    for name, problem in variants.items():
        yield Entry("conv_gemm", name, dtype, conv_gemm.specialize(problem, config), config.block_m)
    split = conv_gemm.Config(config.block_m, config.block_n, config.block_k, config.warps, config.stages, splits=4)
    yield Entry("conv_gemm", "split in 4", dtype, conv_gemm.specialize(usual, split), config.block_m)
    yield Entry("conv_gemm", "sum of the 4 parts", dtype, conv_gemm.reduction(usual, split))


def _conv1x1_pre(target: Target, dtype: Dtype) -> Iterator[Entry]:
    shape = (dtype, 8, 28, 28, 256, 128)
    dense = conv1x1_pre.Problem(*shape, (28, 28), 512, 128, prologue=(RELU,), tail=(RELU,))
    for config in conv1x1_pre.configurations(target, dtype):
        yield Entry("conv1x1_pre", _label(config), dtype, conv1x1_pre.specialize(dense, config), config.block_m)
    config = conv1x1_pre.configurations(target, dtype)[2]
    variants = {
        "mean 2x2": conv1x1_pre.Problem(*shape, (14, 14), 512, 128, True, (RELU,), (2, 2), (2, 2)),
        "max 3x3": conv1x1_pre.Problem(*shape, (28, 28), 256, 512, False, (), (3, 3), (1, 1), ONE, True),
    }
    for name, problem in variants.items():
        yield Entry("conv1x1_pre", name, dtype, conv1x1_pre.specialize(problem, config), config.block_m)


def _conv_grouped(target: Target, dtype: Dtype) -> Iterator[Entry]:
    shape = (dtype, 8, 28, 28, 256, 256, 256, 256, (3, 3))
    plain = conv_gemm.Problem(*shape, sides=ONE, tail=(RELU,))
    config = conv_gemm.configurations(target, dtype)[5]
    for groups in (64, 8):
        problem = conv_grouped.bundled_problem(plain, groups)
        made = conv_gemm.specialize(problem, conv_gemm.fit(config, problem))
        yield Entry("conv_grouped", f"{groups} groups of {256 // groups}", dtype, made, config.block_m)
    for tile in conv_grouped.configurations(target, dtype):
        label = f"depthwise, {tile.block_m}x{tile.block_c}, {tile.warps * target.lanes} threads"
        yield Entry("conv_grouped", label, dtype, conv_grouped.specialize_depthwise(plain, tile))


def _conv_tma(target: Target, dtype: Dtype) -> Iterator[Entry]:
    shape = (dtype, 8, 28, 28, 128, 256, 128, 512)
    usual = conv_gemm.Problem(*shape, (3, 3), sides=ONE, tail=("x + other", RELU), residual_leading=256)
    for config in conv_tma.configurations(target, dtype):
        yield Entry("conv_tma", _label(config), dtype, conv_tma.specialize(usual, config), config.block_m)


def _chain(target: Target, dtype: Dtype) -> Iterator[Entry]:
    first = conv_gemm.Problem(dtype, 8, 56, 56, 64, 64, 64, 64, (3, 3), sides=ONE, tail=(RELU,))
    wide = chain.LARGEST[dtype]
    bottleneck = chain.Problem(first, wide, wide, ("x + other", RELU), wide)
    fire = chain.Problem(replace(first, channels=32, filters=256, centred=128), 48, 48, (RELU,))
    problems = {
        f"3x3, then 1x1 to {wide}": bottleneck,
        "and the next 1x1": replace(bottleneck, last=64, last_tail=(RELU,), z_leading=64),
        "expand, then squeeze": fire,
        "expand, then squeeze, fewer threads": fire,
    }
    for (name, problem), config in zip(problems.items(), chain.configurations(target, dtype), strict=True):
        yield Entry("chain", name, dtype, chain.specialize(problem, config), config.block_m)


def _pool(target: Target, dtype: Dtype) -> Iterator[Entry]:
    shape = (dtype, 8, 56, 56, 256)
    problems = {
        "max 3x3": pool.Problem(*shape, (28, 28), 256, 256, True, (3, 3), (2, 2), ONE),
        "mean 3x3": pool.Problem(*shape, (56, 56), 256, 256, False, (3, 3), (1, 1), ONE, count_padding=False),
        "global mean": pool.Problem(*shape, (1, 1), 256, 256, False, adaptive=True),
        "adaptive mean": pool.Problem(*shape, (6, 6), 256, 256, False, adaptive=True),
    }
    for name, problem in problems.items():
        for config in pool.configurations(target, dtype):
            label = f"{name}, {config.block_m}x{config.block_c}, {config.warps * target.lanes} threads"
            yield Entry("pool", label, dtype, pool.specialize(problem, config))


def _pointwise(target: Target, dtype: Dtype) -> Iterator[Entry]:
    whole = pointwise.Source(dtype, 784 * 256, 256, 1)
    gate, vector = pointwise.Source(dtype, 256, 0, 1), pointwise.Source("fp32", 0, 0, 1)
    problems = {
        "add, relu": pointwise.Problem(dtype, 8, 784, 256, 512, (whole, whole), ("x + x1", RELU)),
        "gate": pointwise.Problem(dtype, 8, 784, 256, 256, (whole, gate), ("x * x1",)),
        "affine, relu": pointwise.Problem(dtype, 8, 784, 256, 256, (whole, vector, vector), ("x * x1 + x2", RELU)),
    }
    for name, problem in problems.items():
        for config in pointwise.configurations(target, dtype):
            label = f"{name}, {config.block_m}x{config.block_c}, {config.warps * target.lanes} threads"
            yield Entry("pointwise", label, dtype, pointwise.specialize(problem, config))


def _move(target: Target, dtype: Dtype) -> Iterator[Entry]:
    upsample = move.Problem(dtype, 8, 28, 28, 256, (56, 56), 256, 256, 256, scale=(2, 2))
    for config in move.configurations(target, dtype):
        label = f"upsample 2, {config.block_m}x{config.block_c}, {config.warps * target.lanes} threads"
        yield Entry("move", label, dtype, move.specialize(upsample, config))


def _pack(target: Target, dtype: Dtype) -> Iterator[Entry]:
    size = 224 * 224
    problems = (
        pack.Problem("fp32", dtype, 8, size, 3, 8, (3 * size, size, 1), (8 * size, 1, 8)),
        pack.Problem(dtype, "fp32", 8, size, 64, 64, (64 * size, 1, 64), (64 * size, size, 1)),
    )
    for name, problem, config in zip(
        ("3 planes to 8 channels", "64 channels to planes"), problems, pack.configurations(target, dtype), strict=True
    ):
        yield Entry("pack", name, dtype, pack.specialize(problem, config))


def _across(target: Target, dtype: Dtype) -> Iterator[Entry]:
    for op in (Softmax(), Lrn(5)):
        problem = across.Problem(dtype, 8 * 784, 256, 256, 256, op)
        for config in across.configurations(target, dtype):
            label = f"{op}, {config.elements} elements, {config.warps * target.lanes} threads"
            yield Entry("across", label, dtype, across.specialize(problem, config))


KERNELS: dict[str, Callable[[Target, Dtype], Iterator[Entry]]] = {
    "conv_gemm": _conv_gemm,
    "conv1x1_pre": _conv1x1_pre,
    "conv_grouped": _conv_grouped,
    "conv_tma": _conv_tma,
    "chain": _chain,
    "pool": _pool,
    "pointwise": _pointwise,
    "move": _move,
    "pack": _pack,
    "across": _across,
}


def shipped(kernel: str, target: Target) -> list[Entry]:
    """All configurations of a kernel that ship for a target."""
    return [entry for dtype in DTYPE_ORDER for entry in KERNELS[kernel](target, dtype)]
