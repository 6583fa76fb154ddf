"""A PyTorch module, or a program that `torch.export.save` wrote, as a network in our words."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from cnndsl.errors import LiftError, WeightsError, reason
from cnndsl.foreign.assembly import Stored
from cnndsl.foreign.draft import Kept, Place
from cnndsl.foreign.finish import finish
from cnndsl.foreign.network import ForeignNetwork, Unread
from cnndsl.foreign.pytorch.arithmetic import FUNCTIONS, function
from cnndsl.foreign.pytorch.by_values import layer_by_values
from cnndsl.foreign.pytorch.memory import overwrite, require_no_other
from cnndsl.foreign.pytorch.moving import MOVING, SAME, VIEWS
from cnndsl.foreign.pytorch.outputs import results_in
from cnndsl.foreign.pytorch.parts import PARTS
from cnndsl.foreign.pytorch.program import in_place, is_silent, place_of, record, sizes, word
from cnndsl.foreign.pytorch.reading import Flow, NoLayer, Reading, Value, flows_in, kept_in
from cnndsl.foreign.pytorch.reductions import REDUCTIONS, maximum
from cnndsl.foreign.pytorch.response_norm import response_norm
from cnndsl.foreign.pytorch.unread import settled, unread
from cnndsl.foreign.pytorch.weighted import WEIGHTED
from cnndsl.foreign.pytorch.whole_modules import dropout, dropping, layer_of, read_whole
from cnndsl.foreign.pytorch.windows import WINDOWS
from cnndsl.ops.base import Shape, show_shape
from cnndsl.ops.inputs import Input

if TYPE_CHECKING:
    import torch
    from torch import Tensor, fx, nn
    from torch.export import ExportedProgram

OPERATORS = {**WEIGHTED, **WINDOWS, **REDUCTIONS, **MOVING, **PARTS, "dropout": dropout, "feature_dropout": dropout}
DRAWN = ("rand", "bernoulli", "normal", "dropout", "uniform")
CASTS = ("to", "_to_copy", "float", "type_as")
# Operators that hand kept values on as they are.
UNCHANGED = SAME | VIEWS


def read_module(module: nn.Module, shapes: Sequence[Shape], title: str) -> ForeignNetwork:
    """A module for inputs of `shapes` (without batch), as it is outside of training, with its heads that are not.

    It is set to evaluation. Raises `WeightsError`.
    """
    module.eval()
    dtype = next((each.dtype for each in module.parameters() if each.is_floating_point()), None)
    found = read_program(record(module, shapes, title, dtype), module, title)
    if not {*dict(module.named_parameters())} & {*found.unused}:
        return found
    return _with_heads(module, shapes, title, dtype, found) or found


def _with_heads(
    module: nn.Module, shapes: Sequence[Shape], title: str, dtype: torch.dtype | None, found: ForeignNetwork
) -> ForeignNetwork | None:
    """The same network with heads that it has in training alone, if it has some.

    Then the module alone is in training, and none of its parts.
    """
    module.training = True
    try:
        trained = read_program(record(module, shapes, title, dtype), module, title, main=len(found.graph.outputs))
    except WeightsError:  # its training needs more than an image
        return None
    finally:
        module.training = False
    more = len(trained.graph.outputs) > len(found.graph.outputs)
    return trained if more and not any(trained.unread()) else None


def read_program(program: ExportedProgram, module: nn.Module, title: str, main: int | None = None) -> ForeignNetwork:
    """A recorded program, and the module that it was recorded of, for what its modules say besides.

    Outputs after the first `main` exist in training alone.
    """
    _require_images(program, title)
    nodes = [node for node in program.graph.nodes if node.op != "output"]
    reading = Reading(module, settled, batch_of(program))
    reading.places = {node: place_of(node, number) for number, node in enumerate(nodes)}
    kept = _kept(program)
    for (path, _), group in groupby(nodes, key=lambda node: _innermost(reading, node)):
        _read_group(reading, list(group), path, kept)
    results = list(results_in(reading, program, main))
    if not results:
        raise LiftError(f"cannot read {title}: it gives no tensor")
    stored = {each.name: each.value for each in kept.values() if each.name}
    there = [node for node in nodes if node.name in kept]
    used = {kept[node.name].name for node in there if node.users}
    idle = dict.fromkeys(name for node in there if (name := kept[node.name].name) and name not in used)
    unused = tuple(name for name in idle if stored[name].dim())
    return finish(reading.draft, title, results, Stored(stored, unused))


def batch_of(program: ExportedProgram) -> int:
    """For how many images at once a program was recorded."""
    shapes = [sizes(node) for node in _inputs(program)]
    return shapes[0][0] if shapes and shapes[0] else 1


def _inputs(program: ExportedProgram) -> list[fx.Node]:
    """The nodes of tensors that go in."""
    inputs = {spec.arg.name for spec in program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"}
    return [node for node in program.graph.nodes if node.name in inputs and hasattr(node.meta.get("val"), "shape")]


def _require_images(program: ExportedProgram, title: str) -> None:
    for node in _inputs(program):
        shape = sizes(node)[1:]
        if len(shape) not in (1, 3):
            raise LiftError(
                f"cannot read {title}: its input {node.name} is {show_shape(shape)} for each sample; "
                "networks take images (channels x height x width) and vectors"
            )


def _innermost(reading: Reading, node: fx.Node) -> tuple[str, int]:
    around = reading.places[node].modules
    return (around[-1].path, around[-1].call) if around else ("", 0)


def _submodule(reading: Reading, path: str) -> nn.Module | None:
    try:
        return reading.module.get_submodule(path) if path else None
    except AttributeError:  # a program may name what its module no longer has
        return None


def _read_group(reading: Reading, nodes: list[fx.Node], path: str, kept: dict[str, Kept]) -> None:
    module = _submodule(reading, path)
    op = layer_of(module) if module is not None else None
    if op is not None:
        inside = set(nodes)
        values = [reading.values[each] for node in nodes for each in node.all_input_nodes if each not in inside]
        try:
            reading.values[nodes[-1]] = read_whole(reading, op, nodes, values)
            return
        except NoLayer:
            pass  # operator by operator, then
    before = len(reading.draft.steps)
    for node in nodes:
        reading.values[node] = _value(reading, node, module, kept)
    if module is not None and any(isinstance(step.op, Unread) for step in reading.draft.steps[before:]):
        _read_by_values(reading, nodes, module)


def _read_by_values(reading: Reading, nodes: list[fx.Node], module: nn.Module) -> None:
    """Take all operators of a module as the layer whose values they give, if they do."""
    inside = set(nodes)
    values = [reading.values[each] for node in nodes for each in node.all_input_nodes if each not in inside]
    flows = list(dict.fromkeys(flows_in(values)))
    flow = reading.flow(flows[0]) if len(flows) == 1 else None
    if flow is None or flow != reading.plain(flow.step):
        return
    op = layer_by_values(module, reading.shape(flow))
    if op is not None:
        reading.values[nodes[-1]] = read_whole(reading, op, nodes, values)


def _value(reading: Reading, node: fx.Node, module: nn.Module | None, kept: dict[str, Kept]) -> Value:
    if node.op == "placeholder":
        return kept.get(node.name) or _input(reading, node)
    if node.target is operator.getitem:
        source, index = cast("tuple[fx.Node, int]", node.args)
        several = reading.values[source]
        return several[index] if isinstance(several, list) else several
    shown = node.meta.get("val")
    if node.op != "call_function" or shown is None:  # a part of the program, or a check without a result
        return None
    if not hasattr(shown, "shape") and not isinstance(shown, list | tuple):  # a size
        return shown if isinstance(shown, int | float) else shown.node.hint
    given = reading.given(node)
    try:
        if in_place(node):
            require_no_other(reading, node)
        result = _read(reading, node, module, given)
    except NoLayer as why:
        result = unread(reading, node, given, str(why))
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError):  # nobody writes it so but this one
        result = unread(reading, node, given, "it is used in no way that is known")
    if in_place(node):
        overwrite(reading, node, result)
    if isinstance(result, Flow):
        reading.note_move(node, given, result)
    return result


def _read(reading: Reading, node: fx.Node, module: nn.Module | None, given: dict[str, Value]) -> Value:
    kind = word(node)
    if not any(True for _ in flows_in(given)):
        return _of_kept(node, reading, given)
    around = reading.places[node].modules
    if kind == "alias" and around and is_silent(around[-1].block):
        return dropping(reading, node, module, around[-1].block, given["self"])
    if not _is_tensor_operator(node):
        raise NoLayer(f"no layer computes `{kind}`")
    if kind == "max" and "other" not in given:
        return maximum(reading, node, given)
    if kind == "div" and (norm := response_norm(reading, node)) is not None:
        return norm
    if kind in FUNCTIONS:
        return function(reading, node, given)
    read = OPERATORS.get(kind)
    if read is None:
        raise NoLayer(f"no layer computes `{kind}`")
    return read(reading, node, given)


def _is_tensor_operator(node: fx.Node) -> bool:
    return str(node.target).partition(".")[0] in ("aten", "torchvision", "prims")


def _of_kept(node: fx.Node, reading: Reading, given: dict[str, Value]) -> Value:
    """Something computed from kept tensors alone."""
    from torch.fx.node import map_arg

    if any(drawn in word(node) for drawn in DRAWN):
        raise NoLayer("it draws random numbers")
    origins = tuple(kept_in(given))
    if word(node) in CASTS and origins[0].value.is_floating_point() and node.meta["val"].dtype.is_floating_point:
        return origins[0]  # in which precision it is computed with is no matter of the network

    def value(each: fx.Node) -> Any:
        return _plain(reading.values[each])

    try:
        result = node.target(*map_arg(node.args, value), **map_arg(node.kwargs, value))  # type: ignore[operator]
    except Exception as error:  # whatever an operator raises
        raise NoLayer(f"`{word(node)}` fails: {reason(error)}") from error
    if isinstance(result, list | tuple):
        return [Kept(each, origins=origins) for each in result]
    return _made(node, result, origins)


def _plain(value: Value) -> Any:
    if isinstance(value, Kept):
        return value.value
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _made(node: fx.Node, result: Any, origins: tuple[Kept, ...]) -> Value:
    if not hasattr(result, "shape"):
        return result
    same = word(node) in UNCHANGED and len(origins) == 1 and result.numel() == origins[0].value.numel()
    learned = any(origin.learned for origin in origins)
    return Kept(result, origins[0].name if same else "", origins, learned)


def _input(reading: Reading, node: fx.Node) -> Value:
    value = node.meta.get("val")
    if not hasattr(value, "shape"):
        return value
    place = reading.places[node]
    return reading.plain(reading.draft.add(Input(sizes(node)[1:]), (), Place(place.number, (), node.name)))


def _kept(program: ExportedProgram) -> dict[str, Kept]:
    """What the program keeps, by the names of the nodes that stand for it; what has several names has the first."""
    signature = program.graph_signature
    found: dict[str, Kept] = {}
    firsts: dict[Hashable, str] = {}
    for names, learned in ((signature.inputs_to_parameters, True), (signature.inputs_to_buffers, False)):
        for node, name in names.items():
            value = _tensor(program, name)
            place = (value.data_ptr(), value.shape, value.stride()) if value.data_ptr() else name
            found[node] = Kept(value, firsts.setdefault(place, name), learned=learned)
    for node, name in signature.inputs_to_lifted_tensor_constants.items():
        found[node] = Kept(_tensor(program, name))
    return found


def _tensor(program: ExportedProgram, name: str) -> Tensor:
    value = program.state_dict[name] if name in program.state_dict else program.constants[name]
    result: Tensor = value.detach()
    return result
