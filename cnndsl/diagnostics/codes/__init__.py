"""The registry of diagnostic codes with their explanations and examples.

Only `cnndsl explain`, the documentation and SARIF need it, so a plain check never imports this package.
"""

from __future__ import annotations

from cnndsl.diagnostics.codes.advice import ADVICE
from cnndsl.diagnostics.codes.arguments import ARGUMENTS
from cnndsl.diagnostics.codes.claims import CLAIMS
from cnndsl.diagnostics.codes.code import Code
from cnndsl.diagnostics.codes.limits import LIMITS
from cnndsl.diagnostics.codes.lint import LINT
from cnndsl.diagnostics.codes.names import NAMES
from cnndsl.diagnostics.codes.shapes import SHAPES
from cnndsl.diagnostics.codes.structure import STRUCTURE
from cnndsl.diagnostics.codes.syntax import SYNTAX
from cnndsl.diagnostics.codes.warnings import WARNINGS

_ALL = tuple(
    sorted(
        (*SYNTAX, *SHAPES, *NAMES, *ARGUMENTS, *STRUCTURE, *CLAIMS, *LIMITS, *LINT, *ADVICE, *WARNINGS),
        key=lambda code: code.code,
    )
)


def lookup(code: str) -> Code | None:
    """The entry of a code such as "E203"."""
    return next((entry for entry in _ALL if entry.code == code), None)


def all_codes() -> tuple[Code, ...]:
    """Every code, errors before warnings, by number."""
    return _ALL


__all__ = ["Code", "all_codes", "lookup"]
