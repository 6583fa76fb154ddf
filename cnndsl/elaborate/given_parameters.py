"""Parameters that a caller gives from outside: their texts as values of the language, accepted by the network."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.diagnostics import Report
from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.diagnostics.wording import few
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.values import Failed, TooBig, brief, weigh
from cnndsl.errors import ParameterError
from cnndsl.ops.arguments import ArgumentError, Parameter, show
from cnndsl.source import Source
from cnndsl.syntax.parser import parse_expression


def accept_parameters(
    module: Module, name: str, signature: tuple[Parameter, ...], given: Mapping[str, object]
) -> dict[str, object]:
    """The caller's parameters as values: strings are read as expressions. Raises `ParameterError`."""
    known = {parameter.name: parameter for parameter in signature}
    values: dict[str, object] = {}
    for key, value in given.items():
        if key not in known:
            hint = did_you_mean(key, known, f"it has {few([*known])}" if known else "it has none")
            raise ParameterError(f"network {name} has no parameter {key}; {hint}")
        if isinstance(value, str):
            value = evaluate_text(module, value, f"parameter {key}={value}")
        elif isinstance(value, tuple):
            value = list(value)
        try:
            weigh(value)
            values[key] = known[key].kind.accept(value)
        except (ArgumentError, TooBig) as error:
            raise ParameterError(f"parameter {key}: {str(error).replace(show(value), brief(value))}") from None
    return values


def evaluate_text(module: Module, text: str, what: str) -> object:
    """The value of an expression that a caller gives, in which the names at the top of the file are known.

    `what` says in messages where it stands. Raises `ParameterError`.
    """
    mistakes = Report()
    expression = parse_expression(Source(what, text), mistakes)
    if expression is not None:
        try:
            return Evaluator(Context(mistakes), module, Env(module.env)).value(expression)
        except Failed:
            pass
    first = next(iter(mistakes))
    raise ParameterError(f"{what}: {first.message}")
