"""Pictures: a network as its paper's figure draws it, as one file without anything from elsewhere."""

from cnndsl.draw.forms import draw_as, figure
from cnndsl.draw.look import Look
from cnndsl.draw.svg import draw

__all__ = ["Look", "draw", "draw_as", "figure"]
