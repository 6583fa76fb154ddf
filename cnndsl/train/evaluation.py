"""How right a network is on labelled pictures: from each guess follow rates with intervals, confusion and mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

NORMAL = 1.959963984540054  # between this and its negative is 95 % of a normal distribution
TOP = 5


@dataclass(frozen=True)
class Guess:
    """Of one picture: its class and the most probable one by number, and how probable both are.

    `rank` is how many classes are more probable than its own.
    """

    picture: str
    label: int
    guessed: int
    own: float
    most: float
    rank: int


@dataclass(frozen=True)
class Rate:
    """So many of so many."""

    right: int
    count: int

    @property
    def value(self) -> float:
        return self.right / self.count if self.count else float("nan")

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Where the true rate is, with 95 %; Wilson's, which stays between 0 and 1 (Wilson 1927). Of none: anywhere."""
        if not self.count:
            return 0.0, 1.0
        square = NORMAL**2 / self.count
        middle = (self.value + square / 2) / (1 + square)
        half = NORMAL * sqrt(self.value * (1 - self.value) / self.count + square / (4 * self.count)) / (1 + square)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Evaluation:
    """Of one network on one set of pictures; `unread` are files that were left out, and why."""

    network: str
    data: str
    classes: tuple[str, ...]
    guesses: tuple[Guess, ...]
    unread: tuple[str, ...] = ()

    def top(self, places: int) -> Rate:
        """How many have their class among the so many most probable ones."""
        return _rate(self.guesses, places)

    @cached_property
    def by_class(self) -> tuple[Rate, ...]:
        parts: list[list[Guess]] = [[] for _ in self.classes]
        for guess in self.guesses:
            parts[guess.label].append(guess)
        return tuple(_rate(part, 1) for part in parts)

    @cached_property
    def confusion(self) -> dict[tuple[int, int], int]:
        """How many of a class, the first number, were taken for another, the second; without pairs that are not."""
        return dict(Counter((guess.label, guess.guessed) for guess in self.guesses))

    def mistaken_for(self, label: int) -> tuple[int, int] | None:
        """The class that one is most often taken for, and how often; None if it never is."""
        wrong = {guessed: n for (own, guessed), n in self.confusion.items() if own == label != guessed}
        return min(wrong.items(), key=lambda pair: (-pair[1], pair[0]), default=None)

    def worst(self, most: int) -> list[Guess]:
        """The wrong ones whose own class is least probable."""
        wrong = [guess for guess in self.guesses if guess.rank > 0]
        return sorted(wrong, key=lambda guess: (guess.own, -guess.most, guess.picture))[:most]


def _rate(guesses: Sequence[Guess], places: int) -> Rate:
    return Rate(sum(guess.rank < places for guess in guesses), len(guesses))
