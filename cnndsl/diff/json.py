"""A difference for programs: one JSON document, whose form `cnndsl/diff/diff.schema.json` says."""

from __future__ import annotations

import json

from cnndsl.analysis.cost import Cost
from cnndsl.analysis.facts import Facts
from cnndsl.diff.changes import Change, line_of, path_of
from cnndsl.diff.costs import Block
from cnndsl.diff.difference import Difference
from cnndsl.diff.likeness import Item

SCHEMA = "cnndsl.diff/1"


def diff_json(difference: Difference) -> str:
    """The document, indented, in ASCII; there is no final line end."""
    document = {
        "schema": SCHEMA,
        "same": not difference,
        "old": {"title": difference.old_title, **_whole(difference.old)},
        "new": {"title": difference.new_title, **_whole(difference.new)},
        "changes": [_change(change) for change in difference.changes],
        "parts": [_part(block) for block in difference.blocks],
    }
    return json.dumps(document, indent=2)


def _whole(facts: Facts) -> dict[str, object]:
    return {
        "inputs": [node.shape for node in facts.graph.inputs],
        **_cost(facts.cost),
        "memory": facts.memory,
        "receptive_field": facts.field.size,
        "depth": facts.depth,
        "layers": facts.nodes,
    }


def _cost(cost: Cost) -> dict[str, object]:
    return {"params": cost.params, "macs": cost.macs, "activation_bytes": cost.activation_bytes}


def _change(change: Change) -> dict[str, object]:
    places = [{"old": _place(place.old), "new": _place(place.new)} for place in change.places]
    return {"kind": change.kind, "layer": change.layer, "detail": change.detail, "places": places}


def _place(item: Item | None) -> dict[str, object] | None:
    return None if item is None else {"path": path_of(item), "line": line_of(item)}


def _part(block: Block) -> dict[str, object]:
    return {
        "level": block.level,
        "rest": block.rest,
        "old": {"path": block.old_path, **_cost(block.old), "receptive_field": block.old_field},
        "new": {"path": block.new_path, **_cost(block.new), "receptive_field": block.new_field},
    }
