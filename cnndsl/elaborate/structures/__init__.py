"""Structures: what shapes the flow rather than computing (`repeat`, `stage`, `residual`, `dense`, `fractal`, `head`).

Like a layer, a structure is a dataclass whose fields are its arguments; unlike one, it takes a body in braces.
"""

from cnndsl.elaborate.structures.base import Structure
from cnndsl.elaborate.structures.growing import Dense, Fractal
from cnndsl.elaborate.structures.nesting import Head, Repeat, Stage
from cnndsl.elaborate.structures.residual import Residual

STRUCTURES: dict[str, type[Structure]] = {
    structure.word: structure for structure in (Repeat, Stage, Head, Residual, Dense, Fractal)
}

__all__ = ["STRUCTURES", "Dense", "Fractal", "Head", "Repeat", "Residual", "Stage", "Structure"]
