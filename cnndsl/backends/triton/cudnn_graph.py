"""A convolution and all that is fused with it as one graph of cuDNN's, which its engines compile to one kernel.

Through `nvidia-cudnn-frontend`. Unlike PyTorch's calls it writes its result where it belongs, into channels of a wider
buffer too, and takes any tail, a prologue, padding that differs between sides, and biases in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib import metadata
from threading import get_ident
from typing import Any, NamedTuple

import torch

from cnndsl.backends.triton.cudnn_tails import applied
from cnndsl.backends.triton.library import GraphConfig
from cnndsl.extras import missing, require
from cnndsl.kernels.families import conv1x1_pre, conv_gemm
from cnndsl.kernels.precision import Dtype

TYPES: Mapping[Dtype, str] = {"fp16": "HALF", "bf16": "BFLOAT16", "fp32": "FLOAT"}
VECTORS = ("bias", "scale", "shift")  # one number per channel, in float32
BUILT = 256  # graphs that are kept

Problem = conv_gemm.Problem | conv1x1_pre.Problem


class Geometry(NamedTuple):
    """How a tensor lies, as N x C x H x W."""

    name: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def graph_step(problem: Problem, config: GraphConfig, tensors: Mapping[str, torch.Tensor]) -> Callable[[], object]:
    """A callable that runs it on N x H x W x C views, which start at multiples of 16 bytes.

    Raises `MissingExtra` without the package, RuntimeError where cuDNN has no such engine.
    """
    require("cudnn", extra="cudnn")
    import cudnn

    device = tensors["x"].device
    graph, numbers = _built(problem, config.rank, device, geometry(tensors))
    pack = {numbers[name]: _planes(name, tensor) for name, tensor in tensors.items()}
    workspace = torch.empty(max(1, graph.get_workspace_size()), dtype=torch.uint8, device=device)

    def step() -> None:
        handle = _handle(device, get_ident())
        cudnn.set_stream(handle, torch.cuda.current_stream(device).cuda_stream)
        graph.execute(pack, workspace, handle=handle)

    return step


def version() -> str:
    """Of cuDNN and of the package, which decide what its engines are and in which order; empty without the package."""
    backend = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return "" if missing("cudnn") else f"{backend}, {metadata.version('nvidia-cudnn-frontend')}"


def geometry(tensors: Mapping[str, torch.Tensor]) -> tuple[Geometry, ...]:
    planes = {name: _planes(name, tensor) for name, tensor in tensors.items()}
    return tuple(Geometry(name, tuple(each.shape), each.stride()) for name, each in planes.items())


def _planes(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if name in VECTORS:
        return tensor.as_strided((1, len(tensor), 1, 1), (len(tensor), 1, len(tensor), len(tensor)))
    return tensor.permute(0, 3, 1, 2)


@cache
def _handle(device: torch.device, thread: int) -> Any:
    """cuDNN's, of which a thread needs its own."""
    import cudnn

    with torch.cuda.device(device):
        return cudnn.create_handle()


@lru_cache(BUILT)
def _built(
    problem: Problem, rank: int, device: torch.device, lying: tuple[Geometry, ...]
) -> tuple[Any, Mapping[str, int]]:
    """A graph with the engine that cuDNN places at `rank`, compiled, and the numbers of its tensors by their names."""
    import cudnn

    with torch.cuda.device(device):
        graph, numbers = described(cudnn, problem, lying, handle=_handle(device, get_ident()))
        graph.validate()
        graph.build_operation_graph()
        graph.create_execution_plans([cudnn.heur_mode.A])
        count = graph.get_execution_plan_count()
        if rank >= count:
            raise RuntimeError(f"cuDNN has {count} engines for it")
        graph.build_plan_at_index(rank)
    return graph, numbers


def described(cudnn: Any, problem: Problem, lying: tuple[Geometry, ...], **settings: Any) -> tuple[Any, dict[str, int]]:
    """The operations of a problem as a graph that is yet to be planned, and the numbers of its tensors by their names.

    Sums and all that follows them are in float32, as in our kernels; of float32 tensors the products are in TF32.
    """
    dtype, wide = getattr(cudnn.data_type, TYPES[problem.dtype]), cudnn.data_type.FLOAT
    graph = cudnn.pygraph(io_data_type=dtype, intermediate_data_type=wide, compute_data_type=wide, **settings)
    numbers = {each.name: number for number, each in enumerate(lying, 1)}
    *inputs, out = sorted(lying, key=lambda each: each.name == "y")
    given = {
        name: graph.tensor(
            name=name,
            dim=[*shape],
            stride=[*stride],
            data_type=wide if name in VECTORS else dtype,
            uid=numbers[name],
        )
        for name, shape, stride in inputs
    }
    y = _finished(cudnn, graph, problem, given)
    y.set_output(True).set_data_type(dtype).set_dim([*out.shape]).set_stride([*out.stride]).set_uid(numbers["y"])
    return graph, numbers


def _finished(cudnn: Any, graph: Any, problem: Problem, given: Mapping[str, Any]) -> Any:
    """What is stored: the convolution, its bias, its tail."""
    sums = graph.conv_fprop(image=_read(cudnn, graph, problem, given), weight=given["w"], **_window(problem))
    if "bias" in given:
        sums = graph.add(a=sums, b=given["bias"])
    other = {"other": given["residual"]} if "residual" in given else {}
    return applied(cudnn, graph, problem.tail, x=sums, **other)


def _read(cudnn: Any, graph: Any, problem: Problem, given: Mapping[str, Any]) -> Any:
    """What is multiplied: the input, or what a prologue makes of it, rounded as if it had been stored."""
    x = given["x"]
    if isinstance(problem, conv_gemm.Problem):
        return x
    if problem.affine:
        x = graph.add(a=graph.mul(a=x, b=given["scale"]), b=given["shift"])
    x = applied(cudnn, graph, problem.prologue, x=x)
    return x if x is given["x"] else x.set_data_type(getattr(cudnn.data_type, TYPES[problem.dtype]))


def _window(problem: Problem) -> dict[str, list[int]]:
    top, bottom, left, right = problem.sides
    dilation = problem.dilation if isinstance(problem, conv_gemm.Problem) else (1, 1)
    padding = {"pre_padding": [top, left], "post_padding": [bottom, right]}
    return {**padding, "stride": [*problem.stride], "dilation": [*dilation]}
