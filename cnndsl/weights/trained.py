"""Networks of others with weights: those of a file, else their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnndsl.alignment.skeleton import COLOURS
from cnndsl.errors import WeightsError
from cnndsl.foreign.modules import build_foreign
from cnndsl.foreign.sources import (
    Foreign,
    build_source,
    from_module,
    is_of_library,
    is_program,
    origin_of,
    read_source,
    stir,
)
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import Shape
from cnndsl.states.check import OPTIONAL
from cnndsl.weights.files.read import check_whole_numbers
from cnndsl.weights.files.wrappers import some, without_prefixes

if TYPE_CHECKING:
    from torch import Tensor, nn


def theirs_for(graph: Graph, source: str) -> Foreign:
    """What SOURCE means, for the inputs of a graph, with weights of its own; those of a library's module are drawn."""
    shapes = [node.shape for node in graph.inputs]
    if source.lower().endswith(".pt2"):
        return read_source(source)
    return read_source(source, None if is_program(source) and len(shapes) > 1 else shapes)


def trained(
    graph: Graph, source: str, state: Mapping[str, Tensor] | None, *, new_head: bool = False
) -> tuple[Foreign, list[str]]:
    """The same with the weights of a file, if there is one, and the names of those that it lacks.

    Its images may have other colours than ours. Raises `WeightsError` if these are no weights of it.
    """
    if is_program(source):
        if state is not None:
            raise WeightsError(f"{source} has its weights in it, so give it alone")
        return theirs_for(graph, source), []
    module, missing = build_source(source), list[str]()
    if state is not None:
        module, missing = _loaded(module, source, state, new_head)
    elif is_of_library(source):
        stir(module)
    shapes = [_as_theirs(node.shape, module) for node in graph.inputs]
    return from_module(module, shapes, source, origin_of(source)), missing


def _loaded(module: nn.Module, source: str, state: Mapping[str, Tensor], new_head: bool) -> tuple[nn.Module, list[str]]:
    """A module with weights by its own names; one of a library with as many classes as these have."""
    state = without_prefixes(state, module.state_dict())
    check_whole_numbers(state, {name for name, each in module.state_dict().items() if not each.is_floating_point()})
    classes = _other_classes(module, state)
    if classes is not None and is_of_library(source):
        module = build_foreign(source, num_classes=classes)
    return module, _load(module, state, source, new_head)


def _as_theirs(shape: Shape, module: nn.Module) -> Shape:
    """An image with as many channels as a module's first convolution reads, if one of the two is for grey images."""
    from torch import nn

    first = next((each for each in module.modules() if isinstance(each, nn.Conv2d)), None)
    colours = first is not None and len(shape) == 3 and {shape[0], first.in_channels} == set(COLOURS)
    return (first.in_channels, *shape[1:]) if first is not None and colours else shape


def _other_classes(module: nn.Module, state: Mapping[str, Tensor]) -> int | None:
    """The number of rows of the tensors that differ from a module's, if these differ in it alone, and all alike."""
    found = set()
    for name, tensor in module.state_dict().items():
        if name in state and state[name].shape != tensor.shape:
            same_rows = state[name].dim() > 0 and state[name].shape[1:] == tensor.shape[1:]
            found.add((len(tensor), len(state[name])) if same_rows else None)
    (change,) = found if len(found) == 1 else (None,)
    return change[1] if change else None


def _load(module: nn.Module, state: Mapping[str, Tensor], title: str, new_head: bool) -> list[str]:
    """Load weights; the names that are not among them, if some may be missing."""
    try:
        missing, unexpected = module.load_state_dict(dict(state), strict=False)
    except RuntimeError as error:  # shapes
        raise WeightsError(f"these are no weights of {title}: {str(error).splitlines()[-1].strip()}") from error
    missing = [name for name in missing if not name.endswith(OPTIONAL)]
    lacking = missing if not new_head or not state.keys() & module.state_dict().keys() else []
    for what, names in (("has no", lacking), ("has too much:", unexpected)):
        if names:
            instead = f"; it has {some(state)}" if names is lacking else ""
            raise WeightsError(f"these are no weights of {title}: the file {what} {some(names)}{instead}")
    return missing
