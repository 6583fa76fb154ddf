"""Inference on a CPU: the optimised module against PyTorch's own ways, ONNX Runtime and OpenVINO.

    python benchmarks/cpu.py --networks resnet50 squeezenet1_1 --batch 1 --rounds 15 --json cpu.json

All runners of a network have the same weights and input, and their runs are interleaved: each round runs each of
them once, in a random order, so that a slow second of the machine hits all alike. Reported are the median, the range
from the first to the third quartile, and the median over rounds of the ratio to the optimised module in the same round.
ONNX Runtime and OpenVINO run if they are installed, from the network as PyTorch exports it.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from math import exp, log
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

import cnndsl

Runner: TypeAlias = Callable[[], object]
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
RUNNERS = ("eager", "channels_last", "compiled", "onnxruntime", "openvino", "optimised_compiled", OURS)


def build(model: str, names: list[str], batch: int, dtype: torch.dtype) -> Iterator[tuple[str, Runner]]:
    """The runners by name, each on the same weights and input; those that cannot run are left out, with a word."""
    network = cnndsl.load(model)
    plain = network.compile().eval()
    x = torch.randn(batch, *network.input_shape, generator=torch.Generator().manual_seed(0))
    for name in names:
        try:
            yield name, MAKERS[name](network, plain, x, dtype)
        except ImportError as error:
            print(f"  {name} is left out: {error}", file=sys.stderr)


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


def optimised(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    module = network.optimize()
    module.load_state_dict(plain.state_dict())
    return calling(module.to(dtype), x.to(dtype).contiguous(memory_format=torch.channels_last))


def optimised_compiled(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    """Our rewritten network, compiled by `torch.compile` with freezing instead of calling oneDNN itself."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    module = network.optimize()
    module.load_state_dict(plain.state_dict())
    return calling(torch.compile(module.to(dtype)), x.to(dtype).contiguous(memory_format=torch.channels_last))


def onnxruntime(network: cnndsl.Architecture, plain: nn.Module, x: Tensor, dtype: torch.dtype) -> Runner:
    import onnxruntime

    if dtype is not torch.float32:
        raise ImportError("its CPU kernels have no bfloat16")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
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
    each.__name__: each
    for each in (eager, channels_last, compiled, onnxruntime, openvino, optimised_compiled, optimised)
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


def measure(runners: dict[str, Runner], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each run, by runner, round by round."""
    times: dict[str, list[float]] = {name: [] for name in runners}
    order = list(runners)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            start = time.perf_counter()
            runners[name]()
            times[name].append(1000 * (time.perf_counter() - start))
    return times


def summary(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, values in times.items():
        first, _, third = statistics.quantiles(values, n=4)
        ratios = [value / ours for value, ours in zip(values, times[OURS], strict=True)]
        found[name] = {
            "median_ms": statistics.median(values),
            "first_quartile_ms": first,
            "third_quartile_ms": third,
            "fastest_ms": min(values),
            "ratio_to_ours": statistics.median(ratios),
            "ratio_of_fastest": min(values) / min(times[OURS]),
        }
    return found


def benchmark(name: str, options: argparse.Namespace, batch: int, dtype: str) -> dict[str, object]:
    names = [each for each in RUNNERS if each in options.runners or each == OURS]
    runners = dict(build(NETWORKS.get(name, name), names, batch, DTYPES[dtype]))
    for runner in runners.values():
        for _ in range(3):
            runner()
    times = measure(runners, options.rounds)
    told = summary(times)
    print(f"{name}, batch {batch}, {dtype}")
    for runner, figures in told.items():
        low, high = figures["first_quartile_ms"], figures["third_quartile_ms"]
        spread = f"{figures['median_ms']:9.2f} ms ({low:.2f} to {high:.2f}), fastest {figures['fastest_ms']:.2f}"
        print(f"  {runner:14}{spread:48} {figures['ratio_to_ours']:6.2f} x ours", flush=True)
    return {"network": name, "batch": batch, "dtype": dtype, "summary": told, "times_ms": times}


def geometric_means(results: list[dict[str, object]]) -> dict[str, float]:
    """Of the ratios to ours, by runner: above 1 it is slower."""
    ratios: dict[str, list[float]] = {}
    for result in results:
        for runner, figures in result["summary"].items():  # type: ignore[attr-defined]
            ratios.setdefault(runner, []).append(figures["ratio_to_ours"])
    return {runner: exp(statistics.fmean(map(log, values))) for runner, values in ratios.items()}


def environment() -> dict[str, object]:
    versions = {}
    for package in ("cnndsl", "torch", "onnxruntime", "openvino"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {"versions": versions, "python": platform.python_version(), "threads": torch.get_num_threads()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--runners", nargs="+", choices=RUNNERS, default=list(RUNNERS))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = [
        benchmark(name, options, batch, dtype)
        for name in options.networks
        for batch in options.batch
        for dtype in options.dtype
    ]
    means = geometric_means(results)
    print("geometric mean of the ratios to ours:", {name: round(value, 2) for name, value in means.items()})
    if options.json:
        told = {"environment": environment(), "geometric_means": means, "results": results}
        options.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
