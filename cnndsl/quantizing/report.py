"""What became of a network in int8 as text, and as JSON (`quantize.schema.json`)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnndsl.quantizing.form import Quantized
from cnndsl.table import aligned
from cnndsl.train.report import rate_cells, rate_json

SCHEMA = "cnndsl.quantize/1"
SHOWN = 10  # layers that lose most


def quantized_text(done: Quantized) -> str:
    held_out = len(done.exact.guesses)
    rates = [(name, *rate_cells(each.top(1))) for name, each in (("float", done.exact), ("int8", done.int8))]
    wrong, right = done.became
    speed = done.speed
    threads = f"{speed.threads} thread{'s'[: speed.threads != 1]}"
    lines = [
        f"{done.exact.network} in int8 for {speed.engine}, on {done.exact.data}: "
        f"ranges from {done.calibrated:,} pictures, measured on {held_out:,} others",
        *([f"  {len(done.exact.unread):,} left out that cannot be read"] if done.exact.unread else []),
        "",
        *aligned([("top-1", "", "95 % interval", "right"), *rates]),
        f"{wrong:,} became wrong, {right:,} became right",
        "",
        f"size   {_megabytes(done.exact_size)} -> {_megabytes(done.size)}, {done.exact_size / done.size:.2f}x",
        f"speed  {_ms(speed.exact.median)} -> {_ms(speed.int8.median)}, {speed.ratio.median:.2f}x "
        f"({speed.ratio.low:.2f} to {speed.ratio.high:.2f}); one picture, {threads}, "
        f"{speed.rounds} rounds in turns",
        "",
        *_loss_lines(done),
    ]
    return "\n".join(lines)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f} ms"


def _loss_lines(done: Quantized) -> Iterator[str]:
    """Those that have most of the output's error, and which to keep in float if that is too much."""
    rounded = [each for each in done.losses if each.error is not None]
    worst = sorted(rounded, key=lambda each: -each.share)[:SHOWN]
    yield f"the output is off by {_percent(done.off)}; of {len(rounded):,} layers in int8 those that have most of it:"
    if worst:
        rows = [(_percent(each.share), _percent(each.error or 0.0), each.layer, each.place, each.op) for each in worst]
        yield from aligned([("share", "own error", "layer", "line", ""), *rows], left=(2, 3, 4))
    if done.proposed:
        yield f"if that is too much: --keep {','.join(done.proposed)}"


def _percent(part: float) -> str:
    return f"{100 * part:.2f} %"


def quantized_json(done: Quantized, tolerance: float, written: Sequence[Path]) -> str:
    """`written` are the files, none if top-1 has fallen by more than `tolerance`."""
    wrong, right = done.became
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "network": done.exact.network,
        "data": done.exact.data,
        "to": done.to,
        "calibrated": done.calibrated,
        "pictures": len(done.exact.guesses),
        "unread": [*done.unread, *done.exact.unread],
        "top1": {"float": rate_json(done.exact.top(1)), "int8": rate_json(done.int8.top(1))},
        "became_wrong": wrong,
        "became_right": right,
        "fall": done.fall,
        "tolerance": tolerance,
        "files": [str(path) for path in written],
        "bytes": {"float": done.exact_size, "int8": done.size},
        "speed": _speed(done),
        "off": done.off,
        "layers": [asdict(each) for each in done.losses],
        "keep": list(done.proposed),
    }
    return json.dumps(document, indent=2) + "\n"


def _speed(done: Quantized) -> dict[str, Any]:
    said = asdict(done.speed)
    return {"float" if name == "exact" else name: value for name, value in said.items()}
