"""Holds a network's `expect` claims against its facts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from cnndsl.analysis.facts import FACT_NAMES, Facts
from cnndsl.elaborate.elaborator import Claim
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.names import names_in
from cnndsl.elaborate.values import Env, Failed
from cnndsl.ops.arguments import show, type_name
from cnndsl.syntax import tree
from cnndsl.syntax.builder import SUFFIXES

_UNITS = {"memory": " bytes"}


def hold(claims: list[Claim], facts: Facts) -> None:
    """Report every claim that does not hold, with both numbers (E401), or that cannot be decided (E403)."""
    for claim in claims:
        asked = {name.id for name in names_in(claim.expression) if name.id in FACT_NAMES}
        env = Env(claim.evaluator.env, {name: getattr(facts, name) for name in asked})
        evaluator = Evaluator(claim.evaluator.context, claim.evaluator.module, env, claim.evaluator.incoming)
        try:
            _hold_one(claim.expression, evaluator)
        except Failed:
            continue


def _hold_one(claim: tree.Expression, evaluator: Evaluator) -> None:
    context = evaluator.context
    if not isinstance(claim, tree.Operation) or len(claim.operands) != 2:
        if not evaluator.truth(claim, "`expect`"):
            message = f"this does not hold: {claim.span.text}"
            context.fail("E401", message, claim.span, label=_facts_in(claim, evaluator))
        return
    left, right = claim.operands
    symbol = claim.operators[0]
    if symbol == "~":
        _hold_rounded(claim, left, right, evaluator)
        return
    if not evaluator.truth(claim, "`expect`"):
        value, claimed = evaluator.value(left), evaluator.value(right)
        wanted = f"not {_grouped(claimed)}" if symbol == "==" else f"which is not {symbol} {_grouped(claimed)}"
        name = left.span.text
        message = f"`{name}` is {_grouped(value)}{_UNITS.get(name, '')}, {wanted}"
        context.fail("E401", message, claim.span, label=_difference(value, claimed))


def _hold_rounded(
    claim: tree.Operation, left: tree.Expression, right: tree.Expression, evaluator: Evaluator
) -> None:
    """`~`: the value, rounded to the digits written, is what is written."""
    value = evaluator.value(left)
    written = right.span.text
    if not isinstance(right, tree.Literal) or type_name(right.value) not in ("int", "float"):
        help = "write the number out, as in `~ 25.6M`: its digits say how far it is rounded"
        raise evaluator.context.fail("E403", "`~` needs a number on its right", right.span, help=help)
    if type_name(value) not in ("int", "float"):
        message = f"`~` needs a number on its left, not {type_name(value)} {show(value)}"
        raise evaluator.context.fail("E403", message, left.span)
    claimed = _decimal(written)
    step = claimed.as_tuple().exponent
    rounded = Decimal(str(value)).quantize(Decimal((0, (1,), int(step))), ROUND_HALF_UP)
    if rounded != claimed:
        text = f"`{left.span.text}` is {_grouped(value)}, which rounds to {_like(rounded, written)}, not {written}"
        evaluator.context.fail("E401", text, claim.span)


def _decimal(written: str) -> Decimal:
    scale = SUFFIXES.get(written[-1], 1)
    digits = (written[:-1] if scale > 1 else written).replace("_", "")
    return Decimal(digits).scaleb(len(str(scale)) - 1)


def _like(rounded: Decimal, written: str) -> str:
    """A rounded number with the unit the claim was written in."""
    suffix = written[-1] if written[-1] in SUFFIXES else ""
    shifted = rounded.scaleb(-(len(str(SUFFIXES.get(suffix, 1))) - 1))
    return f"{shifted:,f}{suffix}"


def _grouped(value: object) -> str:
    return f"{value:,}" if isinstance(value, (int, float)) and not isinstance(value, bool) else show(value)


def _difference(value: object, claimed: object) -> str:
    if isinstance(value, int) and isinstance(claimed, int) and not isinstance(value, bool):
        return f"the claim is {abs(value - claimed):,} too {'high' if claimed > value else 'low'}"
    return ""


def _facts_in(claim: tree.Expression, evaluator: Evaluator) -> str:
    facts = dict.fromkeys(name.id for name in names_in(claim) if name.id in FACT_NAMES)
    return ", ".join(f"{name} = {_grouped(evaluator.env.find(name))}" for name in facts)
