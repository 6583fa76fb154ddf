"""Curves that TensorBoard shows while a run goes on: the columns of `metrics.csv`, where TensorBoard is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from cnndsl.extras import missing
from cnndsl.train.progress import Epoch

FOLDER = "tensorboard"
SCALARS = ("lr", "train_loss", "train_error", "held_out_loss", "held_out_error", "seconds")


@contextmanager
def board(folder: Path, done: int) -> Iterator[Callable[[Epoch], None]]:
    """What writes an epoch down in the folder of a run; what was told of later ones than the first `done` is void."""
    if missing("tensorboard"):
        yield lambda epoch: None
        return
    from torch.utils.tensorboard import SummaryWriter

    def write(epoch: Epoch) -> None:
        said = asdict(epoch)
        for name in SCALARS:
            writer.add_scalar(name, said[name], epoch.epoch)
        writer.flush()

    with SummaryWriter(str(folder / FOLDER), purge_step=done + 1) as writer:
        yield write
