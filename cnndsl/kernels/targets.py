"""The GPUs that kernels are compiled for ahead of time, with the limits that decide tiles and pipeline depth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A GPU: `shared` is the shared memory that one block can have, in bytes, `units` its streaming multiprocessors."""

    name: str
    backend: str
    arch: int | str
    lanes: int
    shared: int
    units: int

    @property
    def nvidia(self) -> bool:
        return self.backend == "cuda"

    def warps(self, of_32: int) -> int:
        """As many threads as so many warps of 32, in its own warps."""
        return of_32 * 32 // self.lanes


TARGETS = {
    target.name: target
    for target in (
        Target("sm_80", "cuda", 80, 32, 163 * 1024, 108),
        Target("sm_86", "cuda", 86, 32, 99 * 1024, 84),
        Target("sm_89", "cuda", 89, 32, 99 * 1024, 128),
        Target("sm_90", "cuda", 90, 32, 227 * 1024, 132),
        Target("gfx942", "hip", "gfx942", 64, 64 * 1024, 304),
    )
}
