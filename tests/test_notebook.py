"""A notebook with networks in it, run by a kernel: what its cells show, and what they say of a mistake."""

from __future__ import annotations

import re
from html import unescape

import nbformat
import pytest
from nbclient import NotebookClient

from cnndsl.notebook import _arguments

NETWORK = """network tiny(classes=10) {
  input 3 x 32 x 32
  conv 3x3, 16 -> relu
  global_avgpool
  linear classes
}
"""
CELLS = (
    "%load_ext cnndsl.notebook",
    f"%%arch\n{NETWORK}",
    f"%%arch wide classes=100\n{NETWORK}",
    "(tiny.output_shape, wide.output_shape)",
    "wide.summary()",
    f"%%arch broken\n{NETWORK.replace('linear classes', 'linear clases')}",
    "from cnndsl.diff import compare; compare(tiny.graph, wide.graph, 'tiny', 'wide')",
    "import cnndsl; cnndsl.load('alexnet')",
)


@pytest.fixture(scope="module")
def shown() -> list[dict[str, str]]:
    """What each cell showed last, by its type."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return [dict(cell.outputs[-1].data) if cell.outputs else {} for cell in notebook.cells]


def test_cells_are_shown_as_what_they_are(shown: list[dict[str, str]]) -> None:
    _, tiny, wide, shapes, table, broken, difference, zoo = shown
    for picture, output in ((tiny, "output 10"), (wide, "output 100"), (zoo, "output 1000")):
        assert picture["image/svg+xml"].startswith("<svg") and f">{output}<" in picture["image/svg+xml"]
    assert shapes["text/plain"] == "((10,), (100,))"
    assert table["text/html"].startswith("<pre>") and "conv 3x3, 16" in table["text/html"]
    assert "clases" in broken["text/html"] and "did you mean" in broken["text/html"]
    page = unescape(difference["text/html"])
    assert re.search(r"<iframe srcdoc=.*<svg", page, re.DOTALL) and "linear 100" in page


@pytest.mark.parametrize("line", ["1x", "a b", "a 1=2", "a = 2"])
def test_a_line_that_makes_no_sense(line: str) -> None:
    with pytest.raises(ValueError, match="a cell begins with %%arch"):
        _arguments(line)
