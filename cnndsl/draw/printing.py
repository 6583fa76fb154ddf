"""An SVG document as PNG or PDF: in light colours, and in a font that is carried along and has Helvetica's widths.

So a picture looks the same on every machine, also on one without any font, and a PDF has its text as text.
"""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

from cnndsl.draw.style import FONT
from cnndsl.extras import require

FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD = FONTS / "Arimo-Regular.ttf", FONTS / "Arimo-Bold.ttf"
FAMILY = "Arimo"
EXTRA = "image"
ZOOM = 2.0  # pixels of a PNG to one of the picture, as far as that stays below MOST
MOST = 100_000_000  # pixels


def require_printing() -> None:
    """Raise `MissingExtra` if a library is not installed that makes PNG or PDF of SVG."""
    require("resvg_py", "svglib", extra=EXTRA)


def png(svg: str) -> bytes:
    from resvg_py import svg_to_bytes

    width, height = _size(svg)
    zoom = min(ZOOM, (MOST / (width * height)) ** 0.5)
    return bytes(svg_to_bytes(svg_string=_for_paper(svg), zoom=zoom, dpi=96, font_files=[str(REGULAR), str(BOLD)]))


def pdf(svg: str) -> bytes:
    """One page of the picture's size, with nothing in it that says when it was made."""
    from reportlab.graphics import renderPDF
    from reportlab.pdfgen.canvas import Canvas
    from svglib.fonts import register_font
    from svglib.svglib import svg2rlg

    register_font(FAMILY, str(REGULAR))
    register_font(FAMILY, str(BOLD), weight="bold")
    drawing = svg2rlg(BytesIO(_for_paper(svg).encode()))
    assert drawing is not None  # it is our own SVG
    drawing.initialFontName = FAMILY  # else the page begins with one that is not embedded
    found = BytesIO()
    canvas = Canvas(found, (drawing.width, drawing.height), invariant=True, initialFontName=FAMILY)
    canvas.setTitle(_title(svg))
    renderPDF.draw(drawing, canvas, 0, 0)
    canvas.showPage()
    canvas.save()
    return found.getvalue()


def _for_paper(svg: str) -> str:
    """With the one font, and without the halos of text, which not all libraries draw behind it."""
    plain = re.sub(r"(?m)^\.(on\d|halo) \{.*\}\n", "", svg.replace(FONT, FAMILY))
    return plain.replace("font-weight: 600", "font-weight: bold")


def _size(svg: str) -> tuple[float, float]:
    found = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


def _title(svg: str) -> str:
    found = re.search(r'<title id="title">(.*?)</title>', svg)
    return found[1] if found else ""
