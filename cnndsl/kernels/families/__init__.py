"""Every family of kernels, a file each: its problems and configurations as plain numbers, and what it registers.

A file here that has `FAMILIES` is found by being here; there is no list of them anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from cnndsl.kernels.family import Family

MODULES = tuple(import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
FAMILIES: Mapping[str, Family] = {family.name: family for module in MODULES for family in module.FAMILIES}
