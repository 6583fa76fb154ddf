"""Every kernel configuration that ships, each on a typical problem, with what must hold of it once compiled.

The tests compile them all ahead of time, and `docs/kernels.md` is the table of what came out.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.kernels.aot import ALIGNMENT, Compiled
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.family import Family, Shipped
from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.targets import Target

DTYPE_ORDER: tuple[Dtype, ...] = ("fp16", "bf16", "fp32", "int8", "fp8")


@dataclass(frozen=True, eq=False)
class Entry:
    """A configuration of a family that ships, in one type."""

    family: Family
    dtype: Dtype
    shipped: Shipped

    @property
    def label(self) -> str:
        return self.shipped.label

    @property
    def specialization(self) -> Specialization:
        return self.family.specialize(self.shipped.problem, self.shipped.config)

    def faults(self, compiled: Compiled) -> list[str]:
        """What is wrong with it: nothing, if it may ship."""
        target, found = compiled.target, []
        if compiled.spills:
            found.append(f"spills ({compiled.spills} instructions)")
        if compiled.shared > target.shared:
            found.append(f"needs {compiled.shared} bytes of shared memory, {target.name} has {target.shared}")
        if compiled.matrix != self.instruction(target):
            found.append(f"uses {compiled.matrix or 'no matrix instruction'}, not {self.instruction(target)}")
        if self.multiplies_eight_bits(target) and not compiled.eight_bits:
            found.append("multiplies wider numbers than it reads")
        if compiled.widest < ALIGNMENT:
            found.append(f"moves at most {compiled.widest} bytes at once")
        if self.family.copies and 0 < compiled.narrowest_copy < ALIGNMENT:
            found.append(f"copies {compiled.narrowest_copy} bytes at once to shared memory")
        if self.family.boxes and not compiled.boxes:
            found.append("does not use the tensor memory accelerator")
        if compiled.early != self.specialization.early(target.arch):
            found.append("may start early and does not wait" if not compiled.early else "waits for nothing")
        if compiled.hasty or (compiled.early and compiled.scratch):
            found.append("touches memory that the launch in front of it may still use")
        return found

    def multiplies_eight_bits(self, target: Target) -> bool:
        """Whether it should: Hopper's `mma` takes fp8 in half precision."""
        dtype = self.shipped.problem.dtype if self.shipped.rows else None
        return dtype == "int8" or (dtype == "fp8" and (target.name != "sm_90" or self.instruction(target) == "wgmma"))

    def instruction(self, target: Target) -> str:
        """The matrix instruction it should use; Hopper's takes 64 rows."""
        if not self.shipped.rows:
            return ""
        if not target.nvidia:
            return "mfma"
        return "wgmma" if target.name == "sm_90" and self.shipped.rows >= 64 else "mma"


def shipped(kernel: str, target: Target) -> list[Entry]:
    """All configurations of a family that ship for a target."""
    family = FAMILIES[kernel]
    dtypes = (dtype for dtype in DTYPE_ORDER if dtype in family.dtypes)
    return [Entry(family, dtype, each) for dtype in dtypes for each in family.shipped(target, dtype)]
