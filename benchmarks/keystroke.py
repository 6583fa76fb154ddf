"""From a keystroke to its findings: the CPU time that the language server takes, for every file of the zoo.

    python benchmarks/keystroke.py [--edits 20] [NAME ...]

Each edit types or deletes one letter in a block or network of the file as it was. What is timed is what the server
does before it tells what it found: it looks at the network in view, or at the whole file if that never takes long. The
median of the edits is shown, the slowest file last, and the time that all networks of the file take.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from time import process_time

from cnndsl.checking import Request
from cnndsl.editor.first import first_look
from cnndsl.editor.view import View, end_of, whole_view
from cnndsl.lsp.documents import QUICK
from cnndsl.models import zoo_files
from cnndsl.source import Source, read_source


def edits(before: View, count: int, draw: Random) -> Iterator[Source]:
    """The text with one letter more or less, somewhere in a definition."""
    source, text = before.source, before.source.text
    for _ in range(count):
        definition = draw.choice(before.definitions)
        at = draw.randrange(definition.span.start, end_of(definition))
        typed = draw.choice(["", "1", "x", " ", ",", "r"])
        yield Source(source.name, text[:at] + typed + text[at + (typed == "") :], source.path)


def seconds_to_findings(before: View, now: Source, whole: float) -> float:
    began = process_time()
    if whole <= QUICK or first_look(before, now, Request()) is None:
        whole_view(now, Request())
    return process_time() - began


def measured(path: Path, count: int) -> tuple[float, float]:
    source = read_source(path)
    whole_view(source, Request())  # what is imported and worked out once
    began = process_time()
    before = whole_view(source, Request())
    whole = process_time() - began
    return median(seconds_to_findings(before, now, whole) for now in edits(before, count, Random(path.stem))), whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*")
    parser.add_argument("--edits", type=int, default=20)
    options = parser.parse_args()
    chosen = [path for path in zoo_files() if not options.names or path.stem in options.names]
    rows = sorted((*measured(path, options.edits), path.stem) for path in chosen)
    for keystroke, whole, stem in rows:
        print(f"{stem:24} {keystroke * 1e3:6.0f} ms to the findings, {whole * 1e3:6.0f} ms for all networks")


if __name__ == "__main__":
    main()
