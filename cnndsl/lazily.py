"""Packages that import a name when it is first asked for (PEP 562), so that a command loads only what it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module


def names_from(package: str, *modules: str) -> Callable[[str], object]:
    """The `__getattr__` of a package: what its `__all__` lists is looked for in these of its modules, in this order."""

    def find(name: str) -> object:
        home = sys.modules[package]
        for module in modules if name in home.__all__ else ():
            found = vars(import_module(f"{package}.{module}"))
            if name in found:
                setattr(home, name, found[name])
                return found[name]
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find
