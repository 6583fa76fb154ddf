"""cuDNN's convolutions and cuBLAS's products as candidates beside our kernels, through PyTorch.

cuDNN writes a tensor of its own, which is copied to its place; cuBLAS writes there itself, and leaves sum and ReLU to
passes of their own. All that is counted when they are measured. Both want the bias in the type of the products.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.kernels.families import conv_gemm
from cnndsl.kernels.tails import RELU


@dataclass(frozen=True)
class LibraryConfig:
    """`matrix`: one product by cuBLAS, into its place; else a convolution by cuDNN, which chooses itself how."""

    matrix: bool = False


def configurations(problem: object) -> tuple[LibraryConfig, ...]:
    """The ways in which the library can run a problem; none if it does not take it."""
    if refusal(problem) is not None:
        return ()
    assert isinstance(problem, conv_gemm.Problem)
    return (LibraryConfig(), LibraryConfig(matrix=True)) if _is_product(problem) else (LibraryConfig(),)


def _is_product(problem: conv_gemm.Problem) -> bool:
    """Whether rows of a matrix are there as they lie: single pixels, or whole maps without gaps."""
    if problem.stride != (1, 1) or any(problem.sides):
        return False
    whole = problem.kernel == (problem.height, problem.width) and problem.x_leading == problem.channels
    return problem.kernel == (1, 1) or whole


def refusal(problem: object) -> str | None:
    """Why the library does not take a problem; None if it does."""
    if not isinstance(problem, conv_gemm.Problem):
        return "it is no convolution"
    if problem.window > 1:
        return "its result is pooled"
    if problem.second or problem.split_at:
        return "it has several sources or outputs"
    if problem.bundles > 1:
        return "its weights are packed for bundles of groups"
    if problem.tail not in ((), (RELU,), ("x + other",), ("x + other", RELU)):
        return "its tail is no bias, sum or ReLU"
    if problem.sides[0] != problem.sides[1] or problem.sides[2] != problem.sides[3]:
        return "its padding differs between sides"
    return None
