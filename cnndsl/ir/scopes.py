"""Instance paths, and the borders of scopes that a walk in definition order crosses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NUMBERS = re.compile(r"\[([\d,]+)\]")


def own_name(path: str) -> str:
    """`conv2` for `stage1.bottleneck3.conv2`."""
    return path.rpartition(".")[2]


def list_of(name: str) -> str | None:
    """`c` for the numbered part `c[0]`; None for others."""
    return name.partition("[")[0] if "[" in name else None


def in_state(path: str) -> str:
    """How a state dict says a path: `c.0.conv` for `c[0].conv`, as that of an `nn.ModuleList`."""
    return _NUMBERS.sub(lambda found: f".{found[1].replace(',', '_')}", path) if "[" in path else path


def borders(names: Iterable[str]) -> Iterator[tuple[list[str], list[str]]]:
    """For each node by its name: the scopes that end before it, innermost first, and begin with it, outermost first."""
    inside: list[str] = []
    for name in names:
        ended = []
        while inside and not name.startswith(inside[-1] + "."):
            ended.append(inside.pop())
        begun = list(_between(inside[-1] if inside else "", name))
        inside += begun
        yield ended, begun


def _between(scope: str, name: str) -> Iterator[str]:
    """The scopes inside of `scope` and around the node `name`, outermost first."""
    at = name.find(".", len(scope) + 1)
    while at >= 0:
        yield name[:at]
        at = name.find(".", at + 1)
