"""The manifest of a network built ahead of time: a plan as addresses, which needs neither Triton nor cnndsl to be run.

`cnndsl.backends.triton.loader` reads it; `docs/ahead_of_time.md` describes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from cnndsl.backends.triton.arena import ALIGNMENT
from cnndsl.backends.triton.binaries import Binaries
from cnndsl.backends.triton.execute import specialized
from cnndsl.backends.triton.folder_form import FORMAT
from cnndsl.backends.triton.plan import Counters, Given, Launch, Packed, Scratch, Tensor, View
from cnndsl.backends.triton.rules.fallback import Program
from cnndsl.kernels.precision import SIZES
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.targets import TARGETS
from cnndsl.ops.base import Shape

Record = dict[str, Any]


class Manifest:
    """Makes the manifest of a plan whose kernels have been built."""

    def __init__(self, binaries: Binaries) -> None:
        self.plan = plan = binaries.plan
        self.binaries = binaries
        self.buffers = {buffer.name: buffer for buffer in plan.buffers}
        self.weights = dict(self._weights())
        self.numbers = {key: number for number, key in enumerate(binaries.kernels)}
        self.files = dict(self._files())
        self.programs = {
            number: f"layers/{number:03}_{launch.problem.layer}.py"
            for number, launch in enumerate(plan.launches)
            if isinstance(launch.problem, Program)
        }

    def record(self) -> Record:
        """All but `files`, which says what the others hold, and the digest of the whole."""
        plan = self.plan
        return {
            "cnndsl manifest": FORMAT,
            "network": plan.name,
            "target": plan.target,
            "precision": plan.precision,
            "dtype": plan.dtype,
            "batch": plan.batch,
            "memory": {
                "arena": plan.arena_bytes,
                "weights": self._weight_bytes(),
                "scratch": self._scratch_bytes(),
                "counters": plan.counter_bytes,
            },
            "inputs": [{"name": port.name, "shape": port.shape} for port in plan.inputs],
            "outputs": [{"name": port.name, **self._activation(port.view, port.shape)} for port in plan.outputs],
            "kernels": [self._kernel(key) for key in self.binaries.kernels],
            "launches": [self._launch(number, launch) for number, launch in enumerate(plan.launches)],
            "weights": self.weights,
        }

    def _files(self) -> Iterator[tuple[str, str]]:
        """A file for each kernel, by its key."""
        suffix = "cubin" if TARGETS[self.plan.target].nvidia else "hsaco"
        for key, made in self.binaries.kernels.items():
            yield key, f"kernels/{made.function.removesuffix('_kernel')}_{key[:12]}.{suffix}"

    def _kernel(self, key: str) -> Record:
        made = self.binaries.kernels[key]
        return {
            "file": self.files[key],
            "function": made.function,
            "parameters": made.parameters,
            "threads": made.threads,
            "shared": made.shared,
            "early": made.early,
        }

    def _weights(self) -> Iterator[tuple[str, Record]]:
        """Where each weight lies in their memory: one after the other, each aligned."""
        end = 0
        for weight in self.plan.weights:
            yield weight.name, {"offset": end, "dtype": weight.dtype, "shape": weight.shape}
            end += -(-prod(weight.shape) * SIZES[weight.dtype] // ALIGNMENT) * ALIGNMENT

    def _weight_bytes(self) -> int:
        ends = (each["offset"] + prod(each["shape"]) * SIZES[each["dtype"]] for each in self.weights.values())
        return max(ends, default=0)

    def _scratch_bytes(self) -> int:
        """The most that one launch needs; they run one after the other."""
        return max((self._scratch(number) for number in range(len(self.plan.launches))), default=0)

    def _scratch(self, number: int) -> int:
        key = self.binaries.keys[number]
        if key is None:
            return 0
        return self.binaries.kernels[key].scratch * prod(specialized(self.plan.launches[number]).grid)

    def _launch(self, number: int, launch: Launch) -> Record:
        key = self.binaries.keys[number]
        if key is None:
            return self._layer(number, launch)
        made = specialized(launch)
        bytes_ = self._scratch(number)
        scratch = {"memory": "scratch", "offset": 0, "bytes": bytes_} if bytes_ else {"memory": "none"}
        boxes = dict(self._boxes(made, self.binaries.kernels[key].swizzles))
        arguments = [
            {"name": name, **self._argument(launch.tensors[name]), **boxes.get(name, {})} for name in made.taken
        ]
        arguments += [{"name": "global_scratch"} | scratch, {"name": "profile_scratch", "memory": "none"}]
        return {
            "layers": launch.nodes,
            "kernel": self.numbers[key],
            "grid": made.grid,
            "arguments": arguments,
        }

    def _boxes(self, made: Specialization, swizzles: tuple[int, ...]) -> Iterator[tuple[str, Record]]:
        """How the kernel reads what it takes as descriptors."""
        names = [name for name in made.taken if name in made.boxes]
        for name, swizzle in zip(names, swizzles, strict=True):
            box = made.boxes[name]
            yield name, {"box": {"shape": box.shape, "strides": box.strides, "block": box.block, "swizzle": swizzle}}

    def _argument(self, tensor: Tensor) -> Record:
        match tensor:
            case Given():
                return {"memory": "input", "index": tensor.index}
            case Packed():
                size = prod(tensor.shape) * SIZES[tensor.dtype]
                offset = self.weights[tensor.name]["offset"]
                return {"memory": "weights", "offset": offset, "bytes": size, "weight": tensor.name}
            case Counters():
                return {"memory": "counters", "offset": 0, "bytes": tensor.bytes}
            case Scratch():
                offset = self.buffers[tensor.buffer].offset
                return {"memory": "arena", "offset": offset, "bytes": tensor.elements * SIZES["fp32"]}
            case View():
                return {"memory": "arena", "offset": self._offset(tensor), "bytes": self._reach(tensor)}

    def _layer(self, number: int, launch: Launch) -> Record:
        program = launch.problem
        inputs = [
            self._activation(view, shape)
            for index, shape in enumerate(program.shapes)
            if isinstance(view := launch.tensors[f"x{index}"], View)
        ]
        y = launch.tensors["y"]
        assert isinstance(y, View) and len(inputs) == len(program.shapes)
        return {
            "layers": launch.nodes,
            "program": self.programs[number],
            "builder": program.builder,
            "inputs": inputs,
            "output": self._activation(y, program.out),
            "state": {name: each.name for name, each in launch.tensors.items() if isinstance(each, Packed)},
        }

    def _activation(self, view: View, shape: Shape) -> Record:
        """A tensor in the arena, batch x height x width x channels, or batch x features; strides in elements."""
        row, batch = view.width * view.leading, self.plan.batch
        if len(shape) == 1:
            return {"offset": self._offset(view), "shape": (batch, view.channels), "strides": (view.leading, 1)}
        return {
            "offset": self._offset(view),
            "shape": (batch, view.height, view.width, view.channels),
            "strides": (view.height * row, row, view.leading, 1),
        }

    def _reach(self, view: View) -> int:
        """Bytes from the first value of a tensor to the end of its last."""
        pixels = self.plan.batch * view.pixels
        return ((pixels - 1) * view.leading + view.channels) * SIZES[view.dtype]

    def _offset(self, view: View) -> int:
        """Bytes from the begin of the arena."""
        return self.buffers[view.buffer].offset + view.start * SIZES[view.dtype]
