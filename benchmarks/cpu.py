"""Inference on a CPU: the optimised module against PyTorch's own ways, ONNX Runtime and OpenVINO.

    python benchmarks/cpu.py --networks resnet50 squeezenet1_1 --batch 1 --rounds 15 --json cpu.json

All runners of a network have the same weights and input, and their runs are interleaved: each round runs each of
them, in a random order, so that a slow second of the machine hits all alike. A turn is a pause and two runs, of which
the second is timed: in the pause the threads of the runner before come to rest, which else wait for work at the
expense of the next one, and the first run fills the caches that the others have emptied. So it is in a process that
serves one network. Reported
are the median, the range from the first to the third quartile, and the same of the ratio to the optimised module in
the same round.
ONNX Runtime and OpenVINO run if they are installed, from the network as PyTorch exports it.
On a machine that is not quiet, `--threads 1 --clock cpu` counts the processor's time instead of the time that passes.
Every result is printed and written as soon as it is there; a network that the file given by --json has is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from math import exp, log
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

import cnndsl
from cnndsl.backends.torch import explain_frozen

Runner: TypeAlias = Callable[[], object]
Figures: TypeAlias = dict[str, Any]
Result: TypeAlias = dict[str, Any]
NETWORKS = {
    "alexnet": "alexnet",
    "vgg16": "vgg16",
    "googlenet": "googlenet_torchvision",
    "resnet50": "resnet50",
    "resnext50": "resnext50_32x4d",
    "densenet121": "densenet121",
    "squeezenet1_1": "squeezenet1_1",
    "inception_v4": "inception_v4",
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
OURS = "optimised"
LEAST_ROUNDS = 5
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
RUNNERS = ("eager", "channels_last", "compiled", "onnxruntime", "openvino", "as_written", OURS)


def build(model: str, names: list[str], batch: int, dtype: torch.dtype) -> Iterator[tuple[str, Runner]]:
    """The runners by name, each on the same weights and input; those that cannot run are left out, with a word."""
    network = cnndsl.load(model)
    plain = network.compile().eval()
    x = torch.randn(batch, *network.input_shape, generator=torch.Generator().manual_seed(0))
    for name in names:
        try:
            runner = MAKERS[name](network, plain, x, dtype)
            runner()
            yield name, runner
        except (ImportError, RuntimeError) as error:  # or a layer without a kernel for this type
            print(f"  {name} is left out: {str(error).strip().splitlines()[0]}", file=sys.stderr)


def eager(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    return calling(copy_of(network, plain).to(dtype), x.to(dtype))


def channels_last(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    module = copy_of(network, plain).to(dtype).to(memory_format=torch.channels_last)
    return calling(module, x.to(dtype).contiguous(memory_format=torch.channels_last))


def compiled(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    """`torch.compile` with freezing: weights are constants, batch norms folded, oneDNN's fused operators."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    module = copy_of(network, plain).to(dtype).to(memory_format=torch.channels_last)
    return calling(torch.compile(module), x.to(dtype).contiguous(memory_format=torch.channels_last))


