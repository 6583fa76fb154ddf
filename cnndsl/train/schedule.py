"""The learning rate as a function of how far training is, and of the held-out errors so far: it has no state."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi

from cnndsl.train.recipe import Recipe


def learning_rate(recipe: Recipe, epoch: float, errors: Sequence[float]) -> float:
    """At a time in epochs, with a fraction; `errors` are the held-out ones of the epochs that are done."""
    rising = min(1.0, epoch / recipe.warmup) if recipe.warmup else 1.0
    return recipe.lr * rising * _decay(recipe, epoch, errors)


def _decay(recipe: Recipe, epoch: float, errors: Sequence[float]) -> float:
    done = epoch / recipe.epochs
    if recipe.schedule == "steps":
        return recipe.factor ** sum(done >= each for each in recipe.milestones)
    if recipe.schedule == "plateau":
        return recipe.factor ** plateaus(errors, recipe.patience)
    if recipe.schedule == "linear":
        return max(0.0, 1 - done)
    if recipe.schedule == "cosine":
        return (1 + cos(pi * min(1.0, done))) / 2
    return 1.0


def plateaus(errors: Sequence[float], patience: int) -> int:
    """How often there was none better than the best so far for `patience` epochs."""
    found, best, waited = 0, float("inf"), 0
    for error in errors:
        waited = 0 if error < best else waited + 1
        best = min(best, error)
        if waited == patience:
            found, waited = found + 1, 0
    return found
