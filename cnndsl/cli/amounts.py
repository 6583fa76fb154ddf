"""Bytes as a person reads them."""

from __future__ import annotations


def show_size(count: int) -> str:
    """`1.5 GiB`"""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 2**10:.1f} KiB"
