"""The outputs of a recorded program: what they are called, and the steps that give them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnndsl.foreign.draft import Kept, Place, Result
from cnndsl.foreign.pytorch.program import sizes, word
from cnndsl.foreign.pytorch.reading import Curve, Flow, NoLayer, Reading, Value
from cnndsl.ir.node import MAIN

if TYPE_CHECKING:
    from torch import fx
    from torch.export import ExportedProgram


def results_in(reading: Reading, program: ExportedProgram, main: int | None) -> Iterator[Result]:
    """The outputs by the names that the module's result has for them; of one alone, `output`."""
    (results,) = program.graph.output_node().args
    specs = program.graph_signature.output_specs
    nodes = [node for node, spec in zip(results, specs, strict=True) if spec.kind.name == "USER_OUTPUT"]
    values = [reading.values.get(node) if hasattr(node, "meta") else None for node in nodes]
    names = _output_names(program, len(nodes))
    found: dict[str, int] = {}
    for name, value, node in zip(names, values, nodes, strict=True):
        if isinstance(value, Flow | Curve):
            found[name] = _output(reading, value, node)
        elif isinstance(value, Kept):
            place = Place(len(reading.places), (), name)
            found[name] = reading.draft.unread(name, "it does not depend on the input", value.shape, [], place)
        elif hasattr(getattr(node, "meta", {}).get("val"), "shape"):
            why = "no layer gives this of its results"
            found[name] = reading.draft.unread(name, why, sizes(node)[1:], [], reading.places[node])
    count = len(found) if main is None else main
    for number, (name, step) in enumerate(found.items()):
        yield Result(MAIN if count == 1 and number == 0 else name, step, number >= count)


def _output(reading: Reading, value: Value, node: fx.Node) -> int:
    flow = reading.flow(value)
    try:
        return reading.step(flow, len(flow.axes))
    except NoLayer as why:
        return reading.draft.unread(word(node), str(why), sizes(node)[1:], [flow.step], reading.places[node])


def _output_names(program: ExportedProgram, count: int) -> list[str]:
    """`out` for `{"out": ...}`, and numbers for what has none."""
    from torch.utils import _pytree as pytree

    spec = program.call_spec.out_spec
    if spec is None or spec.num_leaves != count:
        return [f"output{index}" for index in range(count)]
    paths, _ = pytree.tree_flatten_with_path(pytree.tree_unflatten(list(range(count)), spec))
    names = ["_".join(map(_key, path)) for path, _ in paths]
    return [name if name and not name[0].isdigit() else f"output{name}" for name in names]


def _key(part: Any) -> str:
    """A part of a path in a result: a key, an index, or a name."""
    return next((str(getattr(part, name)) for name in ("key", "idx", "name") if hasattr(part, name)), "")
