"""Optional dependencies: what is missing is said in one line, with the command that installs it."""

from __future__ import annotations

from importlib.util import find_spec

from cnndsl.errors import MissingExtra


def require(*packages: str, extra: str) -> None:
    """Raise `MissingExtra` if one of `packages` cannot be imported; `extra` is what would install it."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingExtra(f'this needs {" and ".join(missing)}: pip install "cnndsl[{extra}]"')
