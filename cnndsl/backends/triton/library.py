"""cuDNN's convolutions and cuBLAS's products as candidates beside our kernels: what they take, and how.

Through PyTorch ("cudnn") cuDNN writes a tensor of its own, which is copied to its place; cuBLAS writes there itself,
and leaves sum and ReLU to passes of their own. As a graph of cuDNN's ("cudnn_graph", the extra `cudnn`) all is one
kernel, which writes there too. What each of them costs is counted when they are measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cnndsl.extras import missing
from cnndsl.kernels.families import conv1x1_pre, conv_gemm
from cnndsl.kernels.tails import RELU

LIBRARIES = ("cudnn", "cudnn_graph")  # kernels that are not ours, by their names in plans and tables
POSED = ("conv_gemm", "conv1x1_pre")  # ours whose problems they may take
RANKS = 3  # engines that are measured, of those that cuDNN has for a graph, in its own order
STARTS = {"cudnn_graph": 16}  # bytes at a multiple of which all tensors must start


@dataclass(frozen=True)
class LibraryConfig:
    """`matrix`: one product by cuBLAS, into its place; else a convolution by cuDNN, which chooses itself how."""

    matrix: bool = False


@dataclass(frozen=True)
class GraphConfig:
    """The engine to which cuDNN gives that rank for a graph, 0 the one that it thinks the fastest."""

    rank: int = 0


def candidates(problem: Any) -> Iterator[tuple[str, Any]]:
    """The kernels and configurations by which libraries that are here can run a problem."""
    if refusal(problem) is None:
        yield "cudnn", LibraryConfig()
        if _is_product(problem):
            yield "cudnn", LibraryConfig(matrix=True)
    if graph_refusal(problem) is None and not missing("cudnn"):
        yield from (("cudnn_graph", GraphConfig(rank)) for rank in range(RANKS))


def _is_product(problem: conv_gemm.Problem) -> bool:
    """Whether rows of a matrix are there as they lie: single pixels, or whole maps without gaps."""
    if problem.stride != (1, 1) or any(problem.sides):
        return False
    whole = problem.kernel == (problem.height, problem.width) and problem.x_leading == problem.channels
    return problem.kernel == (1, 1) or whole


def refusal(problem: object) -> str | None:
    """Why PyTorch's calls do not take a problem; None if they do."""
    if not isinstance(problem, conv_gemm.Problem):
        return "it is no convolution alone"
    if (reason := _shared_refusal(problem)) is not None:
        return reason
    if problem.tail not in ((), (RELU,), ("x + other",), ("x + other", RELU)):
        return "its tail is no bias, sum or ReLU"
    if problem.sides[0] != problem.sides[1] or problem.sides[2] != problem.sides[3]:
        return "its padding differs between sides"
    return None


def graph_refusal(problem: object) -> str | None:
    """Why no graph of cuDNN's computes a problem; None if one may. What its engines cannot, they refuse themselves."""
    if isinstance(problem, conv1x1_pre.Problem):
        if problem.kernel != (1, 1):
            return "its input is pooled"
        if problem.split_at or problem.kept_leading is not None:
            return "it has several outputs"
    elif not isinstance(problem, conv_gemm.Problem):
        return "it is no convolution"
    elif (reason := _shared_refusal(problem)) is not None:
        return reason
    return "its products are of float32, which engines round to TF32" if _exact(problem) else None


def _shared_refusal(problem: conv_gemm.Problem) -> str | None:
    if problem.scaled:
        return "it has values of 8 bits"
    if problem.window > 1:
        return "its result is pooled"
    if problem.second or problem.split_at:
        return "it has several sources or outputs"
    return "its weights are packed for bundles of groups" if problem.bundles > 1 else None


def _exact(problem: conv_gemm.Problem | conv1x1_pre.Problem) -> bool:
    return problem.dtype == "fp32" and problem.precision == "ieee"
