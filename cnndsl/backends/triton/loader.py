"""Runs a network that cnndsl built ahead of time, on a GPU, by PyTorch and safetensors: without cnndsl and Triton.

    from run import load

    network = load()        # of the folder of this file, on the GPU that PyTorch uses
    y = network(x)          # x: batch x channels x height x width in float32; y: in the type of the network

`python run.py` runs it once on random input. `manifest.json` says what there is to do: which kernels to launch, in
which order, on which memory. A folder that is not as it was built is refused (`folder_checks.py`). One network object
runs one batch at a time.
"""

from __future__ import annotations

import ctypes
import runpy
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.func import functional_call

from cnndsl.backends.triton.folder_arguments import Arguments, EarlyLaunch
from cnndsl.backends.triton.folder_checks import WEIGHTS, read
from cnndsl.backends.triton.folder_form import Record, refuse

DTYPES = {
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp32": torch.float32,
    "int8": torch.int8,
    "fp8": torch.float8_e4m3fn,
}
USUAL_SHARED = 48 * 1024  # bytes that a block of NVIDIA's may have without asking
RECORDS_EARLY = 12030  # the first version of CUDA's driver whose graphs have launches that start early
MAX_DYNAMIC_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
CUDA = ("cuModuleLoadData", "cuModuleGetFunction", "cuLaunchKernel")
HIP = ("hipModuleLoadData", "hipModuleGetFunction", "hipModuleLaunchKernel")

P, U = ctypes.c_void_p, ctypes.c_uint
LOAD, FIND, LAUNCH = (P, P), (P, P, ctypes.c_char_p), (P, *[U] * 7, P, P, P)
ARGUMENTS = {  # of the drivers' functions; without them a number of 64 bits would be cut
    **dict(zip(CUDA, (LOAD, FIND, LAUNCH), strict=True)),
    **dict(zip(HIP, (LOAD, FIND, LAUNCH), strict=True)),
    "cuLaunchKernelEx": (P, P, P, P),  # drivers before CUDA 11.8 lack it
    "cuFuncSetAttribute": (P, ctypes.c_int, ctypes.c_int),
    "cuTensorMapEncodeTiled": (
        P,
        ctypes.c_int,
        U,
        P,
        P,
        P,
        P,
        P,
        *[ctypes.c_int] * 4,
    ),  # drivers before CUDA 12 lack it
    "cuCtxGetCurrent": (P,),
    "cuDriverGetVersion": (P,),
    "cuCtxSetCurrent": (P,),
    "cuGetErrorString": (ctypes.c_int, P),
    "hipGetErrorString": (ctypes.c_int,),
}
CAPTURES = Lock()  # PyTorch's allocator is shared by all threads

Step = Callable[[Sequence[torch.Tensor]], object]  # takes the caller's inputs


def load(folder: str | Path | None = None, device: str | torch.device = "cuda") -> Network:
    """The network in a folder, with its weights on a GPU.

    Raises `FolderError`, a RuntimeError, for a folder that is not as it was built, and RuntimeError where there is no
    GPU of the kind that it was built for.
    """
    path = Path(folder) if folder is not None else Path(__file__).resolve().parent
    manifest = read(path)
    return Network(path, manifest, Driver(manifest["target"], torch.device(device)))


