"""What can be known about a network without running it: costs, receptive field, memory, depth, and a table of them."""

from cnndsl.analysis.facts import Facts
from cnndsl.analysis.lint import lint
from cnndsl.analysis.render import summary_csv, summary_json, summary_text
from cnndsl.analysis.summary import Summary, summarize

__all__ = ["Facts", "Summary", "lint", "summarize", "summary_csv", "summary_json", "summary_text"]
