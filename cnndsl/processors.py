"""How many processors this process may use."""

from __future__ import annotations

import os


def processors() -> int:
    """Those that the system lets it run on, where that can be asked (Linux); else all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
