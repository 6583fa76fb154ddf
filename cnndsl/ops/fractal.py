"""The joins of a fractal network with drop-path in training, and the draw that they share. Larsson et al. 2017."""

from __future__ import annotations

from typing import ClassVar

from cnndsl.ops.arguments import Kind, argument, integer, probability
from cnndsl.ops.base import Op, Shape, TorchModule
from cnndsl.ops.kept import NOTHING, Kept
from cnndsl.ops.merge import Merge, equal_shape
from cnndsl.ops.window import BLIND, Window
from cnndsl.records import dataclass

DROP_PATH_DRAW = '''\
class DropPathDraw(nn.Module):
    """Two uniform numbers per forward pass in training, for all joins of a fractal network; `x` only tells where."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        draw = x.new_zeros(2, dtype=torch.float32)
        return draw.uniform_() if self.training else draw
'''

FRACTAL_JOIN = '''\
class FractalJoin(nn.Module):
    """Mean of the fractal columns that end here; in training some are dropped (Larsson et al. 2017, section 3).

    `columns` are their numbers, of `total`. The last input is the draw that all joins share: its first number chooses
    between local drop-path (each input is dropped with probability `drop_path`, but never all) and global drop-path,
    where the second number names the one column that is kept in the whole network.
    """

    def __init__(self, columns: tuple[int, ...], total: int, drop_path: float) -> None:
        super().__init__()
        self.columns, self.total, self.drop_path = columns, total, drop_path

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        *paths, draw = inputs
        if not self.training:
            return torch.stack(paths).mean(dim=0)
        weights = torch.where(draw[0] < 0.5, self.local_weights(draw), self.global_weights(draw))
        return sum(weights[index] * path for index, path in enumerate(paths))

    def local_weights(self, draw: torch.Tensor) -> torch.Tensor:
        luck = draw.new_empty(len(self.columns)).uniform_()
        kept = luck >= luck.max().clamp(max=self.drop_path)  # the luckiest stays when all would go
        return kept / kept.sum()

    def global_weights(self, draw: torch.Tensor) -> torch.Tensor:
        column = 1 + (draw[1] * self.total).floor()
        chosen = torch.stack([(column == mine).to(draw.dtype) for mine in self.columns])
        return torch.where(chosen.sum() > 0, chosen, 1 / len(self.columns))  # a join off the path: any value will do
'''


@dataclass(frozen=True)
class DropPathDraw(Op):
    """Two uniform numbers, drawn anew in each forward pass of training, that all joins of a network share.

    It reads the network's input to know the device. Its output of shape (2,) has no batch axis.
    """

    word: ClassVar[str] = "drop_path_draw"

    def output(self, *inputs: Shape) -> Shape:
        return (2,)

    def window(self, *inputs: Shape) -> Window:
        return BLIND

    def keeps(self, *inputs: Shape) -> Kept:
        return NOTHING

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule("DropPathDraw", source=DROP_PATH_DRAW)


@dataclass(frozen=True)
class FractalJoin(Merge):
    """Mean of the fractal columns that end in one row, with drop-path in training. Larsson et al. 2017, section 3.

    Its inputs are one tensor for each of `columns` (numbers from 1 to `total`, in ascending order) and last the
    network's `DropPathDraw`. Half of the passes in training are local: each join drops each input with probability
    `drop_path`, at least one survives, and the mean is over the survivors. The other half are global: one column is
    chosen for the whole network, and a join passes on only that column's input, or the plain mean where that
    column does not end, as its value is then not on the chosen path. Inference takes the mean of all.
    """

    word: ClassVar[str] = "fractal_join"

    columns: tuple[int, ...] = argument(Kind())
    total: int = integer()
    drop_path: float = probability()

    def output(self, *inputs: Shape) -> Shape:
        return equal_shape(self.word, inputs[:-1])

    def torch(self, *inputs: Shape) -> TorchModule:
        return TorchModule(
            "FractalJoin",
            (self.columns, self.total, self.drop_path),
            inputs=", ".join(f"{{{index}}}" for index in range(len(inputs))),
            source=FRACTAL_JOIN,
        )
