"""Optional dependencies: what is missing is said in one line, with the command that installs it."""

from __future__ import annotations

from importlib.util import find_spec

from cnndsl.errors import MissingExtra


def missing(*packages: str) -> list[str]:
    """Those that cannot be imported."""
    return [package for package in packages if find_spec(package) is None]


def require(*packages: str, extra: str) -> None:
    """Raise `MissingExtra` if one of `packages` cannot be imported; `extra` is what would install it."""
    absent = missing(*packages)
    if absent:
        raise MissingExtra(f'this needs {" and ".join(absent)}: pip install "cnndsl[{extra}]"')
