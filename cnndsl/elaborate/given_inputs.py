"""Shapes of inputs that a caller gives in place of the file's: one for the only input, or by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.errors import ParameterError
from cnndsl.ops.base import Shape, show_shape

GivenInputs: TypeAlias = Shape | Mapping[str, Shape]


def given_shape(given: GivenInputs | None, name: str) -> Shape | None:
    """The shape that is given for an input of that name (`input` if it has no label)."""
    return given.get(name) if isinstance(given, Mapping) else given


def check_named(given: Mapping[str, Shape], inputs: Sequence[tuple[str, Shape]], network: str) -> None:
    """Raise `ParameterError` for a name that no input has."""
    names = [name for name, _ in inputs]
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names, f"it has {_listed(inputs)}")
            raise ParameterError(f"network {network} has no input {name}; {hint}")


def check_alone(inputs: Sequence[tuple[str, Shape]], network: str) -> None:
    """Raise `ParameterError` if there are several inputs of which a shape without a name could be meant."""
    if len(inputs) > 1:
        name, shape = inputs[0]
        example = f"{name}={'x'.join(map(str, shape))}"
        message = f"network {network} has {len(inputs)} inputs, {_listed(inputs)}: give shapes by name, as in {example}"
        raise ParameterError(message)


def _listed(inputs: Sequence[tuple[str, Shape]]) -> str:
    shown = [f"{name} ({show_shape(shape)})" for name, shape in inputs]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
