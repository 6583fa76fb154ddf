"""Local response normalisation as a CPU computes it fastest; only a pass makes it."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.ops.base import Shape, TorchModule
from cnndsl.ops.normalization import Lrn
from cnndsl.records import dataclass

SUMMED_LRN = '''\
class SummedLrn(nn.LocalResponseNorm):
    """The same by adding up shifted channels, in any memory format, and for bfloat16 too.

    PyTorch's own takes a pool over three dimensions, which copies every tensor in `torch.channels_last`.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        squares = F.pad(wide * wide, (0, 0, 0, 0, self.size // 2, (self.size - 1) // 2))
        total = squares[:, : x.shape[1]]
        for shift in range(1, self.size):
            total = total + squares[:, shift : shift + x.shape[1]]
        return (wide * (total * (self.alpha / self.size) + self.k).pow(-self.beta)).to(x.dtype)
'''


@dataclass(frozen=True)
class SummedLrn(Lrn):
    """An `lrn`, computed by adding up shifted channels."""

    examples: ClassVar[tuple[str, ...]] = ()

    def torch(self, *inputs: Shape) -> TorchModule:
        spelled = super().torch(*inputs)
        return TorchModule("SummedLrn", spelled.args, spelled.kwargs, source=SUMMED_LRN)
