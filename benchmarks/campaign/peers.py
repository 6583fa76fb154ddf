"""Others' ways to run the same network with the same weights: eager PyTorch, `torch.compile` at its best, and TensorRT
where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from campaign.machine import Machine, allow_tf32
from campaign.networks import DTYPES, error, images, lively, network, reference
from campaign.records import Records
from campaign.settings import Job, Settings

CHECKED = 2  # images whose results are compared with the reference


@dataclass(frozen=True)
class Peer:
    """A way to run a module.

    mode     of `torch.compile`; None does not compile
    backend  of `torch.compile`, where it is not Inductor
    frozen   whether weights are constants, so that batch norms are folded
    graph    whether it is measured as a CUDA graph of ours too; the modes with graphs of their own need none
    limit    seconds that it may take to compile and measure
    """

    mode: str | None = None
    frozen: bool = False
    graph: bool = False
    limit: float = 180.0
    backend: str | None = None

    def compiled(self, module: nn.Module, inductor: bool) -> Any:
        if self.backend is not None:
            import_module(self.backend)  # which makes it known to PyTorch
            return torch.compile(module, backend=self.backend, dynamic=False)
        if self.mode is None:
            return module
        return torch.compile(module, mode=self.mode, backend="inductor" if inductor else "eager")


PEERS = {
    "eager": Peer(graph=True, limit=90.0),
    "reduce-overhead, frozen": Peer("reduce-overhead", frozen=True),
    "compile": Peer("default", graph=True),
    "reduce-overhead": Peer("reduce-overhead"),
    "max-autotune, frozen": Peer("max-autotune", frozen=True, limit=420.0),
}
if find_spec("torch_tensorrt") is not None:
    PEERS["tensorrt"] = Peer(graph=True, limit=420.0, backend="torch_tensorrt")
QUICK = tuple(name for name, peer in PEERS.items() if peer.limit < 300.0)


def jobs(settings: Settings, records: Records) -> Iterator[Job]:
    """Those that matter most first: fp16 in the quick modes, the other precisions, then those that compile for long."""
    slow = tuple(name for name in PEERS if name not in QUICK)
    for names in (QUICK, slow):
        for precision in settings.precisions:
            for batch in settings.batches:
                for peer in names:
                    for name in settings.networks:
                        unit = {"stage": "baseline", "network": name, "batch": batch, "precision": precision}
                        if not records.has(**unit, runner=peer):
                            arguments = {"peer": peer, **{key: unit[key] for key in ("network", "batch", "precision")}}
                            yield Job(
                                "peer", arguments, ({**unit, "runner": peer},), limit=PEERS[peer].limit, timed=True
                            )


def measure_peer(
    settings: Settings, machine: Machine, records: Records, *, peer: str, network: str, batch: int, precision: str
) -> None:
    found = PEERS[peer]
    unit = {"stage": "baseline", "network": network, "batch": batch, "precision": precision}
    module, x, wanted = prepared(settings, machine, network, batch, precision)
    machine.start_counting_memory()
    torch.backends.cudnn.benchmark = True
    inductor = not settings.dry or (not settings.small and network == settings.networks[0])
    with torch.no_grad(), inductor_settings(machine, found.frozen):
        run = found.compiled(module, inductor)
        for _ in range(3):  # compiles, tunes, and records graphs
            result = run(x)
        told = {"error_to_float64": error(result[:CHECKED].float(), wanted), "versions": machine.versions()}
        times = machine.measure(lambda: run(x))
        records.add(**unit, runner=peer, gpu=machine.name, **times, peak_bytes=machine.peak_bytes(), **told)
        if found.graph:
            replay = machine.graphed(lambda: run(x))
            times = machine.measure(replay)
            name = f"{peer}, graph"
            records.add(**unit, runner=name, gpu=machine.name, **times, peak_bytes=machine.peak_bytes(), **told)
    torch._dynamo.reset()


def prepared(
    settings: Settings, machine: Machine, name: str, batch: int, precision: str
) -> tuple[nn.Module, Tensor, Tensor]:
    """The module and its input, channels last in the type of the precision, and the reference of a few images."""
    allow_tf32()
    architecture = network(name, settings.dry)
    module = lively(architecture, machine.device)
    x = images(architecture, batch, machine.device)
    wanted = reference(module, x[:CHECKED])
    dtype = DTYPES[precision]
    module = module.to(dtype).to(memory_format=torch.channels_last)
    return module, x.to(dtype).contiguous(memory_format=torch.channels_last), wanted


def inductor_settings(machine: Machine, frozen: bool) -> AbstractContextManager[Any]:
    """Freezing, and that no two processes measure Inductor's candidates at once."""
    import torch._inductor.config as config
    from torch._inductor.runtime.benchmarking import benchmarker

    for name in ("benchmark_gpu", "benchmark_gpu_with_cuda_graph"):
        measure = getattr(benchmarker, name, None)
        if measure is not None and not hasattr(measure, "alone"):
            setattr(benchmarker, name, _alone(machine, measure))
    return config.patch(freezing=frozen)  # type: ignore[no-any-return]


def _alone(machine: Machine, measure: Callable[..., Any]) -> Callable[..., Any]:
    def measured(*arguments: Any, **options: Any) -> Any:
        with machine.turns.one_candidate():
            return measure(*arguments, **options)

    measured.alone = True  # type: ignore[attr-defined]
    return measured
