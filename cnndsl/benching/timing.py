"""Seconds of runs: of one engine after another run of its own, and of several in turns."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping

from cnndsl.benching.setting import LEAST_ROUNDS, Pace

Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "cpu": time.process_time}
WARM_UP = 3  # runs


def warm_up(run: Callable[[], object]) -> None:
    for _ in range(WARM_UP):
        run()


def alone(run: Callable[[], object], pace: Pace) -> list[float]:
    """One run after the other, without pauses: as where one network serves one request after the other."""
    clock, end, found = CLOCKS[pace.clock], time.perf_counter() + pace.seconds, []
    for done in range(pace.rounds):
        if done >= LEAST_ROUNDS and time.perf_counter() > end:
            break
        start = clock()
        run()
        found.append(clock() - start)
    return found


def in_turns(runs: Mapping[str, Callable[[], object]], pace: Pace) -> dict[str, list[float]]:
    """Each engine once a round, in a random order, so that a slow second of the machine hits all alike.

    A turn is a pause and two runs, of which the second is timed. In the pause the threads of the engine before come to
    rest, which else wait for work at the expense of the next one; the first run fills the caches that others emptied.
    """
    clock, end = CLOCKS[pace.clock], time.perf_counter() + pace.seconds
    found: dict[str, list[float]] = {name: [] for name in runs}
    order, shuffled = [*runs], random.Random(0)
    for done in range(pace.rounds):
        if done >= LEAST_ROUNDS and time.perf_counter() > end:
            break
        shuffled.shuffle(order)
        for name in order:
            time.sleep(pace.rest)
            runs[name]()
            start = clock()
            runs[name]()
            found[name].append(clock() - start)
    return found
