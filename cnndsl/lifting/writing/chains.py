"""What a network is made of while flows are being found: units, chains of them, and joints where several meet."""

from __future__ import annotations

from collections.abc import Iterable

from cnndsl.lifting.writing.terms import Command
from cnndsl.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Unit:
    """A layer, or a part that has been written already: what it reads in order, and what it names besides.

    What comes out is called as the unit is; if it is a bundle, `items` are its tensors.
    """

    name: str
    command: Command
    sources: tuple[str, ...]
    named: tuple[str, ...] = ()
    merges: bool = False
    items: tuple[str, ...] = ()


@dataclass(slots=True)
class Chain:
    """Commands from the tensor `source` on. It takes one use of that, and names others."""

    source: str
    commands: list[Command] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    depth: int = 0
    size: int = 0

    def add(self, command: Command, named: Iterable[str] = (), depth: int = 0, size: int = 1) -> None:
        self.commands.append(command)
        self.named.extend(named)
        self.depth = max(self.depth, depth)
        self.size += size

    def add_all(self, other: Chain) -> None:
        """Go on as another chain does."""
        self.commands += other.commands
        self.named += other.named
        self.depth = max(self.depth, other.depth)
        self.size += other.size


@dataclass(frozen=True, slots=True)
class Joint:
    """A merge of branches that begin at several tensors. Those that stay `apart` are not read as one bundle."""

    command: Command
    branches: tuple[Chain, ...]
    named: tuple[str, ...]
    apart: bool = False

    @property
    def names(self) -> list[str]:
        return [*self.named, *(name for chain in self.branches for name in chain.named)]
