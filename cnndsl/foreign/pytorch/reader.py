"""A PyTorch module, or a program that `torch.export.save` wrote, as a network in our words."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from cnndsl.errors import LiftError, WeightsError, reason
from cnndsl.foreign.assembly import Stored
from cnndsl.foreign.draft import Kept, Place, Result
from cnndsl.foreign.finish import finish
from cnndsl.foreign.network import ForeignNetwork, Unread
from cnndsl.foreign.pytorch.arithmetic import FUNCTIONS, function, last_step
from cnndsl.foreign.pytorch.by_values import layer_by_values
from cnndsl.foreign.pytorch.moving import MOVING, SAME, TURNS, VIEWS
from cnndsl.foreign.pytorch.program import in_place, is_silent, place_of, record, sizes, word
from cnndsl.foreign.pytorch.reading import Curve, Flow, NoLayer, Reading, Value, flows_in, kept_in
from cnndsl.foreign.pytorch.weighted import WEIGHTED
from cnndsl.foreign.pytorch.whole_modules import dropout, dropping, layer_of, read_whole
from cnndsl.foreign.pytorch.windows import WINDOWS, maximum
from cnndsl.ir.node import MAIN
from cnndsl.ops.base import Shape
from cnndsl.ops.inputs import Input

if TYPE_CHECKING:
    import torch
    from torch import Tensor, fx, nn
    from torch.export import ExportedProgram

OPERATORS = {**WEIGHTED, **WINDOWS, **MOVING, "dropout": dropout, "feature_dropout": dropout}
DRAWN = ("rand", "bernoulli", "normal", "dropout", "uniform")
# Operators whose result is a part or a view of what they read.
SHARED = (
    VIEWS | TURNS | {"slice", "select", "narrow", "split", "split_with_sizes", "chunk", "unbind", "expand", "alias"}
)
# Those of which it is the same memory, if they change nothing else.
HANDED_ON = (SHARED | SAME | {"dropout", "feature_dropout"}) - {"clone", "_to_copy", "lift_fresh_copy"}
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
    nodes = [node for node in program.graph.nodes if node.op != "output"]
    reading = Reading(module, last_step, batch_of(program))
    reading.places = {node: place_of(node, number) for number, node in enumerate(nodes)}
    kept = _kept(program)
    for (path, _), group in groupby(nodes, key=lambda node: _innermost(reading, node)):
        _read_group(reading, list(group), path, kept)
    results = list(_results(reading, program, main))
    if not results:
        raise LiftError(f"cannot read {title}: it gives no tensor")
    stored = {each.name: each.value for each in kept.values() if each.name}
    idle = [kept[node.name].name for node in nodes if node.name in kept and not node.users]
    unused = tuple(name for name in idle if name and stored[name].dim())
    return finish(reading.draft, title, results, Stored(stored, unused))


def batch_of(program: ExportedProgram) -> int:
    """For how many images at once a program was recorded."""
    inputs = {spec.arg.name for spec in program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"}
    nodes = (node for node in program.graph.nodes if node.name in inputs)
    shapes = [sizes(node) for node in nodes if hasattr(node.meta.get("val"), "shape")]
    return shapes[0][0] if shapes and shapes[0] else 1


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
            _require_no_other(reading, node)
        result = _read(reading, node, module, given)
    except NoLayer as why:
        result = _unread(reading, node, given, str(why))
    if in_place(node):
        _overwrite(reading, node, result)
    return result


def _require_no_other(reading: Reading, node: fx.Node) -> None:
    """Raise `NoLayer` for an operator in place on a part or a view of a tensor that is read again later."""
    number = reading.places[node].number
    for tensor in _seen_through(node)[1:]:
        if any(user not in reading.places or reading.places[user].number > number for user in tensor.users):
            raise NoLayer("it writes into a part of a tensor")


def _seen_through(node: fx.Node) -> list[fx.Node]:
    """The tensor that an operator in place changes, and those of which that is a part or a view."""
    found = []
    tensor: Any = node.args[0]
    while tensor.op == "call_function":
        found.append(tensor)
        if tensor.target is not operator.getitem and word(tensor) not in SHARED:
            break
        tensor = tensor.args[0]
    return found or [tensor]


def _memory(node: fx.Node) -> fx.Node:
    """The node that made the memory of a tensor."""
    while node.op == "call_function" and (node.target is operator.getitem or in_place(node) or word(node) in HANDED_ON):
        node = node.args[0]  # type: ignore[assignment]
    return node


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


def _unread(reading: Reading, node: fx.Node, given: dict[str, Value], why: str) -> Value:
    """What no layer says, with the shapes that were recorded for it."""
    flows = []
    for each in flows_in(given):
        try:
            flows.append(reading.flow(each))
        except NoLayer as deeper:  # a function that is none we know
            flows.append(_unknown(reading, each, str(deeper)))
    several = isinstance(values := node.meta["val"], list | tuple)
    shapes = [tuple(map(int, each.shape)) for each in (values if several else [values])]
    steps = list(dict.fromkeys(flow.step for flow in flows))
    place, said = reading.places[node], _said(node, given)
    kept = {name: each for name, value in given.items() for each in kept_in(value)}
    made = [
        reading.plain(reading.draft.unread(word(node), why, shape[1:], steps, place, facts, kept))
        for shape, facts in (
            (shape, [*said, ("item", index)] if several else said) for index, shape in enumerate(shapes)
        )
    ]
    return made if several else made[0]


def _said(node: fx.Node, given: dict[str, Value]) -> list[tuple[str, object]]:
    """What is said to an operator besides tensors, if it is not what it takes anyway."""
    usual = {each.name: each.default_value for each in node.target._schema.arguments}  # type: ignore[union-attr]
    tensors = {name for name, value in given.items() if any(True for _ in (*flows_in(value), *kept_in(value)))}
    return [(name, value) for name, value in given.items() if name not in tensors and value != usual[name]]


def _unknown(reading: Reading, value: Flow | Curve, why: str) -> Flow:
    """A function that no layer computes, as a step of its own."""
    assert isinstance(value, Curve)
    if value not in reading.settled:
        source = next(iter(value.roots))
        flow = source if isinstance(source, Flow) else _unknown(reading, source, why)
        node = value.node
        step = reading.draft.unread(word(node), why, sizes(node)[1:], [flow.step], reading.places[node])
        reading.settled[value] = reading.plain(step)
    return reading.settled[value]


def _overwrite(reading: Reading, node: fx.Node, new: Value) -> None:
    """An operator in place changes what every name of its tensor stands for, but no copy of it."""
    *_, whole = _seen_through(node)
    memory = _memory(node)
    for tensor in (node.args[0], whole):
        old = reading.values[tensor]  # type: ignore[index]
        if isinstance(old, Flow | Curve) and sizes(tensor) == sizes(node):  # type: ignore[arg-type]
            for other, value in reading.values.items():
                if value == old and _memory(other) is memory:
                    reading.values[other] = new
        elif tensor is whole and isinstance(new, Flow) and isinstance(reading.draft.op(new.step), Unread):
            why = "it is written into in part"
            step = reading.draft.unread(word(node), why, sizes(whole)[1:], [new.step], reading.places[node])
            reading.values[whole] = reading.plain(step)


def _input(reading: Reading, node: fx.Node) -> Value:
    value = node.meta.get("val")
    if not hasattr(value, "shape"):
        return value
    place = reading.places[node]
    return reading.plain(reading.draft.add(Input(sizes(node)[1:]), (), Place(place.number, (), node.name)))


def _kept(program: ExportedProgram) -> dict[str, Kept]:
    """What the program keeps, by the names of the nodes that stand for it."""
    signature = program.graph_signature
    found = {}
    for names, learned in ((signature.inputs_to_parameters, True), (signature.inputs_to_buffers, False)):
        for node, name in names.items():
            found[node] = Kept(_tensor(program, name), name, learned=learned)
    for node, name in signature.inputs_to_lifted_tensor_constants.items():
        found[node] = Kept(_tensor(program, name))
    return found


def _tensor(program: ExportedProgram, name: str) -> Tensor:
    value = program.state_dict[name] if name in program.state_dict else program.constants[name]
    result: Tensor = value.detach()
    return result


# --- outputs


def _results(reading: Reading, program: ExportedProgram, main: int | None) -> Iterator[Result]:
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
    count = len(found) if main is None else main
    for number, (name, step) in enumerate(found.items()):
        yield Result(MAIN if count == 1 and number == 0 else name, step, number >= count)


def _output(reading: Reading, value: Value, node: fx.Node) -> int:
    try:
        return reading.step(value, len(reading.flow(value).axes))
    except NoLayer as why:
        try:
            steps = [reading.flow(value).step]
        except NoLayer:
            steps = [_unknown(reading, value, str(why)).step]
        return reading.draft.unread(word(node), str(why), sizes(node)[1:], steps, reading.places[node])


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
