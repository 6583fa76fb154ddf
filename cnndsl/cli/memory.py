"""How much memory this machine has, and bytes as a person reads them."""

from __future__ import annotations

import os
import sys


def memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else sys.maxsize


def show_size(count: int) -> str:
    """`1.5 GiB`"""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 2**10:.1f} KiB"
