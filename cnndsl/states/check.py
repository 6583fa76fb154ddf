"""Does a state dict fit a network? Its names are the instance paths of the graph, its shapes follow from it.

This is decided without torch, from names and shapes alone, and says everything that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cnndsl.diagnostics.suggest import closest
from cnndsl.errors import WeightsError
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import Shape, show_shape
from cnndsl.passes.drop_unused import drop_unused
from cnndsl.passes.settle_bias import settle_bias

SHOWN = 20
# A count that PyTorch keeps for batch norm and nothing computes with; older files leave it out.
OPTIONAL = ".num_batches_tracked"


def expected_shapes(graph: Graph) -> dict[str, Shape]:
    """The shape of every learned or kept tensor by its name in the state dict, in definition order."""
    found: dict[str, Shape] = {}
    for node in drop_unused(settle_bias(graph)):
        inputs = graph.input_shapes(node)
        for name, shape in node.op.parameters(*inputs).items():
            found[node.key(name)] = tuple(shape)
        for name, buffer in node.op.buffers(*inputs).items():
            found[node.key(name)] = tuple(buffer.shape)
    return found


def check_shapes(graph: Graph, found: Mapping[str, Shape]) -> None:
    """Raise `WeightsError` with every tensor of `found` that is missing, unexpected or of another shape."""
    problems = list(_problems(expected_shapes(graph), found))
    if problems:
        more = [f"... and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
        lines = [f"these weights do not fit {graph.name}:", *problems[:SHOWN], *more]
        raise WeightsError("\n  ".join(lines))


def _problems(expected: Mapping[str, Shape], found: Mapping[str, Shape]) -> Iterator[str]:
    missing = {name for name in expected if name not in found and not name.endswith(OPTIONAL)}
    unexpected = [name for name in found if name not in expected]
    for name in expected:
        if name in missing:
            yield f"{name} ({_show(expected[name])}) is missing"
        elif name in found and tuple(found[name]) != expected[name]:
            yield f"{name} is {_show(found[name])}, not {_show(expected[name])}"
    for name in unexpected:
        guess = closest(name, missing) if len(unexpected) <= SHOWN else None
        hint = f"; did you mean {guess}?" if guess else ""
        yield f"{name} ({_show(found[name])}) is not part of the network{hint}"


def _show(shape: Shape) -> str:
    return show_shape(shape) or "one value"
