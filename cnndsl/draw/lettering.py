"""How wide a line of text is, in Helvetica and in the fonts that were drawn to its widths (Arial, Liberation Sans)."""

from __future__ import annotations

import math

# Advance widths in thousandths of the size, from Adobe's Helvetica font metrics.
_WIDTHS = {
    222: "ijl",
    260: "|",
    278: " !,./:;I[]\\ft",
    333: "()-`r",
    334: "{}",
    355: '"',
    389: "*",
    469: "^",
    500: "ckJsvxyz",
    556: "#$?_L0123456789abdeghnopqu",
    584: "+<=>~",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUw",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
}
_WIDTH = {character: width for width, characters in _WIDTHS.items() for character in characters}
_UNKNOWN = 1000
_ROOM = 1.04  # other systems' fonts are a little wider
_BOLD = 1.07


def width(text: str, size: float, *, bold: bool = False) -> int:
    """Whole pixels that `text` takes at `size` pixels, rounded up to an even number so that halves are whole."""
    thousandths = sum(_WIDTH.get(character, _UNKNOWN) for character in text)
    return 2 * math.ceil(thousandths * size * _ROOM * (_BOLD if bold else 1) / 2000)


def shortened(text: str, most: int) -> str:
    """The text, cut to `most` characters."""
    return text if len(text) <= most else text[: most - 1].rstrip(" ,") + "…"
