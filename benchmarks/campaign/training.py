"""Forward and backward: the source that the PyTorch backend writes, against torchvision's model, both compiled."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

import cnndsl
from campaign.machine import Machine, Run, allow_tf32
from campaign.names import TINY
from campaign.records import Records
from campaign.settings import Job, Settings

# A network of ours, torchvision's name for it, and a batch that fits anywhere.
MODELS = {
    "tiny": (TINY, TINY, 2),
    "resnet50": ("resnet50", "resnet50", 64),
    "densenet121": ("densenet121", "densenet121", 64),
    "squeezenet1_1": ("squeezenet1_1", "squeezenet1_1", 64),
    "resnext50": ("resnext50_32x4d", "resnext50_32x4d", 64),
    "vgg16": ("vgg16", "vgg16", 64),
}
ROUNDS = 15


def jobs(settings: Settings, records: Records) -> Iterator[Job]:
    for name in MODELS:
        unit = {"stage": "training", "network": name}
        if name in settings.networks and not records.has(**unit):
            yield Job("training", {"network": name}, (unit,), limit=300.0, timed=True)


def measure_training(settings: Settings, machine: Machine, records: Records, *, network: str) -> None:
    """Interleaved, so that what slows the device down slows both."""
    own, name, batch = MODELS[network]
    theirs = torchvisions(name, settings)
    if isinstance(theirs, str):
        records.add(stage="training", network=network, absent=theirs, gpu=machine.name)
        return
    allow_tf32()
    torch.backends.cudnn.benchmark = True
    size, batch = (32, 2) if machine.dry else (224, batch)
    modules = {
        "ours": cnndsl.load(own, input=(3, size, size)).compile(),
        "torchvision": theirs,
    }
    runs = {name: _training_run(module, batch, size, machine, settings) for name, module in modules.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        machine.seconds(run, 1 if machine.dry else 3)
    with machine.alone():
        for _ in range(2 if machine.dry else ROUNDS):
            for name, run in runs.items():
                times[name].append(1000 * machine.seconds(run))
    medians = {f"{name}_ms": statistics.median(values) for name, values in times.items()}
    told = {"batch": batch, "times_ms": times, "gpu": machine.name, "versions": machine.versions()}
    records.add(stage="training", network=network, **medians, **told)


def torchvisions(name: str, settings: Settings) -> Any:
    """Its model, or why there is none; in a dry run our own stands for it."""
    try:
        import torchvision

        if settings.small:
            raise ImportError("it has no such network")
    except (ImportError, RuntimeError) as problem:  # not there, or of another PyTorch
        if settings.dry:
            return cnndsl.load(name, input=(3, 32, 32)).compile(seed=1)
        return f"torchvision does not load: {problem}"
    return getattr(torchvision.models, name)(weights=None)


def _training_run(module: Any, batch: int, size: int, machine: Machine, settings: Settings) -> Run:
    module = module.to(machine.device).to(memory_format=torch.channels_last).train()
    compiled = torch.compile(module, backend="eager" if settings.dry else "inductor")
    x = torch.randn(batch, 3, size, size, device=machine.device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,), device=machine.device)

    def run() -> None:
        module.zero_grad(set_to_none=True)
        with torch.autocast(machine.device.type, dtype=torch.bfloat16):
            loss = F.cross_entropy(compiled(x), labels)
        loss.backward()

    return run
