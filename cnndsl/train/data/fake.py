"""Made-up pictures that can be learned, for trials of the rest: each class has a pattern of its own under noise."""

from __future__ import annotations

from cnndsl.train.data.images import Data, Stored

TRAIN, HELD_OUT, SIDE = 512, 128, 32
SEED = 2015


def fake_data(classes: int) -> Data:
    names = tuple(f"class{number}" for number in range(classes))
    return Data(_made(classes, TRAIN, 1), _made(classes, HELD_OUT, 2), names)


def _made(classes: int, count: int, part: int) -> Stored:
    """As many of each class as of any other, but for one."""
    import numpy as np

    patterns = np.random.default_rng(SEED).integers(64, 192, (classes, 4, 4, 3))
    noise = np.random.default_rng(SEED + part).normal(0, 24, (count, SIDE, SIDE, 3))
    labels = np.arange(count) % classes
    large = patterns[labels].repeat(SIDE // 4, axis=1).repeat(SIDE // 4, axis=2)
    return Stored("fake", np.clip(large + noise, 0, 255).astype(np.uint8), labels.tolist())
