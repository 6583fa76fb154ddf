"""How one network became another: its layers side by side, what differs at which lines, and what that costs."""

from typing import TYPE_CHECKING

from cnndsl.lazily import names_from

if TYPE_CHECKING:
    from cnndsl.diff.difference import Difference, compare
    from cnndsl.diff.json import diff_json
    from cnndsl.diff.render import diff_markdown, diff_text
else:
    __getattr__ = names_from(__name__, "difference", "json", "render")

__all__ = ["Difference", "compare", "diff_json", "diff_markdown", "diff_text"]
