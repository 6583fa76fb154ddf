"""The palette: calm colours by kind of layer, for paper and for the dark; text has a contrast of at least 4.5 to 1."""

from __future__ import annotations

from typing import NamedTuple

from cnndsl.draw.model import Kind, Mark

# All of one width, but for the last: boxes are made for the widths of Helvetica.
FONT = "Helvetica, Arial, 'Liberation Sans', Arimo, 'Nimbus Sans', sans-serif"


class Ink(NamedTuple):
    """Colours of one kind of thing: inside, around, and of the text in it."""

    fill: str
    line: str
    text: str


class Palette(NamedTuple):
    paper: str
    text: str
    muted: str
    wire: str
    frames: tuple[str, str, str]  # one in the other
    frame_line: str
    badge: Ink
    kinds: dict[Kind, Ink]
    marks: dict[Mark, str]  # of rings
    accent: str  # of what is chosen
    heats: tuple[Ink, ...]  # from no cost to the most


HEATS = 5  # shades of cost, beside that for none

LIGHT = Palette(
    paper="#ffffff",
    text="#1f2937",
    muted="#5b6675",
    wire="#7b8794",
    frames=("#f5f7fa", "#eaeef3", "#dfe5ec"),
    frame_line="#c3ccd8",
    badge=Ink("#475569", "#475569", "#ffffff"),
    kinds={
        "weights": Ink("#dbe9fb", "#86aee0", "#16386b"),
        "pool": Ink("#fbe0dd", "#e0a099", "#74271e"),
        "norm": Ink("#e3f1dc", "#a3c890", "#2c5219"),
        "activation": Ink("#fdefc8", "#e2c26c", "#654a06"),
        "merge": Ink("#e9e2f6", "#b5a1da", "#442a78"),
        "other": Ink("#eceff3", "#b9c2cd", "#364152"),
        "scope": Ink("#f4f6f9", "#aab6c5", "#4b5767"),
        "terminal": Ink("#ffffff", "#9aa5b1", "#3b4754"),
    },
    marks={"added": "#15803d", "removed": "#c81e1e", "changed": "#b45309"},
    accent="#2563eb",
    heats=(
        Ink("#f4f6f9", "#b9c2cd", "#4b5767"),
        Ink("#fff3d6", "#dcc38a", "#5c4306"),
        Ink("#ffdca3", "#d9a95c", "#593400"),
        Ink("#ffb775", "#cf8339", "#4d2500"),
        Ink("#f58a55", "#b95a28", "#331000"),
        Ink("#b8362b", "#8c2018", "#ffffff"),
    ),
)

DARK = Palette(
    paper="#12161c",
    text="#e6eaf0",
    muted="#9aa7b6",
    wire="#8492a3",
    frames=("#191f28", "#212934", "#2a3441"),
    frame_line="#3d4a5b",
    badge=Ink("#c3cedb", "#c3cedb", "#12161c"),
    kinds={
        "weights": Ink("#1c3457", "#41699f", "#cfe2ff"),
        "pool": Ink("#4c2622", "#8c4f48", "#ffd9d4"),
        "norm": Ink("#243c1b", "#53793f", "#d8f0c9"),
        "activation": Ink("#473810", "#867030", "#fdeab5"),
        "merge": Ink("#35285a", "#6b57a3", "#e5dbfb"),
        "other": Ink("#2a323d", "#566273", "#dde4ec"),
        "scope": Ink("#1d242e", "#566577", "#b4c0ce"),
        "terminal": Ink("#12161c", "#6b7887", "#cbd5e0"),
    },
    marks={"added": "#4ade80", "removed": "#f87171", "changed": "#fbbf24"},
    accent="#60a5fa",
    heats=(
        Ink("#1d242e", "#566577", "#b4c0ce"),
        Ink("#33301f", "#6b6338", "#efe6c0"),
        Ink("#54401b", "#8a6a30", "#ffe9bd"),
        Ink("#7a4a16", "#ad7030", "#fff0d9"),
        Ink("#a34a1d", "#d2733f", "#ffffff"),
        Ink("#ffb08a", "#ffd0b8", "#3d0d00"),
    ),
)


def stylesheet() -> str:
    """Light colours, and the dark ones where the reader's system asks for them."""
    dark = "\n".join(f"  {rule}" for rule in rules(DARK))
    return "\n".join([*shared_rules(), *rules(LIGHT), f"@media (prefers-color-scheme: dark) {{\n{dark}\n}}"])


def shared_rules() -> list[str]:
    return [
        f"text {{ font-family: {FONT}; }}",
        ".middle { text-anchor: middle; }",
        ".end { text-anchor: end; }",
        ".bold { font-weight: 600; }",
        ".wire { fill: none; stroke-width: 1.4; stroke-linejoin: round; }",
        ".frame { stroke-width: 1; }",
        ".aside { stroke-dasharray: 5 3; }",
        ".halo { paint-order: stroke; stroke-width: 3; stroke-linejoin: round; }",
    ]


def rules(palette: Palette) -> list[str]:
    rules = [
        f".paper {{ fill: {palette.paper}; }}",
        f".text {{ fill: {palette.text}; }}",
        f".muted {{ fill: {palette.muted}; }}",
        *(f".on{at} {{ stroke: {fill}; }}" for at, fill in enumerate((palette.paper, *palette.frames))),
        f".wire {{ stroke: {palette.wire}; }}",
        f".head {{ fill: {palette.wire}; }}",
        f".frame {{ stroke: {palette.frame_line}; }}",
        *(f".in{at} {{ fill: {fill}; }}" for at, fill in enumerate(palette.frames, start=1)),
        f".badge {{ fill: {palette.badge.fill}; }}",
        f".badge-text {{ fill: {palette.badge.text}; }}",
    ]
    for kind, ink in palette.kinds.items():
        rules.append(f".{kind} {{ fill: {ink.fill}; stroke: {ink.line}; }}")
        rules.append(f".{kind}-text {{ fill: {ink.text}; }}")
    return rules


def ring_styles() -> str:
    """What rings around what changed need more."""
    dark = " ".join(_ring_rules(DARK))
    return "\n".join(
        [
            ".ring { fill: none; stroke-width: 2.5; }",
            *_ring_rules(LIGHT),
            f"@media (prefers-color-scheme: dark) {{ {dark} }}",
        ]
    )


def _ring_rules(palette: Palette) -> list[str]:
    return [f".{mark} {{ stroke: {line}; }} .{mark}-text {{ fill: {line}; }}" for mark, line in palette.marks.items()]


def look_styles() -> str:
    """What colours by cost and rings around what is chosen need more."""
    dark = "\n".join(f"  {rule}" for rule in _look_rules(DARK))
    light = "\n".join(_look_rules(LIGHT))
    return f".ring {{ fill: none; stroke-width: 2.5; }}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def _look_rules(palette: Palette) -> list[str]:
    rules = [f".chosen {{ stroke: {palette.accent}; }}"]
    for level, ink in enumerate(palette.heats):
        rules.append(f".heat{level} {{ fill: {ink.fill}; stroke: {ink.line}; }}")
        rules.append(f".heat{level}-text {{ fill: {ink.text}; }}")
    return rules
