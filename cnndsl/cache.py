"""Where things are kept between runs that take long to make: parse tables, compiled kernels, what was measured."""

from __future__ import annotations

import os
from pathlib import Path


def cache_directory() -> Path | None:
    """The folder (`CNNDSL_CACHE_DIR`, else `cnndsl` in XDG's), made if need be; None if it cannot be written."""
    own, base = os.environ.get("CNNDSL_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        directory = Path(own).expanduser() if own else Path(base).expanduser() / "cnndsl"
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return directory if os.access(directory, os.W_OK) else None
