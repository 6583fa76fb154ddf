"""Pictures: a network as its paper's figure draws it, as one file without anything from elsewhere."""

from cnndsl.draw.forms import draw_as, figure
from cnndsl.draw.look import Look, PictureError
from cnndsl.draw.svg import draw

__all__ = ["Look", "PictureError", "draw", "draw_as", "figure"]
