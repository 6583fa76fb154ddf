"""Pages to HTML, by Sphinx. Every warning is an error, and all of them are told."""

from __future__ import annotations

from pathlib import Path

from sphinx.cmd.build import build_main

CONFIGURATION = Path(__file__).resolve().parent


def build(source: Path, site: Path, builder: str = "html") -> int:
    """Build the site; gives an exit code. The builder `dummy` reads all pages, follows their links, and writes none."""
    options = ["--fail-on-warning", "--quiet", "--jobs", "auto"]
    return build_main([*options, "--conf-dir", str(CONFIGURATION), "--builder", builder, str(source), str(site)])
