"""What numbers depend on beside the network: the machine, and the versions of all that runs on it."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cnndsl.machine import memory, processors
from cnndsl.version import __version__

PACKAGES = ("torch", "onnxruntime", "openvino", "torchvision", "timm")


def environment() -> dict[str, object]:
    import torch

    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "processors": processors(),
        "memory": memory(),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {"cnndsl": __version__} | {name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """Its name, where the system says it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()
