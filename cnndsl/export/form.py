"""What the room passes on: what to export, and a file in memory that can be run before it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from cnndsl.ir.graph import Graph

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

    from cnndsl.backends.torch.steps import Steps

To = Literal["onnx", "pt2"]
Open = Literal["batch", "size"]


@dataclass(frozen=True)
class Recorded:
    """What PyTorch recorded of a network.

    open_sizes  by input, the axes whose sizes stay open, and what these are called
    step        how far apart heights and widths are that it takes; None if they are fixed
    """

    program: ExportedProgram
    open_sizes: Sequence[Mapping[int, str]]
    step: int | None


@dataclass(frozen=True)
class Job:
    """A network to be exported.

    graph     with the outputs that the file shall have, as it was written
    steps     the network that goes into the file, perhaps rewritten, with weights
    recorded  what PyTorch recorded of `steps`
    """

    graph: Graph
    steps: Steps
    recorded: Recorded


class File(Protocol):
    """The bytes of a file, which were read back to run them."""

    content: bytes

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Its outputs, in order."""

    def layers(self, inputs: Sequence[Tensor]) -> Mapping[str, Tensor]:
        """What layers give, by their paths; those that became part of others are left out."""
