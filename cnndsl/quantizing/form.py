"""What quantizing gives: the network in int8, and what became of it beside the one in float."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from cnndsl.benching.figures import Ratio, Spread
from cnndsl.errors import QuantizeError
from cnndsl.files import bytes_writer, write_together
from cnndsl.train.evaluation import Evaluation

To = Literal["onnx", "openvino"]
ENDINGS: dict[To, tuple[str, ...]] = {"onnx": (".onnx",), "openvino": (".xml", ".bin")}
TOLERANCE = 1.0  # points of a hundred
ROUNDING = 1e-9
MOST = 5  # layers that are proposed
PART = 0.5  # of the output's error


@dataclass(frozen=True)
class Loss:
    """Of one layer.

    error  of its own rounding, as a part of the length of what it gives; None if it stays in float, or computes nothing
    share  of the output's error, as a part of 1
    """

    layer: str
    place: str
    op: str
    weighted: bool
    error: float | None
    share: float


def proposed(losses: Iterable[Loss]) -> tuple[str, ...]:
    """The fewest layers with weights whose shares make up half of the output's error, or those that have most."""
    shares = {each.layer: each.share for each in losses if each.weighted and each.error}
    left, chosen = PART, list[str]()
    for layer in sorted(shares, key=lambda layer: -shares[layer])[:MOST]:
        if left > 0 < shares[layer]:
            chosen.append(layer)
            left -= shares[layer]
    return tuple(chosen)


@dataclass(frozen=True)
class Speed:
    """Seconds for one picture, both in turns in the same engine; `ratio` is how many times faster int8 is."""

    engine: str
    threads: int
    rounds: int
    exact: Spread
    int8: Spread
    ratio: Ratio


@dataclass(frozen=True)
class Quantized:
    """A network in int8 that is not written yet.

    files       their contents by the endings of their names
    exact_size  bytes of the same file in float
    calibrated  how many pictures said the ranges of values; none of them is among those that were measured
    exact, int8 what both guess for what is held out
    off         how far the output is off on some of these, as a part of its length
    losses      by layer, in the order of the network
    unread      pictures for calibration that cannot be read, and why
    """

    to: To
    files: Mapping[str, bytes]
    exact_size: int
    calibrated: int
    exact: Evaluation
    int8: Evaluation
    speed: Speed
    off: float
    losses: tuple[Loss, ...]
    unread: tuple[str, ...]

    @property
    def size(self) -> int:
        return sum(map(len, self.files.values()))

    @property
    def fall(self) -> float:
        """How many points of a hundred top-1 is lower than before."""
        return 100 * (self.exact.top(1).value - self.int8.top(1).value)

    @cached_property
    def became(self) -> tuple[int, int]:
        """How many pictures became wrong, and how many right."""
        pairs = [(a.rank == 0, b.rank == 0) for a, b in zip(self.exact.guesses, self.int8.guesses, strict=True)]
        return pairs.count((True, False)), pairs.count((False, True))

    @cached_property
    def proposed(self) -> tuple[str, ...]:
        """Layers to keep in float, if top-1 has fallen too far."""
        return proposed(self.losses)

    def require(self, tolerance: float) -> None:
        """Raise `QuantizeError` if top-1 has fallen by more points than that."""
        if self.fall > tolerance + ROUNDING:
            hint = f"; try --keep {','.join(self.proposed)}" if self.proposed else ""
            raise QuantizeError(
                f"top-1 falls by {self.fall:.2f} points, which is more than {tolerance:g}; nothing is written{hint}"
            )

    def write(self, path: str | Path, tolerance: float = TOLERANCE) -> list[Path]:
        """Write the files, whole or not at all; what stands beside the first has its name with another ending.

        Raises `QuantizeError` if top-1 has fallen by more points of a hundred than `tolerance`, and `OutputError`.
        """
        self.require(tolerance)
        path = Path(path)
        names = {path.with_suffix(ending).name if at else path.name: ending for at, ending in enumerate(self.files)}
        return write_together(path.parent, {name: bytes_writer(self.files[ending]) for name, ending in names.items()})
