"""An exported PyTorch program while it is read: what its nodes stand for, and the skeleton that comes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cnndsl.alignment import units
from cnndsl.alignment.skeleton import Builder, Slot, Unit
from cnndsl.alignment.units import Description
from cnndsl.ops.base import Shape
from cnndsl.ops.images import Pair, Sides

if TYPE_CHECKING:
    from torch import Tensor, fx, nn
    from torch.export import ExportedProgram

Arguments = dict[str, Any]

# Arguments whose text is a mode of the operator; any other text is the name of a unit.
MODES = frozenset({"mode", "approximate", "padding", "reduction", "rounding_mode"})


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor that the module keeps; `computed` if not the tensor itself is used but something made of it."""

    name: str
    shape: Shape
    computed: bool = False


@dataclass(frozen=True, slots=True)
class Turned:
    """An image as a tensor of that shape: which axis of (batch, channels, height, width) each of its axes is."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass
class Reading:
    """A program, half read.

    values  what each node stands for: a unit's name, a `Held`, or a list of those
    nodes   the node of each unit
    turned  the images that were turned around, and what is made of them
    """

    program: ExportedProgram
    module: nn.Module
    builder: Builder
    values: dict[fx.Node, Any] = field(default_factory=dict)
    nodes: dict[str, fx.Node] = field(default_factory=dict)
    turned: dict[fx.Node, Turned] = field(default_factory=dict)

    def add(
        self,
        node: fx.Node,
        description: Description,
        sources: tuple[str, ...],
        held: Mapping[str, Held | None] | None = None,
        *,
        shape: Shape | None = None,
        padding: tuple[Sides, float] | None = None,
    ) -> str:
        """Add a unit for a node, with what is held by role; `padding` says how much and with what, if that is all.

        A tensor that is computed from a held one is a fact, and matches nothing that is kept.
        """
        kind, facts = description
        kept = {role: value for role, value in (held or {}).items() if value is not None}
        facts = facts | {role: f"computed from {value.name}" for role, value in kept.items() if value.computed}
        slots = {role: Slot(value.name, value.shape) for role, value in kept.items()}
        unit = Unit(_name(node, slots), kind, facts, sources, shape or shape_of(node), slots)
        name = self.builder.add(unit) if padding is None else self.builder.pad(unit, *padding)
        self.nodes.setdefault(name, node)
        return name

    def overwrite(self, old: str, new: Any) -> None:
        """An operator in place changes what every name of its tensor stands for."""
        for node, value in self.values.items():
            if isinstance(value, str) and value == old:
                self.values[node] = new


def arguments(node: fx.Node, values: Mapping[fx.Node, Any]) -> Arguments:
    """The arguments of an operator by name, defaults filled in, and what its nodes stand for."""
    from torch.fx.node import map_arg

    schema = node.target._schema.arguments  # type: ignore[union-attr]
    given = {declared.name: value for declared, value in zip(schema, node.args, strict=False)} | node.kwargs
    found = {declared.name: given.get(declared.name, declared.default_value) for declared in schema}
    return {name: map_arg(value, lambda each: values[each]) for name, value in found.items()}


def word(node: fx.Node) -> str:
    """An operator's name without overload and in-place mark: `aten.relu_.default` is `relu`."""
    return _names(node)[-1].rstrip("_")


def in_place(node: fx.Node) -> bool:
    name = _names(node)[-1]
    return name.endswith("_") and not name.startswith("__")


def _names(node: fx.Node) -> list[str]:
    """Library and name of an operator."""
    return str(node.target).split(".")[:2]


def shape_of(node: fx.Node) -> Shape:
    """Without batch."""
    value = node.meta["val"]
    tensor: Tensor = value[0] if isinstance(value, list | tuple) else value
    return tuple(tensor.shape[1:])


def innermost_module(node: fx.Node) -> tuple[str, str]:
    """The path of the module a node stands in, and its class."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    if not stack:
        return "", ""
    path, kind = stack[-1]
    return path, kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"


def _name(node: fx.Node, slots: Mapping[str, Slot]) -> str:
    """What to call a unit: the prefix of its tensors' names, else the module it stands in."""
    for slot in slots.values():
        return slot.name.rpartition(".")[0] or slot.name
    if node.op == "placeholder":
        return node.name
    path, kind = innermost_module(node)
    return path if path and kind.startswith("torch.nn.modules") else f"{path}.{word(node)}".lstrip(".")


def flowing_in(given: Arguments) -> Iterator[str]:
    """The units among arguments."""
    for value in (value for name, value in given.items() if name not in MODES):
        yield from (each for each in listed(value) if isinstance(each, str))


def held_in(given: Arguments) -> Iterator[Held]:
    for value in given.values():
        yield from (each for each in listed(value) if isinstance(each, Held))


def listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def pair(value: Any) -> Pair:
    values = list(listed(value))
    return values[0], values[-1]


def axis_of(node: fx.Node, axis: int) -> int:
    """An axis counted from the first, the batch."""
    (value, *_) = listed(node.meta["val"])
    return int(axis % value.dim())


def add_any(reading: Reading, node: fx.Node, given: Arguments) -> str:
    """An operator by its own name; what is said besides tensors is a fact."""
    defaults = {each.name: each.default_value for each in node.target._schema.arguments}  # type: ignore[union-attr]
    tensors = {name for name, value in given.items() if name not in MODES and _is_tensor(value)}
    said = {name: value for name, value in given.items() if name not in tensors and value != defaults[name]}
    held = {name: value for name, value in given.items() if isinstance(value, Held)}
    return reading.add(node, units.plain(word(node), said), tuple(flowing_in(given)), held)


def _is_tensor(value: Any) -> bool:
    return any(isinstance(each, str | Held) for each in listed(value))
