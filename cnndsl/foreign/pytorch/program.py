"""A PyTorch program as `torch.export` records it: how it is recorded, and what its nodes say.

Export runs the module's own code once without computing, so that functions, loops and shapes are all seen, and every
tensor of the state dict is known by its name wherever it is used. `torch.fx`'s symbolic trace knows no shapes and stops
at control flow.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from cnndsl.errors import WeightsError, reason
from cnndsl.foreign.draft import Module, Place
from cnndsl.ops.base import Shape, show_shape

if TYPE_CHECKING:
    import torch
    from torch import fx, nn
    from torch.export import ExportedProgram

BATCH = 2  # one sample would make `squeeze()` take the batch away

# Operators that run a part of the program in a mode of its own, as `with torch.no_grad():` does.
MODES = ("wrap_with_set_grad_enabled", "wrap_with_autocast")

# Classes that pass their input on outside of training, by what is in their name: where one stands, it is marked, as it
# leaves no trace otherwise.
SILENT = ("dropout", "droppath", "stochasticdepth", "dropconnect", "dropblock")


def record(module: nn.Module, shapes: Sequence[Shape], title: str, dtype: torch.dtype | None = None) -> ExportedProgram:
    """Record a module for inputs of `shapes` (without batch), in the mode it is in. Raises `WeightsError`."""
    import torch

    inputs = tuple(torch.zeros(BATCH, *shape, dtype=dtype) for shape in shapes)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()), unlogged(), torch.no_grad(), _marked(module):
            warnings.simplefilter("ignore")  # it prints what it cannot export
            return inlined(torch.export.export(module, inputs, strict=False))
    except Exception as error:  # whatever the foreign code raises
        image = " and ".join(map(show_shape, shapes))
        raise WeightsError(f"cannot trace {title} for {image}: {_said(error)}") from error


def inlined(program: ExportedProgram) -> ExportedProgram:
    """The program with its parts in modes of their own in the place of these: they compute the same in any mode."""
    _inline(program.graph_module)
    return program


def _inline(module: fx.GraphModule) -> None:
    for node in [each for each in module.graph.nodes if word(each) in MODES]:
        *_, part = (each for each in node.args if getattr(each, "op", "") == "get_attr")
        inner, given = getattr(module, part.target), node.args[node.args.index(part) + 1 :]
        _inline(inner)
        places = (each for each in inner.graph.nodes if each.op == "placeholder")
        with module.graph.inserting_before(node):
            made: Any = module.graph.graph_copy(inner.graph, dict(zip(places, given, strict=True)))
        for result in list(node.users):
            result.replace_all_uses_with(made[result.args[1]])
            module.graph.erase_node(result)
        module.graph.erase_node(node)


def _said(error: Exception) -> str:
    """What went wrong, and at which line of the module's code, if that is not what says so itself."""
    _, *frames = extract_tb(error.__traceback__)
    place = next((each for each in reversed(frames) if "/torch/" not in each.filename), None)
    at = f"`{place.line}` in {place.name}" if place is not None else ""
    if not str(error):
        return f"{type(error).__name__}: {at}" if at else type(error).__name__
    depends = "data-dependent" in str(error)
    why = "its control flow depends on the values it computes" if depends else reason(error)
    return f"{why}, at {at}" if at and place is not frames[-1] else why


@contextmanager
def unlogged() -> Iterator[None]:
    """The block runs without PyTorch's warnings about what is an error here anyway."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def _marked(module: nn.Module) -> Iterator[None]:
    """The block runs with an operator in the place of each module that would leave none."""
    import torch

    silent = [each for each in module.modules() if is_silent(type(each).__name__) and not any(each.children())]
    silent = [each for each in silent if "forward" not in vars(each) and _passes_on(each)]
    for each in silent:
        each.forward = torch.ops.aten.alias.default
    try:
        yield
    finally:
        for each in silent:
            del each.forward


def _passes_on(module: nn.Module) -> bool:
    """Whether a module gives back what it gets, as one that drops does outside of training."""
    import torch

    image = torch.linspace(-1, 1, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    try:
        return not module.training and torch.equal(module(image), image)
    except Exception:  # whatever foreign code raises for an image
        return False


def is_silent(block: str) -> bool:
    name = block.lower().replace("_", "")
    return any(word in name for word in SILENT)


def word(node: fx.Node) -> str:
    """An operator's name without overload and in-place mark: `aten.relu_.default` is `relu`."""
    return _name(node).strip("_") if _name(node).startswith("__") else _name(node).rstrip("_")


def in_place(node: fx.Node) -> bool:
    name = _name(node)
    return name.endswith("_") and not name.startswith("__")


def _name(node: fx.Node) -> str:
    parts = str(node.target).split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def arguments(node: fx.Node) -> dict[str, Any]:
    """The arguments of an operator by name, defaults filled in; by number for what takes any, such as a condition."""
    usual = defaults(node)
    given = dict(zip(usual, node.args, strict=False)) if usual else {str(at): each for at, each in enumerate(node.args)}
    return {**usual, **given, **node.kwargs}


def defaults(node: fx.Node) -> dict[str, Any]:
    """What an operator takes where nothing is said."""
    schema = getattr(node.target, "_schema", None)
    return {declared.name: declared.default_value for declared in schema.arguments} if schema else {}


def sizes(node: fx.Node) -> tuple[int, ...]:
    """The shape of a node's tensor, or of its first one, with the batch."""
    value = node.meta["val"]
    tensor = value[0] if isinstance(value, list | tuple) else value
    return tuple(size if isinstance(size, int) else int(size.node.hint) for size in tensor.shape)  # the size it was


def place_of(node: fx.Node, number: int) -> Place:
    """The modules around a node, as they were called."""
    stack: Mapping[str, tuple[str, Any]] = node.meta.get("nn_module_stack", {})
    return Place(number, tuple(_module(key, *entry) for key, entry in stack.items() if entry[0]), node.name)


def _module(key: str, path: str, kind: Any) -> Module:
    """Keys of later calls end in `@` and their number."""
    name = kind if isinstance(kind, str) else kind.__qualname__
    _, at, call = key.rpartition("@")
    return Module(path.partition("@")[0], name.rpartition(".")[2], int(call) if at and call.isdigit() else 0)
