"""What is swept: a network and the values of its parameters, every combination of which is a variant."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from pathlib import Path
from typing import TypeAlias

from cnndsl.diagnostics import Report
from cnndsl.elaborate import Loader, Module
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.elaborate.given_parameters import evaluate_text
from cnndsl.elaborate.networks import parameter_values
from cnndsl.errors import ParameterError, SweepError
from cnndsl.ops.arguments import show
from cnndsl.records import dataclass
from cnndsl.source import Source
from cnndsl.syntax import tree
from cnndsl.syntax.parser import parse_expression
from cnndsl.version import __version__

MOST = 100_000  # variants, which take an hour

Variant: TypeAlias = tuple[str, ...]  # the texts of its values, in the order of the parameters


@dataclass(frozen=True)
class Ground:
    """A network as every process reads it: the texts of all files, and what all variants have in common."""

    source: Source
    files: Mapping[Path, Source]
    network: str
    input: GivenInputs | None
    max_nodes: int

    @property
    def digest(self) -> str:
        """Of everything that numbers depend on, beside a variant's own values."""
        texts = sorted((self.source.text, *(source.text for source in self.files.values())))
        said = (__version__, self.source.text, texts, self.network, repr(self.input), self.max_nodes)
        return hashlib.sha256(repr(said).encode()).hexdigest()[:12]

    def module(self) -> Module:
        return Loader(Report(), self.files).load_root(self.source)


def ground_of(module: Module, network: str, input: GivenInputs | None, max_nodes: int) -> Ground:
    used = {each.source for each in module.with_used()} - {module.source}
    files = {source.path.resolve(): source for source in used if source.path is not None}
    return Ground(module.source, files, network, input, max_nodes)


@dataclass(frozen=True)
class Sweep:
    """The texts of each parameter's values in the order in which they were given, and what they mean."""

    ground: Ground
    texts: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Mapping[str, object]]

    @property
    def size(self) -> int:
        return prod(map(len, self.texts.values()))

    @property
    def varied(self) -> list[str]:
        """The parameters with several values, which tell variants apart."""
        return [name for name, texts in self.texts.items() if len(texts) > 1]

    def variants(self) -> Iterator[Variant]:
        """All of them, the last parameter changing first."""
        return product(*self.texts.values())

    def values_of(self, variant: Variant) -> dict[str, object]:
        return {name: self.values[name][text] for name, text in zip(self.texts, variant, strict=True)}

    def named(self, variant: Variant) -> str:
        """`width=2 depths=[3, 4, 6, 3]`, or of the only variant all that is set."""
        shown = self.varied or list(self.texts)
        return " ".join(f"{name}={text}" for name, text in zip(self.texts, variant, strict=True) if name in shown)


def sweep_over(module: Module, ground: Ground, given: Mapping[str, str]) -> Sweep:
    """The sweep over these texts. Raises `ParameterError` for values that the network does not take, `SweepError`."""
    texts = {name: tuple(dict.fromkeys(_texts(module, name, text))) for name, text in given.items()}
    count = prod(map(len, texts.values()))
    if count > MOST:
        raise SweepError(f"these are {count:,} variants, and a sweep has at most {MOST:,}")
    values = {
        name: {text: parameter_values(module, ground.network, {name: text})[name] for text in each}
        for name, each in texts.items()
    }
    return Sweep(ground, texts, values)


def _texts(module: Module, name: str, text: str) -> list[str]:
    """`1, 2, 4` and `[2, 2], [3, 4]` as they are written, `8 * i for i in range(1, 5)` worked out."""
    whole = f"[{text}]"
    found = parse_expression(Source(f"-p {name}", whole), Report())
    if isinstance(found, tree.ListExpression) and found.items:
        return [" ".join(item.span.text.split()) for item in found.items]
    values = evaluate_text(module, whole, f"-p {name}={text}")
    if isinstance(values, list) and values:
        return [show(value) for value in values]
    raise ParameterError(f"-p {name}={text} has no values; give one or several, as in -p {name}=1,2,4")
