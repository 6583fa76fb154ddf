"""Parts of torchvision, also where its compiled operators, which are not needed here, are made for another torch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cnndsl.foreign.modules import import_library


def vision(part: str) -> Any:
    """Such as `transforms.v2`."""
    import_library("torchvision")
    return import_module(f"torchvision.{part}")
