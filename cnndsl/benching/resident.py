"""Memory of this process as the system counts it; Linux says it, others do not."""

from __future__ import annotations

import ctypes
import gc
import re
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")


def resident() -> int | None:
    """Bytes in memory now, what was freed given back before."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    return _said("VmRSS")


def forget_peak() -> None:
    """`peak` is of what comes from here on."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int | None:
    """The most bytes that were in memory."""
    return _said("VmHWM")


def _said(what: str) -> int | None:
    try:
        found = re.search(rf"^{what}:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None
