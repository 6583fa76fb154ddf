"""The sizes that a network takes, in words for people and as JSON for programs."""

from __future__ import annotations

import json

from cnndsl.analysis.columns import axes_in_words
from cnndsl.analysis.sizes import Sizes, Trial, in_words
from cnndsl.ops.base import show_shape
from cnndsl.table import aligned

SCHEMA = "cnndsl.sizes/1"
ROWS = (
    ("legal", "the network can be built", lambda trial: trial.legal),
    ("same weights", "weights of the network's own size fit", lambda trial: trial.fits),
    ("whole", "legal, and no pixel is left over behind the last window of a layer", lambda trial: trial.whole),
)


def sizes_text(found: Sizes) -> str:
    """A line for each kind of size; there is no final line end."""
    tried, stride = len(found.trials), max(found.stride)
    lines = [
        ("input", ", ".join(map(show_shape, found.inputs)), "the network's own"),
        ("stride", axes_in_words(found.stride), "pixels between neighbours of the coarsest map"),
        ("smallest", "none" if found.smallest is None else f"{found.smallest}", "height and width"),
        *((name, in_words(found.those(wanted), tried, stride), meaning) for name, meaning, wanted in ROWS),
    ]
    return "\n".join([f"{found.network}: sizes of square pictures", "", *aligned(lines, left=(0, 1, 2)), *_why(found)])


def _why(found: Sizes) -> list[str]:
    """The first layers that refuse, need other weights or leave pixels over, at the nearest sizes."""
    own = found.inputs[0][1]
    lines = []
    for says in (_refusal, _refit, _loss):
        concerned = [trial for trial in found.trials if says(trial)]
        if concerned:
            lines.append(says(min(concerned, key=lambda trial: abs(trial.size - own))))
    return ["", *lines] if lines else []


def _refusal(trial: Trial) -> str:
    return f"at {trial.size}, {trial.refused[0]} fails: {trial.refused[1]}" if trial.refused else ""


def _refit(trial: Trial) -> str:
    return f"at {trial.size}, {trial.refitted} has weights of another shape" if trial.refitted else ""


def _loss(trial: Trial) -> str:
    return f"at {trial.size}, {trial.losing} leaves pixels over" if trial.legal and trial.losing else ""


def sizes_json(found: Sizes) -> str:
    """One document, whose form `sizes.schema.json` says; there is no final line end."""
    document = {
        "schema": SCHEMA,
        "network": found.network,
        "inputs": found.inputs,
        "stride": found.stride,
        "smallest": found.smallest,
        "tried": len(found.trials),
        "legal": found.those(lambda trial: trial.legal),
        "same_weights": found.those(lambda trial: trial.fits),
        "whole": found.those(lambda trial: trial.whole),
    }
    return "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in document.items()) + "\n}"
