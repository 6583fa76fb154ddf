"""What papers would advise, W7: arguments about cost and sight that an author may know and decide against.

Nothing here is certain, so nothing is said unless it is asked for: `cnndsl check --advice all` or by codes.
"""

from __future__ import annotations

from cnndsl.analysis.lint.advice.growth import growing_without_end
from cnndsl.analysis.lint.advice.reductions import unreduced_kernels
from cnndsl.analysis.lint.advice.sight import narrow_sight
from cnndsl.analysis.lint.advice.weights import heavy_layers
from cnndsl.analysis.lint.advice.widths import odd_widths
from cnndsl.analysis.lint.finding import Rule

ADVICE: dict[str, Rule] = {
    "W701": narrow_sight,
    "W702": heavy_layers,
    "W703": unreduced_kernels,
    "W704": growing_without_end,
    "W705": odd_widths,
}
