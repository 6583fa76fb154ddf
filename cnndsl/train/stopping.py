"""A run that is asked to end saves first: the first SIGTERM, SIGINT or SIGHUP is noted, a second one acts at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)]


@dataclass
class Wish:
    """Whether somebody wants the run to end."""

    stop: bool = False


@contextmanager
def noticed_signals() -> Iterator[Wish]:
    """Inside, the first signal only says so; those that nobody is to hear (`nohup`) stay unheard."""
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def restore() -> None:
        for number in heard:
            signal.signal(number, before[number])

    def note(number: int, frame: FrameType | None) -> None:
        wish.stop = True
        restore()

    for number in heard:
        signal.signal(number, note)
    try:
        yield wish
    finally:
        restore()
