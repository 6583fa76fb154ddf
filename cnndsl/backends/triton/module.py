"""A lowered network as an `nn.Module`: it holds packed weights, and makes a plan for each batch size that it meets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from cnndsl.backends.torch import build, names
from cnndsl.backends.torch.optimized import FromOriginals
from cnndsl.backends.torch.results import field_names
from cnndsl.backends.triton.building import Choose, suggested
from cnndsl.backends.triton.calibration import Calibrating, Calibration, pictures_of, ranged
from cnndsl.backends.triton.eight_bits import RANGE
from cnndsl.backends.triton.execute import Executor
from cnndsl.backends.triton.lower import lower, require_kernels, rewritten
from cnndsl.backends.triton.plan import Plan
from cnndsl.backends.triton.results import output
from cnndsl.errors import DeviceError
from cnndsl.ir.graph import Graph
from cnndsl.ir.recipe import originals
from cnndsl.kernels.specialization import TORCH_DTYPES
from cnndsl.kernels.targets import Target, target_of
from cnndsl.ops.base import show_shape
from cnndsl.states import expected_shapes
from cnndsl.states.recipes import graph_recipes

KEPT = 8  # batch sizes whose memory and CUDA graph stay


class TritonModule(nn.Module):
    """A network in fused Triton kernels, for inference.

    It takes what the PyTorch backend's module takes (N x channels x height x width, in float32 or the plan's type, N
    from 1 to `batch`) and gives the same results in the plan's type: one tensor, or a named tuple where the network has
    several outputs. `load_state_dict` takes state dicts of that module, or its own; no compiled kernel depends on
    weights. It runs on a CUDA device, replaying one CUDA graph for each batch size, or in Triton's interpreter. The
    graphs and the memory of the last `KEPT` batch sizes stay; an older one is made anew when it is used again. With 8
    bits it keeps the pictures of its calibration, by which ranges of tensors are found whenever weights are loaded.

    A caller that captures a CUDA graph of its own gets the launches into it. One call before, with inputs of the same
    batch, type and memory format, makes everything ready for that.

    Raises TypeError and ValueError for inputs of another type, shape, device or batch, and RuntimeError where a graph
    is captured without that call.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        batch: int = 1,
        precision: str = "fp16",
        strict: bool = False,
        target: Target | None = None,
        choose: Choose | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        super().__init__()
        pictures = pictures_of(graph, precision, calibration)
        here = torch.device("cuda") if torch.cuda.is_available() else None
        self.network, self.batch, self.precision, self.strict = (
            rewritten(graph, precision=precision),
            batch,
            precision,
            strict,
        )
        self.target = target or target_of(here)
        self.choose = choose or known_choices(here, strict=strict)
        self._plans: dict[int, Plan] = {}
        self._executors: dict[tuple[int, torch.device], Executor] = {}
        self._recorded: list[Executor] = []  # of earlier choices, which graphs of the caller's still replay
        plan = self.plan(batch)
        if strict:
            require_kernels(plan, self.network)
        for weight in plan.weights:
            self.register_buffer(_key(weight.name), torch.zeros(weight.shape, dtype=TORCH_DTYPES[weight.dtype]))
        self.fields = tuple(field_names(graph).values())
        recipes = {_key(weight.name): weight.recipe for weight in plan.weights}
        shapes, measured = expected_shapes(graph), ranged(plan)
        if pictures is not None:  # before the hook that wants ranges
            needed = {name for recipe in graph_recipes(self.network).values() for name in originals(recipe)}
            of_needed = {name: shape for name, shape in shapes.items() if name in needed}
            self.register_load_state_dict_pre_hook(Calibrating(self.network, measured, of_needed, pictures))  # type: ignore[no-untyped-call]
        shapes |= {f"{RANGE}{name}": () for name in measured}
        self.register_load_state_dict_pre_hook(FromOriginals(recipes, shapes))  # type: ignore[no-untyped-call]
        self.eval()

    def tune(self) -> TritonModule:
        """Measure what runs each layer fastest, on the GPU that the module is on and at its largest batch, and use it.

        Candidates are our kernels in their configurations, and unless it is strict cuDNN's and cuBLAS's. What is found
        is kept (`CNNDSL_CACHE_DIR`, else `XDG_CACHE_HOME`) for later compilations, problem by problem, so that nothing
        is lost where this ends early. New problems take minutes.
        Raises RuntimeError on a device that is no GPU, and `DeviceLost` where a candidate breaks it for this process.
        """
        from cnndsl.backends.triton.table import choose_from, known_table, save_table
        from cnndsl.backends.triton.tuning import gpu_name, posed, tune_problems

        device = next(self.buffers(), torch.empty(0)).device
        if device.type != "cuda":
            raise DeviceError(f"kernels are measured on a GPU, and this module is on {device}")
        problems = posed(self.network, self.target, batch=self.batch, precision=self.precision)
        table = tune_problems(problems, self.target, known_table(gpu_name(device)), device, observe=save_table)
        self.choose = choose_from(table, strict=self.strict)
        self._plans.clear()
        self._recorded += [each for each in self._executors.values() if each.recorded]
        self._drop(self._executors)
        return self

    def plan(self, batch: int) -> Plan:
        """The plan for a batch size. Weights are packed alike in all of them."""
        if batch not in self._plans:
            self._plans[batch] = lower(
                self.network, self.target, batch=batch, precision=self.precision, choose=self.choose
            )
        return self._plans[batch]

    def forward(self, *inputs: torch.Tensor) -> Any:
        self._check(inputs)
        results = self.executor(len(inputs[0]), inputs[0].device)(*inputs)
        if len(results) == 1:
            return results[0]
        return output(f"{names.camel(self.network.name)}Output", self.fields, tuple(results))

    def executor(self, batch: int, device: torch.device) -> Executor:
        """What runs a batch size: kept for the `KEPT` sizes that were used last, since each has memory of its own."""
        key = batch, device
        if key in self._executors:
            self._executors[key] = self._executors.pop(key)  # the last is the one that was used last
        else:
            weights = {name.replace("/", "."): tensor for name, tensor in self.named_buffers()}
            made = Executor(self.plan(batch), weights, device)  # which refuses while nothing may wait
            self._drop_oldest(KEPT - 1)
            self._executors[key] = made
        return self._executors[key]

    def _drop_oldest(self, most: int) -> None:
        """Free all but so many executors; those that a graph of the caller's holds count for nothing and stay."""
        free = [key for key, each in self._executors.items() if not each.recorded]
        self._drop(free[: max(0, len(free) - most)])

    def _drop(self, keys: Iterable[tuple[int, torch.device]]) -> None:
        """Free executors once what runs on their memory is over: a replay may be on any stream."""
        for key in [*keys]:
            self._executors[key].finish()
            del self._executors[key]

    def _check(self, inputs: tuple[torch.Tensor, ...]) -> None:
        ports = self.plan(self.batch).inputs
        if len(inputs) != len(ports):
            raise TypeError(f"{self.network.name} takes {len(ports)} inputs, not {len(inputs)}")
        own = next((buffer.device for buffer in self.buffers()), None)
        accepted = (torch.float32, TORCH_DTYPES[self.plan(self.batch).dtype])
        for port, x in zip(ports, inputs, strict=True):
            if not isinstance(x, torch.Tensor) or x.dtype not in accepted:
                given = x.dtype if isinstance(x, torch.Tensor) else type(x).__name__
                raise TypeError(
                    f"{port.name} must be a tensor of {' or '.join(map(str, dict.fromkeys(accepted)))}, not {given}"
                )
            if tuple(x.shape[1:]) != port.shape or len(x) != len(inputs[0]):
                raise ValueError(f"{port.name} must be N x {show_shape(port.shape)}, not {show_shape(tuple(x.shape))}")
            if not 1 <= len(x) <= self.batch:
                raise ValueError(f"a batch of {len(x)}: this module was compiled for 1 to {self.batch}")
            if x.device != (own or inputs[0].device):
                raise ValueError(f"{port.name} is on {x.device}, the module on {own or inputs[0].device}")

    def train(self, mode: bool = True) -> TritonModule:
        if mode:
            raise RuntimeError(
                "this module is compiled for inference: train that of the torch backend, and load its state dict here"
            )
        return super().train(mode)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> TritonModule:
        """Move to another device; types and the order in memory are part of what was compiled."""
        for dtype in {torch.float32, TORCH_DTYPES[self.plan(self.batch).dtype]}:
            if fn(torch.zeros(1, dtype=dtype)).dtype != dtype:
                raise TypeError(f"this module was compiled for {self.precision}: compile it anew for other types")
        for each in self._recorded:
            each.finish()
        self._drop(self._executors)  # they read the weights that are freed now
        self._recorded.clear()
        super()._apply(lambda tensor: fn(tensor).contiguous(), recurse)  # type: ignore[no-untyped-call]
        return self

    def _load_from_state_dict(self, state: Any, prefix: str, metadata: Any, *rest: Any) -> None:
        """Copy values even where a caller says `assign`: executors hold these tensors, of these types."""
        metadata = {**metadata, "assign_to_params_buffers": False}
        super()._load_from_state_dict(state, prefix, metadata, *rest)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_executors": {}, "_recorded": []}


def known_choices(device: torch.device | None, *, strict: bool = False) -> Choose:
    """What was measured on a GPU, here or before it shipped; without one the cost model's choices."""
    if device is None:
        return suggested
    from cnndsl.backends.triton.table import tuned

    return tuned(torch.cuda.get_device_name(device), strict=strict)


def compile_graph(graph: Graph, *, seed: int = 0, **settings: Any) -> TritonModule:
    """The network in Triton kernels with the weights that the PyTorch backend would draw, on the CPU."""
    module = TritonModule(graph, **settings)
    module.load_state_dict(build(graph, seed=seed).state_dict())
    return module


def _key(name: str) -> str:
    """A weight's name as that of a buffer, which may have no dots."""
    return name.replace(".", "/")
