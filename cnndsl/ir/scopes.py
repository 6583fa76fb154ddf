"""Instance paths, and the borders of scopes that a walk in definition order crosses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def own_name(path: str) -> str:
    """`conv2` for `stage1.bottleneck3.conv2`."""
    return path.rpartition(".")[2]


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
