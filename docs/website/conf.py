"""How Sphinx builds the site."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pygments.lexers.special import TextLexer
from pygments.token import Error, Text
from sphinx.application import Sphinx

from cnndsl.editor.pygments import ArchLexer
from cnndsl.version import __version__

project = "cnndsl"
release = __version__
html_title = f"cnndsl {release}"
extensions = ["myst_parser"]
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_show_sourcelink = False
html_copy_source = False
myst_heading_anchors = 3


class WrongArchLexer(ArchLexer):
    """The same for examples of mistakes, which may have letters that the language does not know."""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        for place, kind, word in super().get_tokens_unprocessed(text):
            yield place, Text if kind is Error else kind, word


def setup(app: Sphinx) -> None:
    """Blocks are called after what the tests do with them, and our EBNF is no dialect that Pygments reads."""
    for word in ("arch", "arch-fragment", "arch-shapes"):
        app.add_lexer(word, ArchLexer)
    app.add_lexer("arch-error", WrongArchLexer)
    for word in ("picture", "ebnf"):
        app.add_lexer(word, TextLexer)
