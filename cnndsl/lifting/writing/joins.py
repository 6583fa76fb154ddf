"""Concats that begin with all that another one joins, as those of a dense block written out: they read that instead.

Joining is associative, and so the network is the same; but each layer then adds its maps to those before it.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from cnndsl.lifting.writing.chains import Unit
from cnndsl.ops.merge import Concat
from cnndsl.records import replace


def fold_joins(units: MutableMapping[str, Unit]) -> None:
    """Let each concat read an earlier one of all its sources but the last."""
    earlier: dict[tuple[str, ...], str] = {}
    for name, unit in units.items():
        if unit.command.word == Concat.word and len(unit.sources) > 1:
            *before, last = unit.sources
            joined = earlier.get(tuple(before))
            earlier.setdefault(unit.sources, name)
            if joined is not None:
                units[name] = replace(unit, sources=(joined, last))
