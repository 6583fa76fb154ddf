"""The engines by name: how each is made ready for one network, one batch and one type of numbers.

Ours and PyTorch's get the weights of one module, drawn from seed 0. Networks of torchvision and timm have their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from cnndsl.architecture import Architecture
from cnndsl.backends.torch import engines
from cnndsl.benching.names import AGAINST, BACKENDS
from cnndsl.benching.setting import Dtype
from cnndsl.errors import BenchError
from cnndsl.foreign.modules import build_foreign, foreign_names

Runner: TypeAlias = Callable[[], object]
TORCH_TYPES: dict[Dtype, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Work:
    """A network, the weights of its plain module, and pictures for each of its inputs.

    onnx  the network as `cnndsl export` writes it, for engines that read that
    """

    network: Architecture
    state: Mapping[str, Tensor]
    inputs: tuple[Tensor, ...]
    dtype: Dtype
    onnx: bytes = b""

    def module(self) -> nn.Module:
        """The plain module with these weights."""
        return self.with_weights(self.network.compile().eval())

    def with_weights(self, module: nn.Module) -> nn.Module:
        module.load_state_dict(self.state)
        return module.to(TORCH_TYPES[self.dtype])


def exported(network: Architecture) -> bytes:
    """The network with the weights of `work_for`, as `cnndsl export` writes it."""
    from cnndsl.export import export

    return export(network.graph, "onnx", weights=network.compile().state_dict()).content


def work_for(network: Architecture, batch: int, dtype: Dtype, onnx: bytes = b"") -> Work:
    generator = torch.Generator().manual_seed(0)
    shapes = [node.shape for node in network.graph.inputs]
    inputs = tuple(torch.randn(batch, *shape, generator=generator) for shape in shapes)
    return Work(network, network.compile().state_dict(), inputs, dtype, onnx)


def import_engine(engine: str) -> None:
    """Import its package, so that neither its time nor its memory counts as the network's."""
    package = engine.partition(":")[0]
    if package in AGAINST:
        import_module(package)
    elif ":" in engine:
        foreign_names(package)


def runner(engine: str, work: Work) -> Runner:
    """What runs the network once; the first run may take long. Raises whatever the engine raises."""
    if ":" in engine:
        return _calling(build_foreign(engine).eval().to(TORCH_TYPES[work.dtype]), work, torch.contiguous_format)
    return MAKERS[engine](work)


def eager(work: Work) -> Runner:
    """The plain module as PyTorch runs it."""
    return _calling(work.module(), work, torch.contiguous_format)


def channels_last(work: Work) -> Runner:
    """The same with the channels of a pixel beside each other."""
    return _calling(work.module().to(memory_format=torch.channels_last), work, torch.channels_last)  # type: ignore[call-overload]


def compiled(work: Work) -> Runner:
    """`torch.compile` with freezing: weights are constants, batch norms folded, oneDNN's fused operators."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    module = work.module().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return _calling(torch.compile(module), work, torch.channels_last)


def optimized(work: Work) -> Runner:
    """Our passes, as `cnndsl compile --optimize` writes them."""
    return _calling(work.with_weights(work.network.optimize()), work, torch.channels_last)


def frozen(work: Work) -> Runner:
    """Our passes, and the fastest of several compilers and engines, which take the input as the other engines do."""
    return _calling(work.with_weights(work.network.optimize(freeze=True)), work, torch.contiguous_format)


def onnxruntime(work: Work) -> Runner:
    if work.dtype != "fp32":
        raise BenchError(f"its kernels for a CPU have no {work.dtype}")
    run = engines.onnxruntime(work.onnx)
    return lambda: run(*work.inputs)


def openvino(work: Work) -> Runner:
    run = engines.openvino(work.onnx, "bf16" if work.dtype == "bf16" else "f32")
    return lambda: run(*work.inputs)


MAKERS: dict[str, Callable[[Work], Runner]] = {
    each.__name__: each for each in (eager, channels_last, compiled, optimized, frozen, onnxruntime, openvino)
}
assert {*MAKERS} == {*BACKENDS, *AGAINST}


def _calling(module: Callable[..., object], work: Work, layout: torch.memory_format) -> Runner:
    inputs = [_laid_out(x.to(TORCH_TYPES[work.dtype]), layout) for x in work.inputs]

    def run() -> object:
        with torch.inference_mode():
            return module(*inputs)

    return run


def _laid_out(x: Tensor, layout: torch.memory_format) -> Tensor:
    """Vectors have no layout."""
    return x.contiguous(memory_format=layout) if x.dim() == 4 else x


def tensors(result: Any) -> list[Tensor]:
    """The outputs, in their order."""
    if isinstance(result, Tensor):
        return [result]
    parts: Iterable[Any] = result.values() if isinstance(result, Mapping) else result
    return [tensor for part in parts for tensor in tensors(part)]


def reference(work: Work) -> list[Tensor]:
    """The outputs in float64."""
    module = work.network.compile().eval()
    module.load_state_dict(work.state)
    with torch.inference_mode():
        return tensors(module.double()(*(x.double() for x in work.inputs)))


def error(found: object, exact: list[Tensor]) -> float:
    """The largest difference of an output to the exact one, as a part of its largest value."""
    pairs = zip(tensors(found), exact, strict=True)
    return max(float((a.double() - b).abs().max() / b.abs().max().clamp_min(1e-30)) for a, b in pairs)
