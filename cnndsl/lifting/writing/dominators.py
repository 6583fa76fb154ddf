"""The last tensor that everything on the way to another one has gone through: its immediate dominator.

Nodes come in a topological order, and each answer takes a logarithm of the depth: every node keeps one jump far up,
twice as far wherever the two before it were equal (Myers 1983).
"""

from __future__ import annotations

from collections.abc import Iterable


class Dominators:
    """The tree of immediate dominators, which grows by one node at a time. `""` dominates all."""

    def __init__(self) -> None:
        self.above: dict[str, str] = {"": ""}
        self._depth: dict[str, int] = {"": 0}
        self._jump: dict[str, str] = {"": ""}

    def add(self, name: str, sources: Iterable[str]) -> None:
        """A node and what it reads; of one that reads nothing, the dominator is `""`."""
        above = self.common(sources)
        jump = self._jump[above]
        even = self._depth[above] - self._depth[jump] == self._depth[jump] - self._depth[self._jump[jump]]
        self.above[name], self._depth[name] = above, self._depth[above] + 1
        self._jump[name] = self._jump[jump] if even else above

    def common(self, names: Iterable[str]) -> str:
        """The last tensor that all of these have gone through, themselves included."""
        found: str | None = None
        for name in names:
            found = name if found is None else self._common(found, name)
        return found or ""

    def _common(self, one: str, other: str) -> str:
        if self._depth[one] < self._depth[other]:
            one, other = other, one
        while self._depth[one] > self._depth[other]:
            far = self._jump[one]
            one = far if self._depth[far] >= self._depth[other] else self.above[one]
        while one != other:
            same = self._jump[one] == self._jump[other]
            one, other = (self.above[one], self.above[other]) if same else (self._jump[one], self._jump[other])
        return one
