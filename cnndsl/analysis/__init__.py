"""What can be known about a network without running it: costs, receptive field, memory, depth, and a table of them."""

from typing import TYPE_CHECKING

from cnndsl.analysis.facts import Facts
from cnndsl.analysis.lint import lint
from cnndsl.lazily import names_from

if TYPE_CHECKING:
    from cnndsl.analysis.render import summary_csv, summary_json, summary_table, summary_text
    from cnndsl.analysis.summary import Summary, summarize
else:
    __getattr__ = names_from(__name__, "summary", "render")

__all__ = ["Facts", "Summary", "lint", "summarize", "summary_csv", "summary_json", "summary_table", "summary_text"]
