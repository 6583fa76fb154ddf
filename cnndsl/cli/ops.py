"""`cnndsl ops [LAYER]`: the layers of the language, or one of them with its arguments and examples."""

from __future__ import annotations

import argparse

from cnndsl.cli.arguments import UsageError

EXAMPLES = """\
examples:
  cnndsl ops
  cnndsl ops conv
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("layer", metavar="LAYER", nargs="?", help="such as conv")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.diagnostics import did_you_mean
    from cnndsl.reference import describe, entries, entry, first_line

    if options.layer is None:
        known = entries()
        width = max(map(len, known))
        for word, each in known.items():
            print(f"{word:<{width}}  {first_line(each)}")
        return 0
    cls = entry(options.layer)
    if cls is None:
        hint = did_you_mean(options.layer, entries(), "`cnndsl ops` lists them")
        raise UsageError(f"there is no layer {options.layer}; {hint}")
    print("\n".join(describe(cls)))
    return 0
