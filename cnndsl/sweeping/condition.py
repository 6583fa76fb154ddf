"""`--where`: an expression of the language over a variant's numbers and the values of its parameters."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.comparison.measures import MEASURES
from cnndsl.diagnostics import Report, did_you_mean
from cnndsl.elaborate import Module
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.names import names_in, parts_of
from cnndsl.elaborate.values import Failed
from cnndsl.errors import SweepError
from cnndsl.records import dataclass
from cnndsl.source import Source
from cnndsl.sweeping.sweep import Sweep, Variant
from cnndsl.syntax import tree
from cnndsl.syntax.parser import parse_expression

LIKELY = 2**20  # a number by which a condition is tried before any is known


@dataclass(frozen=True)
class Condition:
    """`params < 5M and depth > 20`. A parameter that is called like a measure is hidden by it, as in an `expect`."""

    text: str
    expression: tree.Expression
    module: Module
    sweep: Sweep

    def holds(self, variant: Variant, numbers: Mapping[str, int]) -> bool:
        """Raises `SweepError` where it is neither true nor false."""
        report = Report()
        env = Env(Env(self.module.env, self.sweep.values_of(variant)), numbers)
        try:
            return Evaluator(Context(report), self.module, env).truth(self.expression, "`--where`")
        except Failed:
            raise SweepError(f"--where {self.text}: {report.errors[0].message}") from None


def condition(text: str, module: Module, sweep: Sweep) -> Condition:
    """Read a condition. Raises `SweepError` for what is none, or names what no variant has."""
    report = Report()
    expression = parse_expression(Source("--where", text), report)
    if expression is None:
        raise SweepError(f"--where {text}: {report.errors[0].message}")
    _check_names(expression, text, [*MEASURES, *sweep.texts, *module.env.all_names()], module)
    made = Condition(text, expression, module, sweep)
    made.holds(next(sweep.variants()), dict.fromkeys(MEASURES, LIKELY))
    return made


def _check_names(expression: tree.Expression, text: str, known: list[str], module: Module) -> None:
    """Also of those that are read for few variants."""
    loops = (part for part in parts_of(expression) if isinstance(part, tree.Comprehension))
    others = {*FUNCTIONS, *module.blocks, *(name.id for loop in loops for name in loop.names)}
    for name in names_in(expression):
        if name.id not in known and name.id not in others:
            hint = did_you_mean(name.id, known, f"there are {', '.join(known)}")
            raise SweepError(f"--where {text}: a variant has no {name.id}; {hint}")
