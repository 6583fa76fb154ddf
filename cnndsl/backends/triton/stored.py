"""Plans, problems and configurations as JSON: an object names its class and holds its fields, in their order.

The same value always gives the same text, so that it can be a key. Reading makes objects of the classes listed here
alone and runs nothing that a file says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from cnndsl.backends.triton import plan as plans
from cnndsl.backends.triton.library import GraphConfig, LibraryConfig
from cnndsl.backends.triton.plan import Plan
from cnndsl.backends.triton.rules.fallback import Program
from cnndsl.errors import PlanError
from cnndsl.ir.recipe import Apply, Original
from cnndsl.kernels import families
from cnndsl.ops.normalization import Lrn

FORMAT = 5  # of saved plans; a reader refuses others


def _known() -> Iterator[tuple[str, type]]:
    for module in families.MODULES:
        family = module.__name__.rpartition(".")[2]
        own = (each for each in vars(module).values() if isinstance(each, type) and is_dataclass(each))
        yield from ((f"{family}.{each.__name__}", each) for each in own if each.__module__ == module.__name__)
    tensors = (plans.View, plans.Packed, plans.Given, plans.Scratch, plans.Counters)
    for cls in (*tensors, plans.Launch, plans.Buffer, plans.Port, Plan):
        yield cls.__name__.lower(), cls
    yield from (("original", Original), ("apply", Apply), ("lrn", Lrn))
    yield from (("program", Program), ("library", LibraryConfig), ("cudnn_graph", GraphConfig))


CLASSES: Mapping[str, type] = dict(_known())
NAMES: Mapping[type, str] = {cls: name for name, cls in CLASSES.items()}


def encode(value: object) -> Any:
    """As lists, dicts, strings and numbers."""
    if type(value) in NAMES:
        return {"is": NAMES[type(value)]} | {each.name: encode(getattr(value, each.name)) for each in fields(value)}  # type: ignore[arg-type]
    if isinstance(value, tuple | list):
        return [encode(each) for each in value]
    if isinstance(value, Mapping):
        return {key: encode(each) for key, each in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} cannot be stored")


def decode(value: Any) -> Any:
    """What `encode` was given; lists come back as tuples."""
    if isinstance(value, list):
        return tuple(map(decode, value))
    if not isinstance(value, dict):
        return value
    parts = {key: decode(each) for key, each in value.items() if key != "is"}
    return CLASSES[value["is"]](**parts) if "is" in value else parts


def key(value: object) -> str:
    """One line of JSON: equal for equal values."""
    return json.dumps(encode(value), separators=(",", ":"))


def dumps(plan: Plan) -> str:
    return json.dumps({"cnndsl plan": FORMAT} | encode(plan), indent=1) + "\n"


def loads(text: str) -> Plan:
    """A plan from its text. Raises `PlanError`."""
    try:
        found = json.loads(text)
        version = found.pop("cnndsl plan")
        if version != FORMAT:
            raise PlanError(f"a plan of format {version}; this version reads {FORMAT}")
        plan = decode(found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanError(f"no plan: {error}") from error
    if not isinstance(plan, Plan):
        raise PlanError("no plan")
    return plan


def save_plan(plan: Plan, path: Path) -> None:
    path.write_text(dumps(plan), encoding="utf-8", newline="\n")


def load_plan(path: Path) -> Plan:
    """Raises `PlanError` for what is no plan, OSError for what cannot be read."""
    try:
        return loads(path.read_text(encoding="utf-8"))
    except (PlanError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: {error}") from error
