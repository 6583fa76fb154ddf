"""From text to syntax tree: grammar, layout, recovery."""

from cnndsl.syntax.parser import parse

__all__ = ["parse"]
