"""Run a plan: tensors as views of one arena, one callable per launch, in order or replayed as a CUDA graph.

On the CPU Triton's interpreter runs the kernels, if it was on (`TRITON_INTERPRET=1`) when Triton was imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
import triton
from torch.func import functional_call

from cnndsl.backends.torch.loading import execute
from cnndsl.backends.triton.float32 import with_products
from cnndsl.backends.triton.graphs import captured
from cnndsl.backends.triton.plan import Counters, Given, Launch, Packed, Plan, Port, Scratch, View
from cnndsl.backends.triton.rules.fallback import Program
from cnndsl.kernels.families import FAMILIES, pack
from cnndsl.kernels.precision import SIZES, products_of
from cnndsl.kernels.specialization import TORCH_DTYPES, Specialization
from cnndsl.kernels.targets import TARGETS
from cnndsl.kernels.templates import pack as template

NOT_READY = "a CUDA graph is being captured, for which everything must be ready: call the module once before"


def interpreting() -> bool:
    """Whether kernels run in Triton's interpreter."""
    return bool(triton.knobs.runtime.interpret)


class Executor:
    """A plan bound to a device and to packed weights, which it reads where they lie: new values need no new executor.

    While the caller captures a CUDA graph, its launches go into that graph. They must have run once before: nothing can
    be compiled, allocated or awaited then.

    recorded  whether a graph of the caller's holds the addresses of this memory

    Raises RuntimeError on a device that cannot run kernels.
    """

    @torch.inference_mode(False)  # memory that is made here is written to in and out of that mode
    def __init__(self, plan: Plan, weights: Mapping[str, torch.Tensor], device: torch.device) -> None:
        if device.type != "cuda" and not interpreting():
            raise RuntimeError(
                f"Triton kernels do not run on {device}: move the module to a GPU, or set TRITON_INTERPRET=1 before "
                "Python starts to see it work without one"
            )
        if capturing(device):
            raise RuntimeError(f"{NOT_READY}, with a batch of {plan.batch}")
        self.plan, self.weights, self.device = plan, weights, device
        self.dtype = TORCH_DTYPES[plan.dtype]
        self.arena = torch.zeros(plan.arena_bytes, dtype=torch.uint8, device=device)
        self.counters = torch.zeros(plan.counter_bytes, dtype=torch.uint8, device=device)
        self.buffers = {buffer.name: buffer for buffer in plan.buffers}
        self._biases: list[torch.Tensor] = []  # of library kernels, and what they are cast to
        self._typed_biases: list[torch.Tensor] = []
        self.steps = [self._bind(launch) for launch in plan.launches if launch.kernel != "pack" or not _given(launch)]
        if self._biases:
            self.steps.insert(0, lambda: torch._foreach_copy_(self._typed_biases, self._biases))
        self.graph: Any = None
        self.recorded = False
        self._packs: dict[Any, Specialization] = {}

    def __call__(self, *inputs: torch.Tensor) -> list[torch.Tensor]:
        """The outputs of the network, fresh tensors; inputs have been checked."""
        inputs = tuple(map(_as_packed, inputs))
        if self.device.type != "cuda":
            return self._compute(inputs, self.run)
        with torch.cuda.device(self.device):
            if capturing(self.device):
                return self._record(inputs)
            if self.graph is None:
                self._capture()
            return self._compute(inputs, self.graph.replay)

    def _record(self, inputs: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
        """Into the caller's graph, if every kernel for these inputs has been compiled and loaded."""
        layouts = {_layout(port, x) for port, x in zip(self.plan.inputs, inputs, strict=True)}
        if self.graph is None or not layouts <= self._packs.keys():
            raise RuntimeError(f"{NOT_READY}, with inputs of this batch, type and memory format")
        self.recorded = True
        return self._compute(inputs, self.run)

    def _compute(self, inputs: Iterable[torch.Tensor], run: Callable[[], object]) -> list[torch.Tensor]:
        for port, x in zip(self.plan.inputs, inputs, strict=True):
            self._take(port, x)
        run()
        return [self._result(port) for port in self.plan.outputs]

    def run(self) -> None:
        """Every launch in order. What lay in the arena is gone then: later tensors take the place of earlier ones."""
        if self.device.type != "cuda" and self.plan.precision == "bf16":
            raise RuntimeError("Triton's interpreter knows no products of bfloat16: see it work in another precision")
        for step in self.steps:
            step()

    def _capture(self) -> None:
        """Compile every kernel by running once, then record the launches as one CUDA graph."""
        self.graph = captured(self.run, self.device)

    def _take(self, port: Port, x: torch.Tensor) -> None:
        """Bring an input into the arena."""
        view, layout = self.tensor(port.view), _layout(port, x)
        wide = torch.as_strided(view, (*view.shape[:3], port.view.leading), view.stride(), view.storage_offset())
        if layout not in self._packs:
            problem = template.describe(x, wide.permute(0, 3, 1, 2))
            self._packs[layout] = template.specialize(problem, pack.suggest(problem, TARGETS[self.plan.target]))
        self._packs[layout].launch(x=x, y=wide)

    def _result(self, port: Port) -> torch.Tensor:
        view = self.tensor(port.view)
        planes = view.flatten(1) if len(port.shape) == 1 else view.permute(0, 3, 1, 2)
        return planes.clone(memory_format=torch.contiguous_format)

    def finish(self) -> None:
        """Wait for what runs on this memory on any stream, before it is freed."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def tensor(self, tensor: Any) -> torch.Tensor:
        """Views as N x H x W x C of the arena, weights as they are packed."""
        if isinstance(tensor, Packed):
            return self.weights[tensor.name]
        if isinstance(tensor, Counters):
            return self.counters.view(torch.int32)[: tensor.elements]
        buffer = self.buffers[tensor.buffer]
        bytes_ = self.arena[buffer.offset : buffer.offset + buffer.bytes]
        if isinstance(tensor, Scratch):
            return bytes_.view(torch.float32)[: tensor.elements]
        row = tensor.width * tensor.leading
        shape = (self.plan.batch, tensor.height, tensor.width, tensor.channels)
        whole = bytes_.view(TORCH_DTYPES[tensor.dtype])
        strides = (tensor.height * row, row, tensor.leading, 1)
        return whole.as_strided(shape, strides, whole.storage_offset() + tensor.start)

    def _bind(self, launch: Launch) -> Callable[[], object]:
        tensors = {name: self.tensor(tensor) for name, tensor in launch.tensors.items()}
        if isinstance(launch.problem, Program):
            step = _torch_step(launch.problem, tensors)
            return with_products(products_of(self.plan.precision), step) if self.plan.dtype == "fp32" else step
        if launch.kernel == "cudnn":
            from cnndsl.backends.triton.library_steps import library_step

            if "bias" in tensors:
                tensors["bias"] = self._typed(tensors["bias"])
            return library_step(launch.problem, launch.config, tensors)
        if launch.kernel == "cudnn_graph":
            from cnndsl.backends.triton.cudnn_graph import graph_step

            return graph_step(launch.problem, launch.config, tensors)
        made = specialized(launch)
        return lambda: made.launch(**tensors)

    def _typed(self, bias: torch.Tensor) -> torch.Tensor:
        """A bias in the type of the plan; all of them are cast by one launch at the begin of every run."""
        if bias.dtype == self.dtype:
            return bias
        typed = bias.to(self.dtype)
        self._biases.append(bias)
        self._typed_biases.append(typed)
        return typed


def capturing(device: torch.device) -> bool:
    """Whether the caller records a CUDA graph on the current stream of a device."""
    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        return torch.cuda.is_current_stream_capturing()


def _as_packed(x: torch.Tensor) -> torch.Tensor:
    """An input as `pack` takes it."""
    x = x.reshape(*x.shape, 1, 1) if x.dim() == 2 else x
    return x if template.takes(x) else x.contiguous()


def _layout(port: Port, x: torch.Tensor) -> tuple[Any, ...]:
    """What decides which kernel packs an input; for tensors that begin anywhere Triton compiles one of its own."""
    return port.name, x.dtype, x.stride(), x.data_ptr() % 16 == 0


def specialized(launch: Launch) -> Specialization:
    """The kernel of a launch, which may assume that tensors start at 16 bytes where they do."""
    made = FAMILIES[launch.kernel].specialize(launch.problem, launch.config)
    return replace(made, unaligned=frozenset(unaligned(launch)))


def unaligned(launch: Launch) -> list[str]:
    """The pointers of a launch that do not start at a multiple of 16 bytes."""
    types = FAMILIES[launch.kernel].specialize(launch.problem, launch.config).pointers
    return [
        name
        for name, tensor in launch.tensors.items()
        if isinstance(tensor, Given) or (isinstance(tensor, View) and tensor.start * SIZES[str(types[name])] % 16)
    ]


def _given(launch: Launch) -> bool:
    return any(isinstance(tensor, Given) for tensor in launch.tensors.values())


def _torch_step(program: Program, tensors: Mapping[str, torch.Tensor]) -> Callable[[], object]:
    """PyTorch's own layer on the same memory."""
    module = getattr(execute(program.text, program.builder), program.builder)().eval()
    y = tensors["y"]
    module = module.to(y.device, y.dtype)
    state = {name: tensor for name, tensor in tensors.items() if name.startswith("layer.")}
    inputs = [_planes(tensors[f"x{index}"], shape) for index, shape in enumerate(program.shapes)]
    out = _planes(y, program.out)

    def step() -> None:
        with torch.no_grad():
            out.copy_(functional_call(module, state, tuple(inputs)))

    return step


def _planes(view: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """N x H x W x C as PyTorch's layers take it, without a copy."""
    return view.flatten(1) if len(shape) == 1 else view.permute(0, 3, 1, 2)
