"""`read_onnx`: an ONNX file as a network of our layers, with its weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.errors import LiftError
from cnndsl.foreign.assembly import Stored, assembled
from cnndsl.foreign.axes import Axes, plain, sizes
from cnndsl.foreign.draft import Kept, Place, Result, Step
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.foreign.onnx.drafts import Draft, Drafts, Origin, Tensor, Weight
from cnndsl.foreign.onnx.model import read_model, version_of
from cnndsl.foreign.onnx.names import named, unbroken
from cnndsl.foreign.onnx.settling import settle
from cnndsl.foreign.onnx.step import Value
from cnndsl.foreign.onnx.types import dims_of
from cnndsl.foreign.onnx.unreadable import Broken, Unreadable
from cnndsl.foreign.onnx.walk import Walk
from cnndsl.ir.node import MAIN
from cnndsl.ops.base import Shape, show_shape
from cnndsl.ops.inputs import Input

if TYPE_CHECKING:
    from torch import Tensor as TorchTensor

Given = tuple[str, tuple[int, ...], bool]
"""An input: its name, its sizes with the batch, and whether its channels come last."""
COLOURS = 4  # the most channels an image has that goes in with its channels last


@dataclass(frozen=True)
class Reading:
    """A network, how its file's own inputs and outputs lie (whether images have their channels last), and its batch.

    `half` says that its numbers have 16 bits.
    """

    network: ForeignNetwork
    batch: int
    half: bool
    inputs: Mapping[str, bool]
    outputs: Mapping[str, bool]


def read_onnx(path: Path, input: Shape | None = None) -> ForeignNetwork:
    """The network of an ONNX file; steps that no layer says exactly are `Unread`.

    `input` is the shape (channels x height x width) where the file leaves it open. Raises `LiftError` and
    `MissingExtra`.
    """
    return read(path, input).network


def read(path: Path, input: Shape | None = None) -> Reading:
    model = read_model(path)
    given = list(_inputs(model, path, input))
    drafts = Drafts(given[0][1][0])
    try:
        return _reading(model, path, given, drafts)
    except Broken as error:
        raise LiftError(f"cannot read {path}: {' '.join(str(error).split())}") from error


def _reading(model: Any, path: Path, given: Sequence[Given], drafts: Drafts) -> Reading:
    values: dict[str, Value] = dict(_initializers(model))
    for name, dims, last in given:
        shape = (dims[3], *dims[1:3]) if last else dims[1:]
        node = drafts.add(Input(shape), (), Origin("input", "", name))
        values[name] = Tensor(node, _channels_last(drafts.dims(node)) if last else plain(drafts.dims(node)))
    walk = Walk(drafts, values, version_of(model), _known(model, given), _kinds(model))
    for each in model.graph.output:
        walk.readers[each.name].append("")  # the outside
    walk.run(model.graph.node)
    results = {each.name: _tensor(values, each.name) for each in model.graph.output}
    nodes = [_result(drafts, tensor, name) for name, tensor in results.items()]
    network = _network(path, drafts, list(zip(results, settle(drafts, nodes), strict=True)))
    outputs = {
        name: len(tensor.axes) == 4 and tensor.axes != plain(drafts.dims(node))
        for (name, tensor), node in zip(results.items(), nodes, strict=True)
    }
    return Reading(network, drafts.batch, walk.half, {name: last for name, _, last in given}, outputs)


def _channels_last(dims: tuple[int, ...]) -> Axes:
    batch, channels, height, width = plain(dims)
    return batch, height, width, channels


def _inputs(model: Any, path: Path, input: Shape | None) -> Iterator[Given]:
    """Each input that is no weight: its name, its sizes with the batch, and whether its channels come last."""
    kept = {each.name for each in model.graph.initializer}
    real = [each for each in model.graph.input if each.name not in kept]
    if not real:
        raise LiftError(f"cannot read {path}: it has no input")
    if input is not None and len(real) > 1:
        raise LiftError(f"{path} has {len(real)} inputs, and one shape was given")
    for each in real:
        yield _sized(each, path, input)


def _sized(given: Any, path: Path, input: Shape | None) -> Given:
    dims = [
        int(each.dim_value) if each.HasField("dim_value") and each.dim_value > 0 else None
        for each in given.type.tensor_type.shape.dim
    ]
    batch, *rest = dims or [None]
    if len(rest) not in (1, 3):
        raise LiftError(f"cannot read {path}: its input {given.name!r} has {len(dims)} axes, and an image has four")
    last = (
        len(rest) == 3
        and rest[2] is not None
        and rest[2] <= COLOURS
        and not (rest[0] is not None and rest[0] <= COLOURS)
    )
    if last:
        rest = [rest[2], *rest[:2]]
    if input is not None:
        if len(input) != len(rest) or any(size not in (None, wanted) for size, wanted in zip(rest, input, strict=True)):
            fixed = " x ".join("?" if size is None else str(size) for size in rest)
            raise LiftError(f"{path} takes {fixed}, and not {show_shape(input)}")
        rest = list(input)
    if None in rest:
        known = " x ".join("?" if size is None else str(size) for size in rest)
        raise LiftError(
            f"{path} leaves the size of its input open ({known}): say it with --input, as in --input 3x224x224"
        )
    sizes = tuple(size for size in rest if size is not None)
    return given.name, (batch or 1, *(sizes if not last else (*sizes[1:], sizes[0]))), last


def _initializers(model: Any) -> Iterator[tuple[str, Weight]]:
    from onnx import numpy_helper

    for tensor in model.graph.initializer:
        try:
            yield tensor.name, Weight(numpy_helper.to_array(tensor), tensor.name)
        except Exception as error:  # sizes and data that do not fit
            raise Broken(f"the values of {tensor.name} are not as many as it says") from error


def _known(model: Any, given: Sequence[Given]) -> dict[str, tuple[int, ...]]:
    """Shapes that the file says of its steps' results, with the batch where it leaves that open."""
    found = {}
    for each in (*model.graph.value_info, *model.graph.output):
        if each.type.tensor_type.shape.dim and not each.type.tensor_type.shape.dim[0].dim_value:
            each.type.tensor_type.shape.dim[0].dim_value = given[0][1][0]
        dims = dims_of(each.type)
        if dims is not None:
            found[each.name] = dims
    return found


