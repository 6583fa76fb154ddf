"""A file as a module: what it defines and what it takes from others with `use`."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.elaborate.env import Env
from cnndsl.records import dataclass, field
from cnndsl.source import Source, Span
from cnndsl.syntax import tree


@dataclass
class Module:
    """One file: its own blocks, its networks, and the blocks it imports (with the module each comes from).

    env        the values at the top of the file and those it imports, which all blocks and networks see
    places     where this file says each block's or imported value's name: at its definition, or in a `use`
    uses       the module that each of these names comes from
    missing    what could not be had, which has been reported: to use them is no second mistake
    recursive  the definitions that call themselves, and variants that come back to themselves, likewise
    """

    file: tree.File
    blocks: dict[str, tuple[tree.BlockDefinition, Module]] = field(default_factory=dict)
    env: Env = field(default_factory=Env)
    networks: dict[str, tree.NetworkDefinition | tree.VariantDefinition] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    uses: dict[str, Module] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    recursive: set[Span] = field(default_factory=set)

    @property
    def source(self) -> Source:
        return self.file.source

    def with_used(self) -> Iterator[Module]:
        """This module and those that it uses, near or far; one of them may come several times."""
        yield self
        for used in {each.source: each for each in self.uses.values()}.values():
            yield from used.with_used()