def as_written(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    """Our module without a compiler: the source that `cnndsl compile --optimize` writes."""
    return ours(network.optimize(), plain, x, dtype)


def optimised(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    module = network.optimize(freeze=True)
    runner = ours(module, plain, x, dtype)
    runner()
    print(explain_frozen(module), flush=True)
    return runner


def ours(module: nn.Module, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    module.load_state_dict(plain.state_dict())
    return calling(module.to(dtype), x.to(dtype).contiguous(memory_format=torch.channels_last))


def onnxruntime(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    import onnxruntime

    if dtype is not torch.float32:
        raise ImportError("its CPU kernels have no bfloat16")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.force_spinning_stop", "1")  # at the end of a run; within it they spin
    session = onnxruntime.InferenceSession(exported(plain, x), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x.numpy()}
    return lambda: session.run(None, feed)


def openvino(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        path.write_bytes(exported(plain, x))
        core = openvino.Core()
        precision = "bf16" if dtype is torch.bfloat16 else "f32"
        settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
    array = x.numpy()
    return lambda: request.infer([array])


MAKERS = {
    each.__name__: each for each in (eager, channels_last, compiled, onnxruntime, openvino, as_written, optimised)
}


def copy_of(network: cnndsl.Architecture, plain: nn.Module) -> nn.Module:
    module = network.compile().eval()
    module.load_state_dict(plain.state_dict())
    return module


def calling(module: Callable[[Tensor], object], x: Tensor) -> Runner:
    def run() -> object:
        with torch.inference_mode():
            return module(x)

    return run


def exported(module: nn.Module, x: Tensor) -> bytes:
    """The module as ONNX, by PyTorch's own exporter."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        torch.onnx.export(module, (x,), str(path), dynamo=False, opset_version=17)
        return path.read_bytes()


def measure(runners: dict[str, Runner], options: argparse.Namespace) -> dict[str, list[float]]:
    """Milliseconds of each run, by runner, round by round: all of them, or fewer if the budget is used up."""
    clock = CLOCKS[options.clock]
    times: dict[str, list[float]] = {name: [] for name in runners}
    order = list(runners)
    end = time.perf_counter() + options.budget
    for done in range(options.rounds):
        if done >= LEAST_ROUNDS and time.perf_counter() > end:
            break
        random.shuffle(order)
        for name in order:
            time.sleep(options.rest / 1000)
            runners[name]()
            start = clock()
            runners[name]()
            times[name].append(1000 * (clock() - start))
    return times


def spread(values: list[float]) -> dict[str, float]:
    first, median, third = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "first_quartile": first, "third_quartile": third, "least": min(values)}


def summary(times: dict[str, list[float]]) -> dict[str, Figures]:
    return {
        name: {
            "ms": spread(values),
            "ratio_to_ours": spread([value / ours for value, ours in zip(values, times[OURS], strict=True)]),
            "ratio_of_fastest": min(values) / min(times[OURS]),
        }
        for name, values in times.items()
    }


def benchmark(name: str, options: argparse.Namespace, batch: int, dtype: str) -> Result:
    torch._dynamo.reset()
    names = [each for each in RUNNERS if each in options.runners or each == OURS]
    runners = dict(build(NETWORKS.get(name, name), names, batch, DTYPES[dtype]))
    for runner in runners.values():
        for _ in range(3):
            runner()
    times = measure(runners, options)
    told = summary(times)
    print(f"{name}, batch {batch}, {dtype}, {len(times[OURS])} rounds")
    for runner, figures in told.items():
        ms, ratio = figures["ms"], figures["ratio_to_ours"]
        print(
            f"  {runner:14}{ms['median']:9.2f} ms ({ms['first_quartile']:.2f} to {ms['third_quartile']:.2f}),"
            f" fastest {ms['least']:8.2f}; {ratio['median']:5.2f} x ours"
            f" ({ratio['first_quartile']:.2f} to {ratio['third_quartile']:.2f})",
            flush=True,
        )
    load = os.getloadavg()[0]  # far above the number of threads, others were at work
    return {"network": name, "batch": batch, "dtype": dtype, "load": load, "summary": told, "times_ms": times}


def geometric_means(results: list[Result]) -> dict[str, dict[str, float]]:
    """Of the ratios to ours, by type and runner: above 1 it is slower."""
    ratios: dict[str, dict[str, list[float]]] = {}
    for result in results:
        for runner, figures in result["summary"].items():
            of_type = ratios.setdefault(result["dtype"], {})
            of_type.setdefault(runner, []).append(figures["ratio_to_ours"]["median"])
    return {
        dtype: {runner: exp(statistics.fmean(map(log, values))) for runner, values in of_type.items()}
        for dtype, of_type in ratios.items()
    }


def environment(options: argparse.Namespace) -> dict[str, object]:
    versions = {}
    for package in ("cnndsl", "torch", "onnxruntime", "openvino"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "versions": versions,
        "python": platform.python_version(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "clock": options.clock,
        "rest": options.rest,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--runners", nargs="+", choices=RUNNERS, default=list(RUNNERS))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--budget", type=float, default=20, help="seconds for the rounds of a network")
    parser.add_argument("--rest", type=float, default=20, help="milliseconds of pause before each turn")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu, with --threads 1, on a busy machine")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = earlier(options)
    known = {(each["network"], each["batch"], each["dtype"]) for each in results}
    for batch, dtype, name in product(options.batch, options.dtype, options.networks):
        if (name, batch, dtype) not in known:
            try:
                results.append(benchmark(name, options, batch, dtype))
            except cnndsl.ModelError as error:
                sys.exit(str(error))
            write(results, options)
    print("geometric means of the ratios to ours:", json.dumps(geometric_means(results), indent=1))


def earlier(options: argparse.Namespace) -> list[Result]:
    """What the file holds already; it must be of this machine and these versions."""
    if not options.json or not options.json.exists():
        return []
    kept = json.loads(options.json.read_text(encoding="utf-8"))
    if kept["environment"] != environment(options):
        sys.exit(f"{options.json} holds results of another environment: {kept['environment']}; name another file")
    results: list[Result] = kept["results"]
    return results


def write(results: list[Result], options: argparse.Namespace) -> None:
    if options.json:
        told = {
            "environment": environment(options),
            "geometric_means": geometric_means(results),
            "results": results,
        }
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
