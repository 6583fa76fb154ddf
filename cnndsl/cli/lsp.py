"""`cnndsl lsp`: the language server, which an editor starts and talks to over standard input and output."""

from __future__ import annotations

import argparse

EXAMPLES = """\
examples:
  cnndsl lsp
  cnndsl lsp --stdio
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stdio", action="store_true", help="talk over standard input and output, as it does anyway")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.extras import require

    require("pygls", extra="lsp")
    from cnndsl.lsp.server import serve

    serve()
    return 0
