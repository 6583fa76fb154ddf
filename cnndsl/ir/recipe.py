"""How a weight of a rewritten layer follows from the weights of the network as it was written.

A pass moves no numbers. It leaves a recipe, a small expression over names of the original state dict, and a backend
evaluates it whenever weights are loaded: a new checkpoint needs no new compile, and no folded weight is ever stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from cnndsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Original:
    """A tensor of the original state dict, by its name there."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of recipes and constants; `cnndsl.states.recipes` says what each function computes."""

    function: str
    arguments: tuple[Argument, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


Recipe: TypeAlias = Original | Apply
Argument: TypeAlias = Recipe | int | float
Recipes: TypeAlias = Mapping[str, Recipe]  # by the layer's own parameter names


def apply(function: str, *arguments: Argument) -> Apply:
    return Apply(function, arguments)


def originals(recipe: Recipe) -> Iterator[str]:
    """The names of the original tensors that a recipe reads, each as often as it stands there."""
    if isinstance(recipe, Original):
        yield recipe.name
    else:
        for argument in recipe.arguments:
            if isinstance(argument, Original | Apply):
                yield from originals(argument)
