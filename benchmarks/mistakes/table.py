"""The table of mistakes in docs/diagnostics.md: what the others said, from `results.json`, and what cnndsl says now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cnndsl.checking import Request, check_file
from cnndsl.source import Source

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results.json")
CAUSES = ROOT / "tests" / "cases" / "causes"
MOST = 140  # letters of a message
HEAD = """
## Beside other tools

The same mistakes, written in each tool as one would there, and the first line of what each says; `*` where it points at
a line that is at fault: with its place, with its traceback, or by the name of a node. PyTorch runs the network once,
Keras only builds it, ONNX infers shapes strictly and then ONNX Runtime runs it. The files are those of
`tests/cases/causes/`, the others' networks stand in `benchmarks/mistakes/networks.py`, and
`benchmarks/compare_findings.py` asks them again ({versions}).
"""


def section() -> str:
    """What follows the codes on the page."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = {name: {"cnndsl": said_by_us(name), **others} for name, others in results["says"].items()}
    tools = ["cnndsl", *results["versions"]]
    versions = ", ".join(results["versions"].values())
    return "\n".join([HEAD.format(versions=versions), *_summary(tools, rows), "", *_details(tools, rows)]) + "\n"


def said_by_us(name: str) -> dict[str, Any]:
    text = (CAUSES / f"{name}.arch").read_text(encoding="utf-8")
    at_fault = {number for number, line in enumerate(text.splitlines(), start=1) if line.rstrip().endswith("#@")}
    first = next(iter(check_file(Source(f"{name}.arch", text), Request()).report), None)
    if first is None:
        return {"says": None, "at_cause": False}
    says = f"{first.severity}[{first.code}]: {first.message}" + (f": {first.label}" if first.label else "")
    return {"says": says, "at_cause": first.span.line in at_fault}


def _summary(tools: list[str], rows: dict[str, dict[str, Any]]) -> list[str]:
    lines = [f"| of {len(rows)} mistakes | says something | points at the cause |", "|---|---|---|"]
    for tool in tools:
        says = [row[tool] for row in rows.values()]
        found, led = sum(each["says"] is not None for each in says), sum(each["at_cause"] for each in says)
        lines.append(f"| {tool} | {found} | {led} |")
    return lines


def _details(tools: list[str], rows: dict[str, dict[str, Any]]) -> list[str]:
    lines = [f"| mistake | {' | '.join(tools)} |", "|---" * (len(tools) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(_cell(row[tool]) for tool in tools)} |")
    return lines


def _cell(said: dict[str, Any]) -> str:
    if said["says"] is None:
        return "(nothing)"
    text = said["says"] if len(said["says"]) <= MOST else said["says"][:MOST].rstrip() + "..."
    for letter in "\\|<>*_`[":
        text = text.replace(letter, f"\\{letter}")
    return "\\* " * said["at_cause"] + text
