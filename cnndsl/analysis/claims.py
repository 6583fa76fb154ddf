"""Holds a network's `expect` claims against its facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cnndsl.analysis.facts import Facts
from cnndsl.diagnostics import Diagnostic, Report
from cnndsl.elaborate.claim import NETWORK_FACTS, Claim
from cnndsl.elaborate.context import Budget, Context, TooLarge
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.foreign import value_meant
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.names import names_in, quoted
from cnndsl.elaborate.operators import COMPARISONS
from cnndsl.elaborate.values import Failed, brief
from cnndsl.ops.arguments import type_name
from cnndsl.syntax import tree
from cnndsl.syntax.builder import SUFFIXES

if TYPE_CHECKING:
    from decimal import Decimal

_UNITS = {"memory": " bytes"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def hold(claims: Iterable[Claim], facts: Facts, report: Report, budget: Budget) -> None:
    """Report every claim that does not hold, with both numbers (E401), or that cannot be decided (E403)."""
    for claim in claims:
        env = Env(claim.env, {name: getattr(facts, name) for name in _facts_in(claim.expression)})
        context = Context(report, budget=budget)
        try:
            context.step(claim.expression.span)
            known = Evaluator(context, claim.module, env, NETWORK_FACTS, claim.incoming)
            _hold_one(claim.expression, known)
        except Failed:
            continue
        except TooLarge:
            break
        finally:
            budget.spend(0, context.steps)


def look_over(claims: Iterable[Claim], report: Report) -> None:
    """E302 in the claims of a network whose numbers are not known, since it is broken elsewhere."""
    for claim in claims:
        known = [*NETWORK_FACTS, *FUNCTIONS, *claim.env.all_names(), *claim.module.file.lost]
        for name in names_in(claim.expression):
            if name.id not in known:
                help, fixes = value_meant(name, known if report.explains("E302", name.span) else ())
                report.add(Diagnostic("E302", f"`{name.id}` is not defined", name.span, help=help, fixes=fixes))


def _hold_one(claim: tree.Expression, evaluator: Evaluator) -> None:
    if isinstance(claim, tree.Operation) and claim.operators == ("~",):
        _hold_rounded(claim, evaluator)
    elif isinstance(claim, tree.Operation) and len(claim.operators) == 1 and claim.operators[0] in COMPARISONS:
        _hold_compared(claim, evaluator)
    else:
        _hold_condition(claim, evaluator)


def _hold_condition(claim: tree.Expression, evaluator: Evaluator) -> None:
    """Anything true or false: `400 < params <= 500`, `depth > 3 and macs < 1G`."""
    value = evaluator.value(claim)
    if not isinstance(value, bool):
        message = f"`expect` needs true or false, not {type_name(value)} {_grouped(value)}"
        shown = f"{quoted(claim)} == {brief(value)}" if _facts_in(claim) else "params == 25_557_032"
        raise evaluator.context.fail("E307", message, claim.span, help=f"compare, as in `expect {shown}`")
    if not value:
        message = f"this does not hold: {quoted(claim)}"
        facts = [f"{name} = {_grouped(evaluator.env.find(name))}" for name in _facts_in(claim)]
        evaluator.context.fail("E401", message, claim.span, label=", ".join(facts))


def _hold_compared(claim: tree.Operation, evaluator: Evaluator) -> None:
    """One comparison, whose message names the side that the network decides."""
    if evaluator.truth(claim, "`expect`"):
        return
    (left, right), symbol = claim.operands, claim.operators[0]
    if _facts_in(right) and not _facts_in(left):
        left, right, symbol = right, left, _MIRRORED[symbol]
    value, claimed = evaluator.value(left), evaluator.value(right)
    name = quoted(left)
    wanted = {"==": f"not {_grouped(claimed)}", "!=": "which is what it must not be"}
    message = f"`{name}` is {_grouped(value)}{_UNITS.get(name, '')}, "
    message += wanted.get(symbol, f"which is not {symbol} {_grouped(claimed)}")
    evaluator.context.fail("E401", message, claim.span, label=_difference(value, claimed) if symbol == "==" else "")


def _hold_rounded(claim: tree.Operation, evaluator: Evaluator) -> None:
    """`~`: the value, rounded to the digits written, is what is written."""
    left, right = claim.operands
    written = right.span.text.strip("( )")
    if not isinstance(right, tree.Literal) or type_name(right.value) not in ("int", "float"):
        help = "write the number out, as in `~ 25.6M`: its digits say how far it is rounded"
        raise evaluator.context.fail("E403", "`~` needs a number on its right", right.span, help=help)
    from decimal import ROUND_HALF_UP, Decimal

    value, _ = evaluator.values((left, right))
    if type_name(value) not in ("int", "float"):
        message = f"`~` needs a number on its left, not {type_name(value)} {brief(value)}"
        raise evaluator.context.fail("E403", message, left.span)
    claimed = _decimal(written)
    step = claimed.as_tuple().exponent
    rounded = Decimal(str(value)).quantize(Decimal((0, (1,), int(step))), ROUND_HALF_UP)
    if rounded != claimed:
        name = quoted(left)
        how = f", which rounds to {_like(rounded, written)}" if rounded != value else ""
        message = f"`{name}` is {_grouped(value)}{_UNITS.get(name, '')}{how}, not {written}"
        evaluator.context.fail("E401", message, claim.span)


def _facts_in(expression: tree.Expression) -> list[str]:
    return list(dict.fromkeys(name.id for name in names_in(expression) if name.id in NETWORK_FACTS))


def _decimal(written: str) -> Decimal:
    from decimal import Decimal  # which takes long to be imported, and few claims are rounded

    scale = SUFFIXES.get(written[-1], 1)
    digits = (written[:-1] if scale > 1 else written).replace("_", "")
    return Decimal(digits).scaleb(len(str(scale)) - 1)


def _like(rounded: Decimal, written: str) -> str:
    """A rounded number with the unit the claim was written in."""
    suffix = written[-1] if written[-1] in SUFFIXES else ""
    shifted = rounded.scaleb(-(len(str(SUFFIXES.get(suffix, 1))) - 1))
    return f"{shifted:,f}{suffix}"


def _grouped(value: object) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) and not isinstance(value, bool) else brief(value)


def _difference(value: object, claimed: object) -> str:
    if type(value) is int and type(claimed) is int:
        return f"the claim is {abs(value - claimed):,} too {'high' if claimed > value else 'low'}"
    return ""
