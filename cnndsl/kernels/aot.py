"""Compile a specialization for a GPU that need not be there, and read from the result what decides its speed."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.knobs import nvidia

from cnndsl.kernels.specialization import Specialization
from cnndsl.kernels.targets import Target

ALIGNMENT = 16  # bytes; every tensor and every slice of one starts at a multiple of it


@dataclass(frozen=True, eq=False)
class Compiled:
    """A kernel for one target: `binary` is a cubin or hsaco, `assembly` PTX or AMD's.

    shared      bytes of shared memory
    spills      instructions that move registers to and from memory for want of space
    parameters  its arguments: the tensors that it has, as pointers or boxes, then Triton's two scratch pointers
    swizzles    of its boxes in their order: how each lies in shared memory, as CUDA's driver numbers it
    warps       of one block
    scratch     bytes of global memory that each block needs for itself, at the first of those pointers
    """

    name: str
    binary: bytes
    assembly: str
    shared: int
    registers: int
    spills: int
    warps: int
    target: Target
    parameters: int
    scratch: int
    swizzles: tuple[int, ...] = ()

    @property
    def threads(self) -> int:
        """Of one block."""
        return self.warps * self.target.lanes

    @cached_property
    def matrix(self) -> str:
        """The matrix instruction it uses: wgmma, mma or mfma; empty if none."""
        found = (word for word in ("wgmma", "mma.sync", "v_mfma") if word in self.assembly)
        return next(found, "").removesuffix(".sync").removeprefix("v_")

    @cached_property
    def eight_bits(self) -> bool:
        """Whether its matrix instructions multiply 8 bits."""
        return re.search(r"(wgmma|mma\.sync)[\w.:]*\.(s8|e4m3)|v_mfma_i32\w*_i8", self.assembly) is not None

    @cached_property
    def widest(self) -> int:
        """Bytes of its widest access to global memory."""
        return max((_width(line) for line in self.assembly.splitlines()), default=0)

    @cached_property
    def narrowest_copy(self) -> int:
        """Bytes of its narrowest asynchronous copy to shared memory; 0 if it has none."""
        widths = (_width(line) for line in self.assembly.splitlines() if "cp.async.c" in line)
        return min((width for width in widths if width), default=0)

    @property
    def early(self) -> bool:
        """Whether it waits for the launch in front of it, and so may begin before that ends."""
        return "griddepcontrol.wait" in self.assembly

    @property
    def hasty(self) -> bool:
        """Whether it reads or writes memory before it waits; asking the L2 cache for it is neither."""
        before = self.assembly.partition("griddepcontrol.wait")[0] if self.early else ""
        return re.search(r"\b(?:ld|st|red|atom|cp\.async)[\w.]*\.global|cp\.async\.bulk", before) is not None

    @property
    def boxes(self) -> bool:
        """Whether it uses Hopper's tensor memory accelerator, by descriptors that it is given."""
        return "cp.async.bulk.tensor" in self.assembly and "tensormap.replace" not in self.assembly


def compile_for(target: Target, specialization: Specialization) -> Compiled:
    """Compile ahead of time; Triton's interpreter must be off in this process."""
    kernel, pointers, constants = specialization.kernel, specialization.pointers, specialization.settled(target.arch)
    constants |= {name: None for name, element in pointers.items() if element is None}
    taken = specialization.taken
    signature = {name: specialization.type_of(name) if name in taken else "constexpr" for name in kernel.arg_names}
    aligned = {
        (kernel.arg_names.index(name),): [["tt.divisibility", ALIGNMENT]]
        for name in taken
        if name not in specialization.unaligned and name not in specialization.boxes
    }
    source = ASTSource(kernel, signature, constexprs=constants, attrs=aligned)
    options = specialization.options(target.arch)
    built = triton.compile(source, target=GPUTarget(target.backend, target.arch, target.lanes), options=options)
    return _read(built, target)


def _read(built: Any, target: Target) -> Compiled:
    if target.nvidia:
        binary, assembly = built.asm["cubin"], built.asm["ptx"]
        registers, spills = _cubin_resources(binary)
    else:
        binary, assembly = built.asm["hsaco"], built.asm["amdgcn"]
        registers, spills = _amd_resources(assembly)
    meta, parameters = built.metadata, _parameters(assembly, target)
    scratch = getattr(meta, "global_scratch_size", 0)  # Triton 3.7 does not say it of AMD's kernels, which have none
    warps = meta.num_warps  # of which a compiler that gives warps different work adds some to those it was asked for
    swizzles = tuple(each["swizzle"] for each in getattr(meta, "tensordesc_meta", None) or ())
    return Compiled(
        meta.name, binary, assembly, meta.shared, registers, spills, warps, target, parameters, scratch, swizzles
    )


def _parameters(assembly: str, target: Target) -> int:
    """How many arguments the kernel takes by its own word."""
    if not target.nvidia:
        return len(re.findall(r"\.value_kind:\s+global_buffer", assembly))
    entry = re.search(r"\.entry[^(]*\(([^)]*)\)", assembly)
    return len(re.findall(r"\.param\b", entry[1])) if entry else 0


def _cubin_resources(binary: bytes) -> tuple[int, int]:
    """(registers, instructions on local memory) of the one kernel in a cubin, by NVIDIA's own tools.

    A stack frame alone is no spill: ptxas reserves 8 bytes for some kernels that never touch them.
    """
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary)
        file.flush()
        text = _output(nvidia.cuobjdump.path, "-res-usage", file.name)
        found = re.search(r"REG:(\d+) STACK:(\d+) .*LOCAL:(\d+)", text)
        if found is None:
            raise RuntimeError(f"cuobjdump does not tell the resources: {text!r}")
        registers, stack, local = map(int, found.groups())
        if not stack + local:
            return registers, 0
        return registers, len(re.findall(r"\b(?:STL|LDL)\b", _output(nvidia.nvdisasm.path, "-c", file.name)))


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _amd_resources(assembly: str) -> tuple[int, int]:
    def total(pattern: str) -> int:
        return sum(map(int, re.findall(pattern, assembly)))

    return total(r"\.vgpr_count:\s+(\d+)"), total(r"\.[sv]gpr_spill_count:\s+(\d+)")


def _width(line: str) -> int:
    """Bytes that a thread moves with this instruction, if it is an access to global memory; else 0."""
    if "cp.async.bulk.tensor" in line:
        return 16
    if copy := re.search(r"cp\.async\.c[ag]\.shared\.global .*?, (?:0x)?(\d+)", line):
        return int(copy.group(1), 16 if "0x" in line else 10)
    if move := re.search(r"(?:ld|st)\.global\S*?(?:\.v(\d))?\.[bfus](\d+)", line):
        return int(move.group(1) or 1) * int(move.group(2)) // 8
    if amd := re.search(r"(?:buffer|global)_(?:load|store)_(?:dword(?:x(\d))?|b(\d+))\b", line):
        return int(amd.group(2)) // 8 if amd.group(2) else 4 * int(amd.group(1) or 1)
    return 0
