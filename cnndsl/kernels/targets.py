"""The GPUs that kernels are compiled for ahead of time, with the limits that decide tiles and pipeline depth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cnndsl.errors import DeviceError
from cnndsl.kernels.precision import Dtype

FIRST_FP8 = 89  # the first of NVIDIA's architectures that multiplies e4m3
SATURATING = 0.5  # share of the multiprocessors whose loads and stores together fill the memory's bandwidth


@dataclass(frozen=True)
class Target:
    """A GPU.

    shared     bytes of shared memory that one block can have
    units      streaming multiprocessors
    bandwidth  bytes per second of its memory, as measured by copies or as published
    flops      floating point operations per second of half-precision products with float32 sums, likewise
    l2         bytes per second that its L2 cache gives all multiprocessors together: an assumption, from published
               measurements of such GPUs, until `benchmarks/gpu.py` has measured it
    fetching   share of both that is left to a matrix product whose threads fetch the operands themselves: 1 where
               there is no other way. On Hopper, which has its tensor memory accelerator for that, an assumption too:
               on an H100 products by threads took 1.3 to 1.9 times as long where they are small (pytorch#164474)
    """

    name: str
    backend: str
    arch: int | str
    lanes: int
    shared: int
    units: int
    bandwidth: float
    flops: float
    l2: float
    fetching: float = 1.0

    def seconds(self, bytes: float, flops: float, busy: float = 1.0) -> float:
        """How long at least: the slower of traffic and arithmetic (Williams et al. 2009, the roofline).

        busy  share of the multiprocessors that have work
        """
        return max(bytes / (self.bandwidth * min(1.0, busy / SATURATING)), flops / (self.flops * busy))

    @property
    def nvidia(self) -> bool:
        return self.backend == "cuda"

    def multiplies(self, dtype: Dtype) -> bool:
        """Whether its matrix instructions take a type; AMD's 8 bits of floating point are others than e4m3."""
        return dtype != "fp8" or (self.nvidia and int(self.arch) >= FIRST_FP8)

    def warps(self, of_32: int) -> int:
        """As many threads as so many warps of 32, in its own warps."""
        return of_32 * 32 // self.lanes


# The older first.
TARGETS = {
    target.name: target
    for target in (
        Target("sm_80", "cuda", 80, 32, 163 * 1024, 108, 1.9e12, 312e12, 4.0e12),  # A100
        Target("sm_86", "cuda", 86, 32, 99 * 1024, 84, 0.9e12, 71e12, 2.2e12),  # RTX 3090
        Target("sm_89", "cuda", 89, 32, 99 * 1024, 128, 0.95e12, 165e12, 4.5e12),  # RTX 4090
        Target("sm_90", "cuda", 90, 32, 227 * 1024, 132, 4.3e12, 790e12, 5.5e12, 0.85),  # H200
        Target("gfx942", "hip", "gfx942", 64, 64 * 1024, 304, 4.3e12, 1300e12, 10.0e12),  # MI300X
    )
}

DEFAULT = TARGETS["sm_90"]


def target_of(device: Any | None) -> Target:
    """The newest known GPU whose kernels a device can run, with the device's own architecture, for which its launches
    are compiled, and number of multiprocessors.

    It is no newer than the device and has no more shared memory, so that consumer GPUs do not get the tiles of data
    centre GPUs. Without a device it is the one that plans are made for where there is none.
    Raises `DeviceError` for a device that can run none.
    """
    if device is None:
        return DEFAULT
    import torch

    found = torch.cuda.get_device_properties(device)
    if torch.version.hip:
        arch: int | str = found.gcnArchName.split(":")[0]
        known = [target for target in TARGETS.values() if not target.nvidia and target.lanes == found.warp_size]
    else:
        arch = 10 * found.major + found.minor
        known = [target for target in TARGETS.values() if target.nvidia and _runs(target, arch, found)]
    if not known:
        raise DeviceError(f"{found.name} is none of the GPUs that kernels are made for: {', '.join(TARGETS)} and newer")
    return replace(known[-1], arch=arch, units=found.multi_processor_count)


def _runs(target: Target, arch: int, device: Any) -> bool:
    return int(target.arch) <= arch and target.shared <= int(device.shared_memory_per_block_optin)