def _kinds(model: Any) -> dict[str, int]:
    """The element types of inputs."""
    return {each.name: each.type.tensor_type.elem_type for each in model.graph.input}


def _tensor(values: Mapping[str, Value], name: str) -> Tensor:
    value = values.get(name)
    if not isinstance(value, Tensor):
        raise Broken(f"its output {name} does not depend on its input")
    return value


def _result(drafts: Drafts, tensor: Tensor, name: str) -> int:
    """The layer of an output: an image as ours, wherever the file has its channels."""
    origin = Origin("output", "", name)
    if len(tensor.axes) == 4 and tensor.axes == _last(drafts, tensor.node):
        return tensor.node
    try:
        return drafts.strict(tensor, origin)
    except Unreadable as error:
        return drafts.unread((tensor.node,), origin, sizes(tensor.axes), str(error))


def _last(drafts: Drafts, node: int) -> Axes:
    dims = drafts.dims(node)
    return _channels_last(dims) if len(dims) == 4 else ()


def _network(path: Path, drafts: Drafts, outputs: Sequence[tuple[str, int]]) -> ForeignNetwork:
    inputs = [node for node, draft in drafts.nodes.items() if isinstance(draft.op, Input)]
    kept = list(drafts.finish([*inputs, *(node for _, node in outputs)]))
    names, steps = unbroken(named(kept)), {node: _step(node, draft) for node, draft in kept}
    results = [Result(MAIN if len(outputs) == 1 else name, node) for name, node in outputs]
    stored = {each.name: each.value for step in steps.values() for each in step.tensors.values() if each.name}
    return assembled(str(path), steps, names, _blocks(kept, names), results, Stored(stored))


def _step(node: int, draft: Draft) -> Step:
    tensors = {name: Kept(_values(weight), weight.source) for name, weight in draft.weights.items()}
    return Step(draft.op, draft.inputs, draft.shape, Place(node, name=draft.gives), tensors)


def _values(weight: Weight) -> TorchTensor:
    """In single precision at least, as layers compute; a count of batches stays whole."""
    import numpy as np
    import torch

    kept = weight.values.dtype in (np.float64, np.int64)
    return torch.from_numpy(np.array(weight.values if kept else weight.values.astype(np.float32), order="C"))


def _blocks(kept: Sequence[tuple[int, Draft]], names: Mapping[int, str]) -> dict[str, str | None]:
    """The scopes around layers by their paths, with their classes where the file says them."""
    classes = {each.path: each.block for _, draft in kept for each in draft.origin.modules if each.block}
    parts = [names[node].split(".") for node, _ in kept]
    paths = (".".join(each[:count]) for each in parts for count in range(1, len(each)))
    return {path: classes.get(path) for path in paths}
