"""Structures: what shapes the flow rather than computing (`repeat`, `stage`, `residual`, `dense`, `group`, ...).

Like a layer, a structure is a dataclass whose fields are its arguments; unlike one, it takes a body in braces (`split`
alone does not).
"""

from cnndsl.elaborate.structures.base import Structure
from cnndsl.elaborate.structures.bundling import Group, Split
from cnndsl.elaborate.structures.growing import Dense, Fractal
from cnndsl.elaborate.structures.nesting import Head, Repeat, Stage
from cnndsl.elaborate.structures.residual import Residual
from cnndsl.elaborate.structures.sharing import Again

STRUCTURES: dict[str, type[Structure]] = {
    structure.word: structure for structure in (Repeat, Stage, Head, Residual, Dense, Fractal, Group, Split, Again)
}

__all__ = ["STRUCTURES", "Dense", "Fractal", "Group", "Head", "Repeat", "Residual", "Split", "Stage", "Structure"]
