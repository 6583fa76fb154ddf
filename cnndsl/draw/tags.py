"""SVG elements as text; whatever is put in is escaped here and nowhere else."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def tag(name: str, inside: str = "", **attributes: str | float) -> str:
    """An element around markup that is already escaped; `data_box` becomes `data-box`, `class_` becomes `class`."""
    written = "".join(
        f" {key.removesuffix('_').replace('_', '-')}={quoteattr(value if isinstance(value, str) else number(value))}"
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def words(text: str, x: float, y: float, size: float, style: str) -> str:
    """A line of text at its baseline."""
    return tag("text", escape(text), class_=style, x=x, y=y, font_size=size)


def tooltip(text: str) -> str:
    """What a pointer that rests on the element around it is told."""
    return tag("title", escape(text)) if text else ""
