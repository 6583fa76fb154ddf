"""`cnndsl zoo`: the networks that ship with cnndsl; `--check` proves every claim their files make."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from cnndsl.table import aligned

if TYPE_CHECKING:
    from pathlib import Path

    from cnndsl.checking import Checked


EXAMPLES = """\
examples:
  cnndsl zoo
  cnndsl zoo --check
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="prove all claims and print findings only")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.checking import check_file
    from cnndsl.models import zoo_files
    from cnndsl.source import read_source

    start, networks, claims, fine = time.perf_counter(), 0, 0, True
    for path in zoo_files():
        checked = check_file(read_source(path))
        networks += len(checked.networks)
        claims += sum(len(done.claims) for done in checked.networks.values())
        fine &= _report(checked)
        if not options.check:
            print("\n".join(_listing(path, checked)), end="\n\n")
    elapsed = time.perf_counter() - start
    print(f"{networks} networks, {claims} claims " + (f"hold ({elapsed:.1f} s)" if fine else "were checked"))
    return 0 if fine else 1


def _report(checked: Checked) -> bool:
    from cnndsl.diagnostics import render

    if checked.report:
        print(render(checked.report, "text"), file=sys.stderr)
    return checked.report.ok


def _listing(path: Path, checked: Checked) -> list[str]:
    """The file's paper, and a line for each of its networks."""
    rows = [("network", "input", "parameters", "MACs", "depth", "field")]
    for name, facts in checked.facts.items():
        shape = "x".join(map(str, facts.graph.inputs[0].shape)) if facts.graph.inputs else "?"
        rows.append((name, shape, f"{facts.params:,}", f"{facts.macs:,}", str(facts.depth), str(facts.receptive_field)))
    return [f"{path.name}: {paper(checked.module.source.text)}", *(f"  {line}" for line in aligned(rows))]


def paper(text: str) -> str:
    """The citation with which a file begins: its first comment, up to an empty line or a full stop at a line's end."""
    said: list[str] = []
    for line in text.splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#") or not words or (said and said[-1].endswith(".")):
            break
        said.append(words)
    return " ".join(said).rstrip(".") or "no paper is named"
