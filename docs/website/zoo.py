"""The zoo as pages need it: every file checked once, and in which networks each layer stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnndsl.analysis import Facts
from cnndsl.checking import Checked, check_file
from cnndsl.cli.zoo import paper
from cnndsl.source import read_source


@dataclass(frozen=True)
class ZooFile:
    """A file of the zoo with its networks."""

    path: Path
    checked: Checked

    @property
    def paper(self) -> str:
        return paper(self.text)

    @property
    def text(self) -> str:
        return self.checked.module.source.text

    @property
    def networks(self) -> Iterator[tuple[str, Facts]]:
        yield from self.checked.facts.items()


def read(paths: Sequence[Path]) -> list[ZooFile]:
    return [ZooFile(path, check_file(read_source(path))) for path in paths]


def users(files: Sequence[ZooFile]) -> dict[str, list[str]]:
    """The networks that each layer stands in, by the layer's word."""
    found: dict[str, list[str]] = {}
    for file in files:
        for name, facts in file.networks:
            for word in sorted({node.op.word for node in facts.graph}):
                found.setdefault(word, []).append(name)
    return found
