"""Programs: what a module computes for inputs of one shape, made by PyTorch's compilers, and which is fastest.

Weights, shapes and strides are constants of a program, so it is right for one state of the weights alone.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from cnndsl.backends.torch.convolutions import input_shapes, small_products, spelled
from cnndsl.backends.torch.winograd import largest_of_winograd, winograd_layers

Program = Callable[..., Any]
Inputs = tuple[Tensor, ...]
Compiler = Callable[[nn.Module, Program, Inputs, int], Program | None]
# Bytes up to which glibc keeps what is freed. A larger tensor goes back to the system, and every page of the next one
# is a fault: a sixth of the time of SqueezeNet at batch 16.
KEPT_BY_MALLOC = 2**25
LEAST_ROUNDS, MOST_ROUNDS, SECONDS = 3, 12, 8.0
REST = 0.005  # seconds in which threads of OpenMP give up waiting for work
MARGIN = 0.01  # by which a program must be faster than one before it
# How far a program may be from what it was made of, in parts of the largest magnitude; compilers have mistakes too.
TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1}


def inductor(module: nn.Module, run: Program, inputs: Inputs, largest: int) -> Program:
    """By the compiler of `torch.compile`: one C++ function, which calls oneDNN and fuses what stands between."""
    with spelled(small_products(input_shapes(module, lambda: run(*inputs)))):
        exported = torch.export.export(module, inputs)
    options = {
        "freezing": True,
        "cpp_wrapper": True,  # one compiled function instead of a Python call for each layer
        # One allocation for everything keeps small tensors in the caches; a large one is worse than several.
        "memory_planning": 4 * largest <= KEPT_BY_MALLOC,
    }
    return torch._inductor.compile(exported.module(), list(inputs), options=options)  # type: ignore[no-any-return]


def inductor_by_winograd(module: nn.Module, run: Program, inputs: Inputs, largest: int) -> Program | None:
    """By that compiler, with Winograd's algorithm for those 3x3 convolutions that it makes faster; None without any."""
    if any(x.dtype is not torch.float32 for x in inputs):
        return None
    shapes = input_shapes(module, lambda: run(*inputs))
    layers = winograd_layers(shapes)
    if not layers:
        return None
    batch, largest = len(inputs[0]), max(largest, largest_of_winograd(list(layers), shapes))
    rows = rows_at_a_time(batch, largest)
    with spelled(layers):
        program = inductor(module, run, tuple(x[:rows] for x in inputs), largest * rows // batch)
    return in_parts(program, rows, batch)


def onednn_graph(module: nn.Module, run: Program, inputs: Inputs, largest: int) -> Program:
    """By oneDNN's own graph compiler, which TorchScript hands whole parts of a network to.

    It makes its primitives once instead of looking them up in every call, and chooses the layouts between them.
    """
    form = tree_map_only(Tensor, lambda tensor: tensor.new_empty(0), run(*inputs))

    def flat(*given: Tensor) -> tuple[Tensor, ...]:
        return tuple(tensors(run(*given)))

    before = torch.jit.onednn_fusion_enabled()  # type: ignore[no-untyped-call]
    torch.jit.enable_onednn_fusion(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is deprecated; traced shapes are constants, as they should
            trace: Any = torch.jit.trace
            traced = trace(flat, inputs, check_trace=False)
        for _ in range(3):  # the first run records shapes, the second is compiled
            traced(*inputs)
    finally:
        torch.jit.enable_onednn_fusion(before)
    return lambda *given: filled(form, traced(*given))


COMPILERS: tuple[Compiler, ...] = (inductor, inductor_by_winograd, onednn_graph)


def lacks_bfloat16(module: nn.Module, inputs: Inputs) -> bool:
    """Whether all is bfloat16 and the processor has no products of it: PyTorch is ten times as fast in float32 then."""
    held = (tensor for tensor in (*module.parameters(), *module.buffers(), *inputs) if tensor.is_floating_point())
    if any(tensor.dtype is not torch.bfloat16 for tensor in held):
        return False
    built_with_it: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return not (built_with_it and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def in_float32(module: nn.Module) -> Program:
    """A module in bfloat16 by a copy of its own in float32."""
    wide = copy.deepcopy(module).float()

    def narrow(found: Tensor) -> Tensor:
        return found.to(torch.bfloat16) if found.is_floating_point() else found

    return lambda *inputs: tree_map_only(Tensor, narrow, wide(*(x.float() for x in inputs)))


def in_parts(program: Program, rows: int, batch: int) -> Program:
    """`program`, which takes `rows`, for a batch of more."""
    if rows == batch:
        return program

    def run(*inputs: Tensor) -> Any:
        results = [program(*part) for part in zip(*(torch.split(x, rows) for x in inputs), strict=True)]
        return filled(results[0], map(torch.cat, zip(*map(tensors, results), strict=True)))

    return run


def tensors(result: object) -> list[Tensor]:
    """Those in what a network returns: a tensor, or a tuple in which some may be absent."""
    return [each for each in tree_leaves(result) if isinstance(each, Tensor)]


def filled(form: object, found: Iterable[Tensor]) -> Any:
    """`form` with these tensors in place of its own."""
    others = iter(found)
    if isinstance(form, Tensor):  # most are, and every call pays for this
        return next(others)
    return tree_map_only(Tensor, lambda _: next(others), form)


def rows_at_a_time(batch: int, largest: int) -> int:
    """The largest of equal parts of a batch whose tensors malloc keeps; the batch's `largest` has so many bytes."""
    return next((n for n in range(batch, 1, -1) if batch % n == 0 and largest * n <= KEPT_BY_MALLOC * batch), 1)


def largest_tensor(run: Callable[[], object]) -> int:
    """The bytes of the largest tensor that `run` makes."""
    seen = Largest()
    with seen:
        run()
    return seen.bytes


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees the result of every operator."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        sizes = (each.numel() * each.element_size() for each in tensors(result))
        self.bytes = max(self.bytes, *sizes, 0)
        return result


def typical_times(programs: Sequence[Program], inputs: Inputs) -> list[float]:
    """The median run of each, in seconds; they take turns, so that a busy machine disturbs all alike.

    A turn is a pause, in which the threads of the one before come to rest, and two runs, of which the second counts:
    the first fills the caches. The best run of each would be luck, which some programs have more often than others.
    """
    times: list[list[float]] = [[] for _ in programs]
    end = time.perf_counter() + SECONDS
    while len(times[0]) < LEAST_ROUNDS or (len(times[0]) < MOST_ROUNDS and time.perf_counter() < end):
        for program, found in zip(programs, times, strict=True):
            time.sleep(REST)
            program(*inputs)
            start = time.perf_counter()
            program(*inputs)
            found.append(time.perf_counter() - start)
    return list(map(median, times))


def fastest(times: Sequence[float]) -> int:
    """Which of several is the fastest; one before it stays if that is not faster by a margin, which noise is not."""
    best = 0
    for index, seconds in enumerate(times):
        if seconds < (1 - MARGIN) * times[best]:
            best = index
    return best


def agree(found: object, expected: object) -> bool:
    """Are two results of a network the same, to the rounding of their type?"""
    return all(close(*pair) for pair in zip(tensors(found), tensors(expected), strict=True))


def close(found: Tensor, expected: Tensor) -> bool:
    finite = torch.isfinite(expected)
    bound = TOLERANCE.get(expected.dtype, 0.0) * expected[finite].abs().amax() if finite.any() else 0.0
    return torch.allclose(found, expected, rtol=0.0, atol=float(bound), equal_nan=True)
