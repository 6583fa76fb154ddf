"""Curves that TensorBoard shows while a run goes on: the columns of `metrics.csv`, where TensorBoard is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.extras import missing
from cnndsl.train.progress import Epoch

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FOLDER = "tensorboard"
SCALARS = ("lr", "train_loss", "train_error", "held_out_loss", "held_out_error", "seconds")


@contextmanager
def board(folder: Path, done: int) -> Iterator[Callable[[Epoch], None]]:
    """What writes an epoch down in the folder of a run; what was told of later ones than the first `done` is void."""
    if missing("tensorboard"):
        yield lambda epoch: None
        return
    with ExitStack() as opened:
        writers: list[SummaryWriter] = []

        def write(epoch: Epoch) -> None:
            if not writers:  # a run that has nothing left to do leaves no file
                writers.append(opened.enter_context(_writer(folder, done)))
            said = asdict(epoch)
            for name in SCALARS:
                writers[0].add_scalar(name, said[name], epoch.epoch)
            writers[0].flush()

        yield write


def _writer(folder: Path, done: int) -> SummaryWriter:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / FOLDER), purge_step=done + 1)
