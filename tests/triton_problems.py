"""The small problems of every kernel, for tests that hold for all of them."""

from __future__ import annotations

from typing import Any

from cnndsl.kernels.families import FAMILIES

PROBLEMS: dict[str, tuple[str, Any]] = {
    f"{family.name}, {label}" if label else family.name: (family.name, problem)
    for family in FAMILIES.values()
    for label, problem in family.examples.items()
}
