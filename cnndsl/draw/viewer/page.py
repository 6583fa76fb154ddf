"""The viewer as one HTML file that needs nothing from elsewhere: data, script, styles and letters are in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path

from cnndsl.draw.printing import BOLD, FAMILY, REGULAR
from cnndsl.draw.style import DARK, FONT, LIGHT, Palette, rules, shared_rules
from cnndsl.draw.viewer.states import viewer_data
from cnndsl.ir.graph import Graph

FOLDER = Path(__file__).parent
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; font-src data:; img-src data:"
HELP = "click: unfold or fold, drag: move, wheel: zoom, /: search, [ ]: depth, 0: all"


def page(graph: Graph, depth: int | None = None) -> str:
    """The HTML file of a network, opened to a `depth` at first."""
    data = viewer_data(graph, depth)
    name = escape(str(data["network"]))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<link rel="icon" href="data:,">
<title>{name}</title>
<style>
html, body {{ height: 100%; margin: 0; }}
{font_faces()}
{viewer_styles()}
</style>
</head>
<body>
{viewer_element(data)}
<script type="application/json" id="data">{script_json(data)}</script>
<script>
{viewer_script()}
cnndslViewer(document.querySelector(".viewer"), JSON.parse(document.getElementById("data").textContent));
</script>
</body>
</html>
"""


def viewer_element(data: Mapping[str, object]) -> str:
    """The element that the script fills."""
    name, facts = escape(str(data["network"])), escape(str(data["facts"]))
    return f"""<div class="viewer" data-theme="light">
<header>
<h1>{name}</h1><span class="told" title="{HELP}">{facts}</span>
<button type="button" data-part="fewer" title="close a level: [">&minus; level</button>
<span data-part="depth"></span>
<button type="button" data-part="more" title="open a level: ]">+ level</button>
<button type="button" data-part="out" title="smaller: -" aria-label="zoom out">&minus;</button>
<button type="button" data-part="in" title="larger: +" aria-label="zoom in">+</button>
<button type="button" data-part="fit" title="show all: 0">all</button>
<button type="button" data-part="theme" title="light or dark">light/dark</button>
<span class="find">
<input data-part="search" type="search" placeholder="search: /" aria-label="search layers and blocks">
<ul data-part="matches" hidden></ul>
</span>
</header>
<svg class="canvas" data-part="canvas" tabindex="0" aria-label="Diagram of the network {name}. {HELP}">
<g class="scene" data-part="scene"></g>
</svg>
<div class="hint" data-part="hint" role="status" hidden></div>
</div>"""


def viewer_script() -> str:
    return (FOLDER / "viewer.js").read_text(encoding="utf-8")


def viewer_styles() -> str:
    """All styles of the viewer, for light and dark as its `data-theme` says."""
    own = (FOLDER / "viewer.css").read_text(encoding="utf-8")
    drawn = "\n".join(f".viewer {rule}" for rule in shared_rules()).replace(FONT, f"{FAMILY}, {FONT}")
    return "\n".join([drawn, _themed("light", LIGHT), _themed("dark", DARK), own])


def _themed(name: str, palette: Palette) -> str:
    names = {"paper": palette.paper, "raised": palette.frames[0], "text": palette.text, "muted": palette.muted}
    colours = {**names, "line": palette.frame_line, "accent": palette.accent}
    said = " ".join(f"--{key}: {colour};" for key, colour in colours.items())
    here = f'.viewer[data-theme="{name}"]'
    scheme = f"{here} {{ color-scheme: {name}; {said} }}"
    return "\n".join([scheme, *(f"{here} .scene {rule}" for rule in rules(palette))])


def font_faces() -> str:
    """The font that boxes are made for, so that every text has its room on every system."""
    return "\n".join(
        f"@font-face {{ font-family: {FAMILY}; font-weight: {weight};"
        f" src: url(data:font/ttf;base64,{base64.b64encode(path.read_bytes()).decode()}); }}"
        for weight, path in (("400", REGULAR), ("600 700", BOLD))
    )


def script_json(data: Mapping[str, object]) -> str:
    """JSON that ends no script element, whatever is in its strings."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