class Driver:
    """Compiled kernels by the driver's own interface: CUDA's, or HIP's, whose functions are alike."""

    version = 0  # of CUDA's: a thousand times the first number and ten times the second

    def __init__(self, target: str, device: torch.device) -> None:
        _require(target, device)
        self.library = _typed(ctypes.CDLL(_hip() if torch.version.hip else "libcuda.so.1"))
        self.context = ctypes.c_void_p()
        with torch.cuda.device(device):
            self.device = torch.zeros(1, device="cuda").device  # which makes PyTorch's context, if there is none yet
            if not torch.version.hip:
                self.call("cuCtxGetCurrent", ctypes.byref(self.context))
                self.call("cuDriverGetVersion", ctypes.byref(version := ctypes.c_int()))
                self.version = version.value

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function of the driver. Raises RuntimeError with what it says is wrong."""
        function = getattr(self.library, name, None)
        if function is None:
            raise RuntimeError(f"this driver has no {name}: it is too old")
        status = function(*arguments)
        if status == 0:
            return
        if name.startswith("hip"):
            self.library.hipGetErrorString.restype = ctypes.c_char_p
            text = self.library.hipGetErrorString(status)
        else:
            said = ctypes.c_char_p()
            self.library.cuGetErrorString(status, ctypes.byref(said))
            text = said.value
        raise RuntimeError(f"{name}: {(text or b'unknown error').decode()} ({status})")

    @property
    def most_shared(self) -> int:
        """Bytes of shared memory that a block can have."""
        found: Any = torch.cuda.get_device_properties(self.device)
        return int(found.shared_memory_per_block if torch.version.hip else found.shared_memory_per_block_optin)

    @property
    def names(self) -> tuple[str, str, str]:
        return HIP if torch.version.hip else CUDA

    def stream(self) -> int:
        """PyTorch's current one."""
        return int(torch.cuda.current_stream(self.device).cuda_stream)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the device and its context current, which in a new thread none is yet."""
        if self.device.type != "cuda":
            yield
            return
        with torch.cuda.device(self.device):
            if self.context:
                self.call("cuCtxSetCurrent", self.context)
            yield

    def function(self, binary: bytes, name: str, shared: int) -> ctypes.c_void_p:
        """A kernel from its cubin or hsaco, allowed so much shared memory."""
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.call(self.names[0], ctypes.byref(module), binary)
        self.call(self.names[1], ctypes.byref(function), module, name.encode())
        if shared > USUAL_SHARED and not torch.version.hip:
            self.call("cuFuncSetAttribute", function, MAX_DYNAMIC_SHARED, shared)
        return function

    def launch(self, function: ctypes.c_void_p, grid: list[int], kernel: Record, arguments: Any) -> None:
        """`arguments` is an array of pointers to the values."""
        threads, shared, stream = kernel["threads"], kernel["shared"], self.stream()
        if kernel["early"] and self.version >= RECORDS_EARLY:  # it waits all the same
            launch = EarlyLaunch(grid, threads, shared, stream)
            self.call("cuLaunchKernelEx", ctypes.byref(launch), function, arguments, None)
        else:
            self.call(self.names[2], function, *grid, threads, 1, 1, shared, P(stream), arguments, None)


def _require(target: str, device: torch.device) -> None:
    """Raise RuntimeError unless the device runs kernels of the target."""
    if device.type != "cuda" or not torch.cuda.is_available():
        raise RuntimeError(f"built for {target}, which needs a GPU: there is none at {str(device)!r}")
    if torch.version.hip:
        found = torch.cuda.get_device_properties(device).gcnArchName.split(":")[0]
        fits = found == target
    else:
        major, minor = torch.cuda.get_device_capability(device)
        found, (first, last) = f"sm_{major}{minor}", divmod(int(target.removeprefix("sm_")), 10)
        fits = first == major and (last == minor if major >= 9 else last <= minor)
    if not fits:
        raise RuntimeError(f"built for {target}: {torch.cuda.get_device_name(device)} is {found}")


def _typed(library: Any) -> Any:
    """A driver's library whose functions know their arguments."""
    for name, arguments in ARGUMENTS.items():
        if name.startswith("hip") == bool(torch.version.hip) and hasattr(library, name):
            getattr(library, name).argtypes = arguments
    return library


