"""What is on photographs as text, as JSON (`predict.schema.json`), and as CSV, in parts as they become known."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

SCHEMA = "cnndsl.predict/1"


class Prediction(NamedTuple):
    """A photograph and its most probable classes, with how probable each is."""

    photo: str
    classes: tuple[tuple[str, float], ...]


Writer = Callable[[str, Iterable[Prediction], Sequence[str]], Iterator[str]]


def as_text(network: str, predictions: Iterable[Prediction], unread: Sequence[str]) -> Iterator[str]:
    for each in predictions:
        lines = [each.photo, *(f"{100 * probability:6.1f} %  {name}" for name, probability in each.classes)]
        yield "\n".join(lines) + "\n"


def as_csv(network: str, predictions: Iterable[Prediction], unread: Sequence[str]) -> Iterator[str]:
    yield "photo,rank,class,probability\n"
    for each in predictions:
        file = io.StringIO()
        rows = ((each.photo, at, name, value) for at, (name, value) in enumerate(each.classes, start=1))
        csv.writer(file, lineterminator="\n").writerows(rows)
        yield file.getvalue()


def as_json(network: str, predictions: Iterable[Prediction], unread: Sequence[str]) -> Iterator[str]:
    """One document; `unread` is complete when all predictions are known."""
    photos = [
        {"photo": each.photo, "classes": [{"name": name, "probability": value} for name, value in each.classes]}
        for each in predictions
    ]
    yield json.dumps({"schema": SCHEMA, "network": network, "photos": photos, "unread": [*unread]}, indent=2) + "\n"


WRITERS: dict[str, Writer] = {"text": as_text, "csv": as_csv, "json": as_json}
