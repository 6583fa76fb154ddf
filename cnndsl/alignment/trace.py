"""A foreign PyTorch module as a skeleton: what `torch.export` records of it, read operator by operator.

Export runs the module's own code once without computing, so that functions, loops and shapes are all seen, and every
tensor of the state dict is known by its name wherever it is used. `torch.fx`'s symbolic trace knows no shapes and stops
at control flow.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Any

from cnndsl.alignment import units
from cnndsl.alignment.exported_program import Held, Reading, arguments, in_place, innermost_module, shape_of, word
from cnndsl.alignment.one_layer import MERGES, ONE_LAYER, roles
from cnndsl.alignment.operators import read_operator
from cnndsl.alignment.skeleton import Builder, Skeleton
from cnndsl.errors import WeightsError, reason
from cnndsl.ops.base import Shape, show_shape

if TYPE_CHECKING:
    from torch import Tensor, fx, nn
    from torch.export import ExportedProgram

BATCH = 2  # one sample would make `squeeze()` take the batch away


@dataclass(frozen=True)
class Traced:
    """A traced module: its skeleton, the recorded program, and the program's node of every unit."""

    skeleton: Skeleton
    program: ExportedProgram
    nodes: dict[str, fx.Node]


def trace(module: nn.Module, shapes: Sequence[Shape], title: str) -> Traced:
    """Trace a module for inputs of `shapes` (without batch), in the mode it is in. Raises `WeightsError`."""
    import torch

    inputs = tuple(torch.zeros(BATCH, *shape) for shape in shapes)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()), torch.no_grad():  # it prints what it cannot export
            warnings.simplefilter("ignore")
            program = torch.export.export(module, inputs, strict=False)
    except Exception as error:  # whatever the foreign code raises
        image = " and ".join(map(show_shape, shapes))
        raise WeightsError(f"cannot trace {title} for {image}: {reason(error)}") from error
    reading = Reading(program, module, Builder(title))
    _read(reading)
    return Traced(reading.builder.finish(_outputs(reading)), program, reading.nodes)


def _read(reading: Reading) -> None:
    nodes = (node for node in reading.program.graph.nodes if node.op != "output")
    modules = dict(reading.module.named_modules(remove_duplicate=False))
    for path, group in groupby(nodes, key=lambda node: _one_layer(node, modules)):
        together = list(group)
        if path is None or not _read_module(reading, modules[path], together):
            for node in together:
                reading.values[node] = _known_value(reading, node)


def _known_value(reading: Reading, node: fx.Node) -> Any:
    """What a node stands for; raises `WeightsError` that names an operator which is used in no way that is known."""
    try:
        return _value(reading, node)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        where, _ = innermost_module(node)
        shapes = ", ".join(show_shape(tuple(each.meta["val"].shape)) for each in _tensors(node)) or "no tensors"
        what = f"`{word(node)}`{f' of {where}' if where else ''}, which reads {shapes}"
        raise WeightsError(f"cannot read {reading.builder.title}: {what}, is no layer that is known") from error


def _tensors(node: fx.Node) -> list[fx.Node]:
    return [each for each in node.all_input_nodes if hasattr(each.meta.get("val"), "shape")]


def _one_layer(node: fx.Node, modules: Mapping[str, nn.Module]) -> str | None:
    """The path of a module that is one layer; a graph of `torch.fx` may name one that it no longer has."""
    path, _ = innermost_module(node)
    return path if path in modules and type(modules[path]).__name__ in ONE_LAYER else None


def _read_module(reading: Reading, module: nn.Module, nodes: list[fx.Node]) -> bool:
    """Take all operators of a module as one unit, if they are one."""
    values = [reading.values[each] for node in nodes for each in node.all_input_nodes if each not in nodes]
    sources = tuple(each for each in values if isinstance(each, str))
    description = ONE_LAYER[type(module).__name__](module, reading.builder[sources[0]].shape)
    if description is None:
        return False
    if description[0] not in MERGES:  # others read their one input again and again
        sources = sources[:1]
    held = roles(each for each in values if isinstance(each, Held))
    reading.values[nodes[-1]] = reading.add(nodes[-1], description, sources, held)
    return True


def _value(reading: Reading, node: fx.Node) -> Any:
    if node.op == "placeholder":
        return _placeholder(reading, node)
    if node.target is operator.getitem:
        source, index = node.args
        several = reading.values[source]  # type: ignore[index]
        if isinstance(several, str):  # an operator that is no layer of ours, and gives several tensors
            return reading.add(node, units.plain("item", {"index": index}), (several,))
        return several if isinstance(several, Held) else several[index]  # of kept tensors alone, it is one like them
    given = arguments(node, reading.values)
    result = read_operator(reading, node, word(node), given)
    if in_place(node):
        reading.overwrite(next(iter(given.values())), result)
    return result


def _placeholder(reading: Reading, node: fx.Node) -> Any:
    signature = reading.program.graph_signature
    held = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    shape = tuple(node.meta["val"].shape)
    if node.name in held:
        return Held(held[node.name], shape)
    if node.name in signature.inputs_to_lifted_tensor_constants:
        return Held(node.name, shape, computed=True)
    return reading.add(node, units.plain("input", {"shape": show_shape(shape_of(node))}), ())


def _outputs(reading: Reading) -> Iterator[str]:
    (results,) = reading.program.graph.output_node().args
    specs = reading.program.graph_signature.output_specs
    for node, spec in zip(results, specs, strict=True):
        value = reading.values.get(node)
        if spec.kind.name == "USER_OUTPUT" and isinstance(value, str):
            yield value


def values(traced: Traced, module: nn.Module, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """What every unit with tensors puts out, in the order of the program, for inputs of the traced shapes."""
    import torch

    wanted = {traced.nodes[unit.name]: unit.name for unit in traced.skeleton.units if unit.slots}
    found: dict[str, Tensor] = {}

    class Recorder(torch.fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            result = super().run_node(n)
            if n in wanted:
                found[wanted[n]] = result.clone()  # what follows may work in place
            return result

    with torch.no_grad():
        Recorder(traced.program.graph_module).run(*_flat_inputs(traced.program, module, inputs))
    return found


def _flat_inputs(program: ExportedProgram, module: nn.Module, inputs: Sequence[Tensor]) -> Iterator[Tensor]:
    """What the recorded graph takes: every tensor the module keeps, then the inputs."""
    kept = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    given = iter(inputs)
    for spec in program.graph_signature.input_specs:
        if spec.kind.name == "USER_INPUT":
            yield next(given)
        else:
            assert spec.target is not None
            yield kept[spec.target] if spec.target in kept else program.constants[spec.target]
