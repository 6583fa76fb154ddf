"""What a driver reads of a launch: addresses, descriptors of boxes, which are made once, and whether it starts early.

A box is three arguments: a descriptor of 128 bytes (CUDA's CUtensorMap) that the driver makes, then its extents and
strides. Axes are in the manifest's order, the innermost last; the driver has them the other way round.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

from cnndsl.backends.triton.folder_form import SIZES, Record

WORD, DESCRIPTOR = 8, 128  # bytes
ALIGNED = 64  # bytes at a multiple of which a descriptor must lie
ELEMENTS = {"fp16": 6, "bf16": 9, "fp32": 7}  # CU_TENSOR_MAP_DATA_TYPE_FLOAT16 and so on
PLAIN, TO_128_BYTES, ZEROS = 0, 2, 0  # no interleaving, what the L2 cache fetches, what is beyond the shape

STARTS_EARLY = 6  # CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION

Call = Callable[..., None]  # of a function of the driver by its name


class Attribute(ctypes.Structure):
    """CUDA's CUlaunchAttribute, of which the value is a union of 64 bytes."""

    _fields_ = (("id", ctypes.c_int), ("unused", ctypes.c_int), ("value", ctypes.c_int), ("rest", ctypes.c_uint8 * 60))


class EarlyLaunch(ctypes.Structure):
    """CUDA's CUlaunchConfig of a kernel that begins before the launch in front of it has ended, for which it waits."""

    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(Attribute)),
        ("count", ctypes.c_uint),
    )

    def __init__(self, grid: Sequence[int], threads: int, shared: int, stream: int) -> None:
        early = Attribute(STARTS_EARLY, 0, 1)
        axes, block = (ctypes.c_uint * 3)(*grid), (ctypes.c_uint * 3)(threads, 1, 1)
        super().__init__(axes, block, shared, stream, ctypes.pointer(early), 1)


class Arguments:
    """Memory for the arguments of one launch, which the driver reads at each; it stays where it is."""

    def __init__(self, arguments: Sequence[Record], address: Callable[[Record], int], dtype: str, call: Call) -> None:
        boxes = [each for each in arguments if "box" in each]
        words = sum(1 + 2 * len(each["box"]["shape"]) if "box" in each else 1 for each in arguments)
        self._memory = (ctypes.c_uint8 * (ALIGNED + DESCRIPTOR * len(boxes) + WORD * words))()
        start = ctypes.addressof(self._memory)
        self._descriptor = start + -start % ALIGNED
        self._word = self._descriptor + DESCRIPTOR * len(boxes)
        places, self._inputs = [], []
        for each in arguments:
            if each["memory"] == "input":
                self._inputs.append((self._word, each["index"]))
            if "box" in each:
                places += self._box(each["box"], address(each), dtype, call)
            else:
                places.append(self._number(address(each)))
        self.pointers = (ctypes.c_void_p * len(places))(*places)

    def give(self, addresses: Sequence[int]) -> None:
        """The caller's inputs of the next launch."""
        for place, index in self._inputs:
            ctypes.c_uint64.from_address(place).value = addresses[index]

    def _number(self, value: int) -> int:
        """Where it lies now."""
        place, self._word = self._word, self._word + WORD
        ctypes.c_uint64.from_address(place).value = value
        return place

    def _box(self, box: Record, address: int, dtype: str, call: Call) -> list[int]:
        place, self._descriptor = self._descriptor, self._descriptor + DESCRIPTOR
        call("cuTensorMapEncodeTiled", ctypes.c_void_p(place), *_described(box, address, dtype))
        return [place, *(self._number(value) for value in (*box["shape"], *box["strides"]))]


def _described(box: Record, address: int, dtype: str) -> tuple[Any, ...]:
    """What the driver is told of a box."""
    rank = len(box["shape"])
    steps = [stride * SIZES[dtype] for stride in reversed(box["strides"][:-1])]
    return (
        ELEMENTS[dtype],
        rank,
        ctypes.c_void_p(address),
        (ctypes.c_uint64 * rank)(*reversed(box["shape"])),
        (ctypes.c_uint64 * rank)(*steps),
        (ctypes.c_uint32 * rank)(*reversed(box["block"])),
        (ctypes.c_uint32 * rank)(*[1] * rank),
        PLAIN,
        box["swizzle"],
        TO_128_BYTES,
        ZEROS,
    )
