"""The colours of the text rendering, and when to use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from cnndsl.diagnostics.model import Severity
from cnndsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """Terminal (SGR) sequences by what they mark; empty ones leave the text plain."""

    error: str = ""
    warning: str = ""
    message: str = ""
    margin: str = ""  # line numbers, bars and arrows
    related: str = ""  # the other ends of a disagreement
    help: str = ""
    reset: str = ""

    def paint(self, color: str, text: str) -> str:
        return f"{color}{text}{self.reset}" if color and text else text

    def severity(self, severity: Severity) -> str:
        return self.error if severity == "error" else self.warning


PLAIN = Style()
COLOR = Style(
    error="\x1b[1;31m",
    warning="\x1b[1;33m",
    message="\x1b[1m",
    margin="\x1b[1;34m",
    related="\x1b[1;34m",
    help="\x1b[1;36m",
    reset="\x1b[0m",
)


def use_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour what goes to `stream`: NO_COLOR, then FORCE_COLOR, decide if set and not empty.

    Otherwise a terminal that is not dumb gets colour. Sources: no-color.org, force-color.org.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and stream.isatty()
