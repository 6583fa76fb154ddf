"""In a notebook, after `%load_ext cnndsl.notebook`: `%%arch` makes a network of a cell and shows it.

Findings and differences are then shown as what they are, too; an `Architecture` shows itself, without any of this.
"""

from __future__ import annotations

import shlex
from html import escape
from typing import TYPE_CHECKING, Any

from cnndsl.architecture import ArchError, Architecture, loads
from cnndsl.diagnostics import Report, render
from cnndsl.diff.difference import Difference

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

USAGE = "%%arch [NAME] [PARAMETER=VALUE ...]"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext cnndsl.notebook` calls."""

    def arch(line: str, cell: str) -> Architecture | Report:
        """Check the cell as an .arch file; its network is bound to NAME, or to its own name, and shown."""
        name, parameters = _arguments(line)
        try:
            network = loads(cell, **parameters)
        except ArchError as error:
            return error.report
        shell.push({name or network.name: network})
        return network

    shell.register_magic_function(arch, "cell", "arch")
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(Report, report_html)
    formatter.for_type(Difference, _difference_html)


def _arguments(line: str) -> tuple[str, dict[str, Any]]:
    """The name, or nothing, and the parameters. Raises ValueError for anything else."""
    words = shlex.split(line)
    name = words.pop(0) if words and "=" not in words[0] else ""
    parts = [word.partition("=") for word in words]
    if not all(key.isidentifier() and equals for key, equals, _ in [(name or "_", "=", ""), *parts]):
        raise ValueError(f"a cell begins with {USAGE}, not {line!r}")
    return name, {key: value for key, _, value in parts}


def report_html(report: Report) -> str:
    """The findings with the lines that they are about, or that there are none."""
    return f"<pre>{escape(render(report, 'text'))}</pre>" if report else "<p>nothing found</p>"


def _difference_html(difference: Difference) -> str:
    from cnndsl.draw.difference import diff_html

    return f'<iframe srcdoc="{escape(diff_html(difference))}" style="width: 100%; height: 32em; border: 0"></iframe>'
