"""What a bundle says of itself: `bundle.json`, whose form is in `bundle.schema.json` beside this file.

It names every file with its size and digest, so that whatever is missing, added or changed is found by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from cnndsl.errors import BundleError
from cnndsl.ops.base import Shape
from cnndsl.records import dataclass
from cnndsl.version import __version__

MANIFEST = "bundle.json"
SCHEMA = "cnndsl.bundle/1"
MOST_FILES = 256
DEEPEST = 32  # lists in each other
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")  # the name of a file that lies in the folder itself
DIGEST = re.compile(r"[0-9a-f]{64}")
LARGEST = 2**53  # a number that every reader of JSON keeps whole


@dataclass(frozen=True)
class Entry:
    """A file: how many bytes it has, and their SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a bundle holds.

    network        the name of the network in the file `architecture`
    parameters     those that it was given; a text is an expression of the language
    input          the shape that it was given, or shapes by the names of inputs; None if it has the file's own
    weights, preprocessing, classes  names of files; the last two may be missing
    files          all files but the manifest, by name
    cnndsl         the version that wrote it
    """

    network: str
    architecture: str
    parameters: Mapping[str, object]
    input: Shape | Mapping[str, Shape] | None
    weights: str
    preprocessing: str | None
    classes: str | None
    files: Mapping[str, Entry]
    cnndsl: str = __version__

    def text(self) -> str:
        """The file. Raises `BundleError` for parameters that JSON cannot say."""
        said = {
            "schema": SCHEMA,
            "cnndsl": self.cnndsl,
            "network": self.network,
            "architecture": self.architecture,
            "parameters": dict(self.parameters),
            "input": self.input,
            "weights": self.weights,
            "preprocessing": self.preprocessing,
            "classes": self.classes,
            "files": {name: {"bytes": each.bytes, "sha256": each.sha256} for name, each in self.files.items()},
        }
        try:
            return json.dumps(said, indent=2, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise BundleError(f"these parameters cannot be written as JSON: {error}") from error


def parse_manifest(text: bytes) -> Manifest:
    """Raises `BundleError` with what is wrong with it."""
    try:
        said = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{MANIFEST} is no JSON") from error
    if not isinstance(said, dict) or said.get("schema") != SCHEMA:
        schema = said.get("schema") if isinstance(said, dict) else None
        raise BundleError(f"{MANIFEST} is of the schema {schema!r}, and this cnndsl reads {SCHEMA}")
    _require(said.keys() == KEYS, f"has the keys {', '.join(sorted(said))}, not {', '.join(sorted(KEYS))}")
    files = _files(said["files"])
    for key in ("cnndsl", "network"):
        _require(isinstance(said[key], str) and len(said[key]) < 200, f"has a {key} that is no name")
    for key in ("architecture", "weights", "preprocessing", "classes"):
        missing = said[key] is None and key in ("preprocessing", "classes")
        _require(missing or (isinstance(said[key], str) and said[key] in files), f"names no file as {key}")
    values = {key: said[key] for key in KEYS - {"schema", "files", "input", "parameters"}}
    return Manifest(**values, parameters=_parameters(said["parameters"]), input=_input(said["input"]), files=files)


KEYS = {
    *("schema", "cnndsl", "network", "architecture", "parameters", "input"),
    *("weights", "preprocessing", "classes", "files"),
}


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise BundleError(f"{MANIFEST} {what}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _files(said: Any) -> dict[str, Entry]:
    _require(isinstance(said, dict) and len(said) <= MOST_FILES, f"lists no files, or more than {MOST_FILES}")
    found = {}
    for name, entry in said.items():
        _require(bool(PLAIN.fullmatch(name)) and name != MANIFEST, f"lists {name!r}, which is no file of the folder")
        _require(isinstance(entry, dict) and entry.keys() == {"bytes", "sha256"}, f"says not what {name} is")
        whole = _is_whole(entry["bytes"], 0)
        _require(whole and isinstance(entry["sha256"], str), f"says not what {name} is")
        _require(bool(DIGEST.fullmatch(entry["sha256"])), f"says not what {name} is")
        found[name] = Entry(entry["bytes"], entry["sha256"])
    return found


def _parameters(said: Any) -> dict[str, object]:
    _require(isinstance(said, dict) and all(each.isidentifier() for each in said), "has parameters without names")
    _require(all(map(_is_value, said.values())), "has a parameter that is no value of the language")
    return dict(said)


def _is_value(value: object, depth: int = 0) -> bool:
    if isinstance(value, list):
        return depth < DEEPEST and all(_is_value(each, depth + 1) for each in value)
    return isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value))


def _input(said: Any) -> Shape | dict[str, Shape] | None:
    if said is None:
        return None
    named = said.items() if isinstance(said, dict) else [("", said)]
    shapes = {name: _shape(shape) for name, shape in named}
    return shapes if isinstance(said, dict) else shapes[""]


def _shape(said: Any) -> Shape:
    right = isinstance(said, list) and len(said) in (1, 3) and _all_whole(said)
    _require(right, "has an input that is no shape")
    return tuple(said)


def _all_whole(values: Iterable[object]) -> bool:
    return all(_is_whole(each, 1) for each in values)


def _is_whole(value: object, least: int) -> bool:
    return type(value) is int and least <= value <= LARGEST
