"""Pictures: a network as its paper's figure draws it, as one SVG file."""

from cnndsl.draw.svg import draw

__all__ = ["draw"]
