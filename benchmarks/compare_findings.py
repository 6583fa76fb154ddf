"""Runs every mistake of `mistakes/` in every tool, and writes down what they say.

    python benchmarks/compare_findings.py        (needs torch, keras, onnx and onnxruntime)

`pytest --renew tests/test_docs.py` then writes the table into docs/diagnostics.md.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mistakes import networks
from mistakes.networks import MISTAKES
from mistakes.table import RESULTS
from mistakes.tools import TOOLS

from cnndsl.extras import missing

PACKAGES = {"PyTorch": ("torch",), "Keras": ("keras",), "ONNX": ("onnx", "onnxruntime")}
SOURCE = Path(networks.__file__)
_NODE = re.compile(r"\b[A-Z][A-Za-z]+_(\d+)_\d+(_nchwc)?\b")  # of `tools.Onnx`, perhaps renamed by the runtime
# What ONNX and its runtime say before they come to the point.
_INFERENCE = r"(\[ShapeInferenceError\] )?Inference error\(s\): "
_RUNTIME = r"\[ONNXRuntimeError\][ :\d]*\w+ : (Exception.*?: |.*?Status Message: )?"
_ABOUT = re.compile(f"^({_INFERENCE}|{_RUNTIME})")


def main() -> None:
    if absent := missing(*(package for packages in PACKAGES.values() for package in packages)):
        sys.exit(f"this needs {' and '.join(absent)}: pip install {' '.join(absent)}")
    says = {name: {tool: said_by(tool, name) for tool in TOOLS} for name in MISTAKES}
    versions = {tool: ", ".join(f"{each} {version(each)}" for each in PACKAGES[tool]) for tool in TOOLS}
    RESULTS.write_text(json.dumps({"versions": versions, "says": says}, indent=2) + "\n", encoding="utf-8")


def said_by(tool: str, mistake: str) -> dict[str, Any]:
    """The first line that tells what is wrong, and whether a line at fault is pointed at; None if nothing is wrong."""
    net = TOOLS[tool]()
    try:
        net.finish(MISTAKES[mistake](net))
    except Exception as error:  # whatever a tool raises is what it says
        return {"says": first_line(error), "at_cause": pointed_at(error) in lines_at_fault()}
    return {"says": None, "at_cause": False}


def first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    text = _NODE.sub(lambda found: found[0].split("_")[0].lower(), _ABOUT.sub("", lines[0]))
    return f"{type(error).__name__}: {text}"


def pointed_at(error: Exception) -> int | None:
    """The line of the network that a user is led to: by the node that is named, else by the traceback."""
    if named := _NODE.search(str(error)):
        return int(named[1])
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(SOURCE)), None)


def lines_at_fault() -> set[int]:
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, start=1) if line.endswith("# @")}


if __name__ == "__main__":
    main()
