"""An evaluation as text, as JSON (`eval.schema.json`), and as a CSV with a line for each picture."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from cnndsl.table import aligned
from cnndsl.train.evaluation import TOP, Evaluation, Guess, Rate

SCHEMA = "cnndsl.eval/1"
SHOWN = 10  # of the pictures that are most wrong
SHOWN_CLASSES = 40


def evaluation_text(done: Evaluation) -> str:
    heads = [f"{done.network} on {done.data}: {len(done.guesses):,} pictures"]
    heads += [f"  {len(done.unread):,} left out that cannot be read"] if done.unread else []
    rates = [("top-1", done.top(1)), *([(f"top-{TOP}", done.top(TOP))] if len(done.classes) > TOP else [])]
    lines = aligned([(name, *rate_cells(rate)) for name, rate in rates])
    return "\n".join([*heads, *lines, "", *_class_lines(done), *_worst_lines(done)])


def rate_cells(rate: Rate) -> tuple[str, str, str]:
    if not rate.count:
        return "", "", "no pictures"
    low, high = rate.interval
    return _percent(rate.value), f"{_percent(low)} to {_percent(high)}", f"{rate.right:,} of {rate.count:,}"


def _percent(part: float) -> str:
    return f"{100 * part:.2f} %"


def _class_lines(done: Evaluation) -> list[str]:
    """The worst classes first, where there are too many."""
    numbers = list(range(len(done.classes)))
    if len(numbers) > SHOWN_CLASSES:
        there = [number for number in numbers if done.by_class[number].count]
        numbers = sorted(there, key=lambda number: done.by_class[number].value)[:SHOWN_CLASSES]
    rows = [("class", "top-1", "95 % interval", "right", "most often taken for")]
    for number in numbers:
        other = done.mistaken_for(number)
        words = "" if other is None else f"{done.classes[other[0]]} ({other[1]:,})"
        rows.append((done.classes[number], *rate_cells(done.by_class[number]), words))
    more = len(done.classes) - len(numbers)
    return [*aligned(rows, left=(0, 4)), *([f"... and {more:,} more classes"] if more else [])]


def _worst_lines(done: Evaluation) -> Iterator[str]:
    worst = done.worst(SHOWN)
    if worst:
        yield from ("", "most wrong:")
        rows = [
            (each.picture, f"is {done.classes[each.label]}", _percent(each.own), "taken for", *_guessed(done, each))
            for each in worst
        ]
        yield from aligned(rows, left=(0, 1, 3, 4))


def _guessed(done: Evaluation, guess: Guess) -> tuple[str, str]:
    return done.classes[guess.guessed], _percent(guess.most)


def evaluation_json(done: Evaluation) -> str:
    document = {
        "schema": SCHEMA,
        "network": done.network,
        "data": done.data,
        "pictures": len(done.guesses),
        "unread": list(done.unread),
        "top1": rate_json(done.top(1)),
        "top5": rate_json(done.top(TOP)),
        "classes": [{"name": name, **rate_json(rate)} for name, rate in zip(done.classes, done.by_class, strict=True)],
        "confusion": [
            {"class": own, "taken_for": guessed, "pictures": n} for (own, guessed), n in sorted(done.confusion.items())
        ],
        "worst": [_mistake(guess) for guess in done.worst(SHOWN)],
    }
    return json.dumps(document, indent=2) + "\n"


def rate_json(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval
    value = rate.value if rate.count else None
    return {"rate": value, "low": low, "high": high, "right": rate.right, "pictures": rate.count}


def _mistake(guess: Guess) -> dict[str, Any]:
    return {
        "picture": guess.picture,
        "class": guess.label,
        "probability": guess.own,
        "taken_for": guess.guessed,
        "with_probability": guess.most,
    }


def evaluation_csv(done: Evaluation) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("picture", "class", "probability", "rank", "taken_for", "with_probability"))
    for guess in done.guesses:
        names = done.classes[guess.label], done.classes[guess.guessed]
        writer.writerow((guess.picture, names[0], guess.own, guess.rank + 1, names[1], guess.most))
    return file.getvalue()
