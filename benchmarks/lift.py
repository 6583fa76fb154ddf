"""Lift whole libraries, one model after the other, and write what came of it as tables into docs/lift.md.

python benchmarks/lift.py torchvision          # adds to benchmarks/results/lift.json what is not yet in it
python benchmarks/lift.py timm --most 10
python benchmarks/lift.py tables               # docs/lift.md, from that file alone
"""

from __future__ import annotations

import argparse
import gc
import json
import re
from pathlib import Path
from statistics import median
from typing import Any

from cnndsl.errors import Error, reason
from cnndsl.foreign.modules import build_foreign, usual_input
from cnndsl.foreign.sources import IMAGE, read_source
from cnndsl.lifting.lift import lift_foreign
from cnndsl.models import zoo_names

if __package__:
    from benchmarks.lifting.models import TIMM, timm_models, torchvision_models
else:
    from lifting.models import TIMM, timm_models, torchvision_models

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "lift.json"
PAGE = ROOT / "docs" / "lift.md"
MARK = "<!-- tables: benchmarks/lift.py tables -->\n"
LARGEST = 128  # of the images on which both are run; counts are of these, too

Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("torchvision", "timm", "tables"))
    parser.add_argument("--most", type=int, default=10_000, metavar="N", help="stop after so many")
    options = parser.parse_args()
    if options.what == "tables":
        write_tables(json.loads(RESULTS.read_text(encoding="utf-8")))
        return
    known: dict[str, Row] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    wanted = torchvision_models() if options.what == "torchvision" else timm_models()
    wanted.sort(key=lambda name: "128gf" in name)  # the largest, which needs 16 GB, comes last
    for source in [name for name in wanted if name not in known][: options.most]:
        known[source] = lifted(source)
        print(source, known[source], flush=True)
        RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        gc.collect()


def lifted(source: str) -> Row:
    """What came of one model."""
    try:
        module = build_foreign(source)
        params = sum(each.numel() for each in module.parameters())
        shape = usual_input(source, module) or IMAGE
        del module
        largest = max(shape) if "inception_v3" in source else LARGEST  # whose heads need maps of some size
        foreign = read_source(source, [(shape[0], *(min(size, largest) for size in shape[1:]))])
        found = lift_foreign(foreign)
    except Error as error:
        reasons = getattr(error, "reasons", ())
        return {"why": f"{error}" + (f": {reasons[0]}" if reasons else "")}
    except Exception as error:  # a fault of ours: it has a row of its own
        return {"why": f"internal: {type(error).__name__}: {reason(error)}"}
    text = found.text.split("\n")
    lines = sum(bool(line.strip()) and not line.strip().startswith("#") for line in text)
    inference = _params(foreign)
    return {"params": params, "ours": inference, "lines": lines, "error": found.proof.error}


def _params(foreign: Any) -> int:
    """Learned values of the whole graph, train-only heads among them."""
    graph = foreign.network.graph
    return sum(
        foreign.network.tensors[node.key(name)].numel()
        for node in graph
        if not node.again
        for name in node.op.parameters(*graph.input_shapes(node))
    )


# --- tables


def write_tables(results: dict[str, Row]) -> None:
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(
        before + MARK + "\n".join(["", *_torchvision(results), "", *_timm(results)]) + "\n", encoding="utf-8"
    )


def _torchvision(results: dict[str, Row]) -> list[str]:
    rows = {name.partition(":")[2]: row for name, row in results.items() if name.startswith("torchvision:")}
    zoo = _zoo_lines()
    lines = [
        "### torchvision",
        "",
        _summary(rows),
        "",
        *_head("model", "parameters", "lines", "zoo's file", "relative error"),
    ]
    for name, row in rows.items():
        lines.append(f"| {name} | {_outcome(row, zoo.get(name))} |")
    return lines


def _timm(results: dict[str, Row]) -> list[str]:
    rows = {name.partition(":")[2]: row for name, row in results.items() if name.startswith("timm:")}
    lines = ["### timm", "", _summary(rows), "", *_head("family", "model", "parameters", "lines", "relative error")]
    for family, names in TIMM.items():
        lines += [f"| {family} | {name} | {_outcome(rows[name])} |" for name in names if name in rows]
    return lines


def _head(*columns: str) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]


def _summary(rows: dict[str, Row]) -> str:
    done = [row for row in rows.values() if "why" not in row]
    exact = sum(row["params"] == row["ours"] for row in done)
    middle = median(row["lines"] for row in done) if done else 0
    return (
        f"{len(done)} of {len(rows)} lifted, {exact} of them with exactly the source's parameters; the median has"
        f" {middle:g} lines, without comments and empty ones."
    )


def _outcome(row: Row, zoo: int | None = -1) -> str:
    if "why" in row:
        return f"{row['why']} |  |" + (" |" if zoo != -1 else "")
    params = f"{row['ours']:,}" + ("" if row["params"] == row["ours"] else f" (theirs {row['params']:,})")
    known = [] if zoo == -1 else [str(zoo or "")]
    return " | ".join([params, str(row["lines"]), *known, f"{row['error']:.0e}"])


def _zoo_lines() -> dict[str, int]:
    """Lines of the zoo's file that has a network of that name, without comments and empty ones."""
    found = {}
    for name, path in zoo_names():
        lines = path.read_text(encoding="utf-8").split("\n")
        found[name] = sum(bool(re.sub(r"#.*", "", line).strip()) for line in lines)
    return found


if __name__ == "__main__":
    main()