def _hip() -> str:
    """The library that PyTorch has loaded; another one would have other contexts."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next((line.split()[-1] for line in lines if "libamdhip64.so" in line), "libamdhip64.so")


class Network:
    """Launches bound to memory on one GPU. Each call gives fresh outputs: one tensor, or a tuple of several."""

    def __init__(self, folder: Path, manifest: dict[str, Any], driver: Driver) -> None:
        self.manifest, self.driver = manifest, driver
        shared = max((each["shared"] for each in manifest["kernels"]), default=0)
        if shared > driver.most_shared:
            raise RuntimeError(f"a kernel needs {shared} bytes of shared memory: this GPU has {driver.most_shared}")
        self.memory = {
            name: torch.zeros(size, dtype=torch.uint8, device=driver.device)
            for name, size in manifest["memory"].items()
        }
        try:
            self._fill_weights(load_file(folder / WEIGHTS))
        except SafetensorError as error:
            refuse(WEIGHTS, f"cannot be read: {error}")
        layers = [self._layer(folder, each) if "program" in each else None for each in manifest["launches"]]
        with driver.current():
            functions = [
                driver.function((folder / each["file"]).read_bytes(), each["function"], each["shared"])
                for each in manifest["kernels"]
            ]
        self.first: list[Step] = []  # what reads the caller's inputs, wherever they lie: not part of the graph
        self.steps: list[Step] = []
        for launch, layer in zip(manifest["launches"], layers, strict=True):
            if layer is not None:
                self.steps.append(layer)
            else:
                reads_input = any(each["memory"] == "input" for each in launch["arguments"])
                (self.first if reads_input else self.steps).append(self._kernel(functions, launch))
        self.graph: Any = None

    def __call__(self, *inputs: torch.Tensor) -> Any:
        given = self._checked(inputs)
        with torch.inference_mode(), self.driver.current():
            if self.driver.device.type == "cuda" and self.graph is None:
                self.graph = self._record()
            self._run(self.first, given)
            if self.graph is None:
                self._run(self.steps)
            else:
                self.graph.replay()
            results = [self._result(port) for port in self.manifest["outputs"]]
        return results[0] if len(results) == 1 else tuple(results)

    def _run(self, steps: list[Step], given: Sequence[torch.Tensor] = ()) -> None:
        for step in steps:
            step(given)

    def _record(self) -> torch.cuda.CUDAGraph:
        """All steps as one graph, after a run on whatever the memory holds that warms PyTorch's own layers up."""
        device = self.driver.device
        with CAPTURES:
            own: Any = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            own.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(own):
                self._run(self.steps)
            torch.cuda.current_stream(device).wait_stream(own)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=own, capture_error_mode="thread_local"):
                self._run(self.steps)
        return graph

    def _checked(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        ports, batch = self.manifest["inputs"], self.manifest["batch"]
        if len(inputs) != len(ports):
            raise TypeError(f"{self.manifest['network']} takes {len(ports)} inputs, not {len(inputs)}")
        for port, x in zip(ports, inputs, strict=True):
            if tuple(x.shape) != (batch, *port["shape"]):
                wanted, found = (" x ".join(map(str, shape)) for shape in ((batch, *port["shape"]), x.shape))
                raise ValueError(f"{port['name']} must be {wanted}, not {found}")
        return [x.detach().to(self.driver.device, torch.float32).contiguous() for x in inputs]

    def _fill_weights(self, tensors: dict[str, torch.Tensor]) -> None:
        for name, place in self.manifest["weights"].items():
            self._weight(place).copy_(tensors[name])

    def _weight(self, place: dict[str, Any]) -> torch.Tensor:
        dtype = DTYPES[place["dtype"]]
        count = torch.Size(place["shape"]).numel()
        whole = self.memory["weights"][place["offset"] : place["offset"] + count * dtype.itemsize]
        return whole.view(dtype).view(place["shape"])

    def _activation(self, place: dict[str, Any]) -> torch.Tensor:
        """A tensor in the arena: batch x height x width x channels, or batch x features."""
        dtype = DTYPES[self.manifest["dtype"]]
        start = place["offset"] // dtype.itemsize
        return self.memory["arena"].view(dtype).as_strided(place["shape"], place["strides"], start)

    def _result(self, port: dict[str, Any]) -> torch.Tensor:
        """Fresh, in PyTorch's order."""
        return _planes(self._activation(port)).clone(memory_format=torch.contiguous_format)

    def _kernel(self, functions: list[ctypes.c_void_p], launch: dict[str, Any]) -> Step:
        kernel = self.manifest["kernels"][launch["kernel"]]
        arguments = Arguments(launch["arguments"], self._address, self.manifest["dtype"], self.driver.call)

        def step(given: Sequence[torch.Tensor]) -> None:
            arguments.give([x.data_ptr() for x in given])
            function = functions[launch["kernel"]]
            self.driver.launch(function, launch["grid"], kernel, arguments.pointers)

        return step

    def _address(self, argument: dict[str, Any]) -> int:
        """Of memory that is known now; 0 for inputs, and for a pointer that the kernel does not follow."""
        if argument["memory"] in ("input", "none"):
            return 0
        return int(self.memory[argument["memory"]].data_ptr() + argument["offset"])

    def _layer(self, folder: Path, launch: dict[str, Any]) -> Step:
        """A layer of PyTorch's own on the same memory."""
        builder = runpy.run_path(str(folder / launch["program"])).get(launch["builder"])
        if builder is None:
            refuse(launch["program"], f"has no {launch['builder']}")
        module = builder().eval().to(self.driver.device, DTYPES[self.manifest["dtype"]])
        state = {name: self._weight(self.manifest["weights"][weight]) for name, weight in launch["state"].items()}
        given = {name: tensor.shape for name, tensor in state.items()}
        if any(given.get(name) != tensor.shape for name, tensor in module.named_parameters()):
            refuse(launch["program"], "has other weights than its launch")
        inputs = tuple(_planes(self._activation(place)) for place in launch["inputs"])
        out = _planes(self._activation(launch["output"]))

        def step(given: Sequence[torch.Tensor]) -> None:
            out.copy_(functional_call(module, state, inputs))

        return step


def _planes(view: torch.Tensor) -> torch.Tensor:
    """As PyTorch's layers take it, without a copy."""
    return view if view.dim() == 2 else view.permute(0, 3, 1, 2)


def main() -> None:
    try:
        network = load()
    except RuntimeError as error:
        raise SystemExit(f"run.py: {error}") from error
    manifest = network.manifest
    inputs = [torch.randn(manifest["batch"], *port["shape"], device="cuda") for port in manifest["inputs"]]
    network(*inputs)
    torch.cuda.synchronize()
    start = time.perf_counter()
    result = network(*inputs)
    torch.cuda.synchronize()
    elapsed = time.perf_counter() - start
    first = result if isinstance(result, torch.Tensor) else result[0]
    shapes = " and ".join(" x ".join(map(str, x.shape)) for x in inputs)
    print(f"{manifest['network']}: {shapes} -> {' x '.join(map(str, first.shape))} in {1000 * elapsed:.3f} ms")


if __name__ == "__main__":
    main()
