"""Other arguments that a layer with a window, or one that resizes, could have; each with how odd it would be.

Costs: 10 is what one would have written in the first place, 20 a slip of one number, 40 and more a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cnndsl.elaborate.causes.edits import DROPPED
from cnndsl.elaborate.causes.written import given, positional_names
from cnndsl.ops.base import LayerError, Op
from cnndsl.ops.images import dilated
from cnndsl.records import dataclass, fields, replace
from cnndsl.syntax import tree

_STRIDES = (1, 2, 3, 4, 8)
_MOST_PAD = 16
_MOST_KERNEL = 63


@dataclass(frozen=True, slots=True)
class Change:
    """New values of arguments, the layer that has them, and what that costs."""

    values: Mapping[str, Any]
    op: Op
    cost: int

    def also(self, **values: Any) -> Change | None:
        """The same with further values."""
        return changed(self.op, self.cost, **{**self.values, **values})


def changed(op: Op, cost: int, **values: Any) -> Change | None:
    """A layer with other arguments; None if it takes no such ones."""
    known: Any = op
    defaults = {field.name: field.default for field in fields(known)}
    try:
        taken = {name: defaults[name] if value is DROPPED else value for name, value in values.items()}
        other = replace(known, **taken)
    except LayerError:
        return None
    return None if other == op else Change(values, other, cost)


def spatial_changes(op: Any, command: tree.Command) -> Iterator[Change]:
    """Changes that make another height or width, the likeliest first."""
    has = {field.name for field in fields(op)}
    options: Iterator[Change | None] = iter(())
    if op.word == "conv_transpose":
        options = _of_transposed(op)
    elif {"kernel", "stride", "pad"} <= has:
        options = _of_window(op, command)
    elif "scale" in has:
        options = (changed(op, 20, scale=(n, n)) for n in range(2, 9))
    yield from (option for option in options if option is not None)


def _of_window(op: Any, command: tree.Command) -> Iterator[Change | None]:
    is_pool = hasattr(op, "round")
    half = _half(op, command)
    if half is not None and (not is_pool or op.stride != op.kernel):
        yield changed(op, 10, pad=half)
    if is_pool:
        yield changed(op, 12, round="ceil" if op.round == "floor" else "floor")
    for n in _STRIDES:
        disjoint = op.kernel == op.stride != (1, 1) and n > 1
        yield changed(op, 30 if disjoint else 20, stride=(n, n))
        if half is not None:
            yield changed(op, 32 if disjoint else 22, stride=(n, n), pad=half)
        if disjoint:
            yield changed(op, 20, kernel=(n, n), stride=(n, n))
    if not is_pool:
        yield changed(op, 26 if op.pad is not None else 36, pad=(0, 0, 0, 0))
    yield from _odd_kernels(op)
    yield from _odd_pads(op)


def _half(op: Any, command: tree.Command) -> Any:
    """Padding by half of the kernel, as one would write it here; None for an even kernel, or if it is so."""
    if any(n % 2 == 0 or n > _MOST_KERNEL for n in op.kernel):
        return None
    dilation = getattr(op, "dilation", (1, 1))
    rows, columns = (extent // 2 for extent in dilated(op.kernel, dilation))
    sides = (rows, rows, columns, columns)
    if op.pad is None or op.pad == sides:
        return None
    is_default = type(op).__dataclass_fields__["pad"].default is None
    spread, pad = (given(command, name, []) for name in ("dilation", "pad"))
    computed = spread is not None and not isinstance(spread.value, (tree.Literal, tree.SizeLiteral))
    none = pad is not None and pad.value.span.text == "0"
    return DROPPED if is_default and (computed or none or not _is_written(command, "kernel", op)) else sides


def _is_written(command: tree.Command, name: str, op: Op) -> bool:
    """Whether an argument is a number here, and no name for one."""
    argument = given(command, name, positional_names(type(op)))
    return argument is not None and isinstance(argument.value, (tree.Literal, tree.SizeLiteral))


def _odd_kernels(op: Any) -> Iterator[Change | None]:
    for n in (1, 2, 3, 5, 7):
        if op.kernel[0] == op.kernel[1]:
            yield changed(op, 80, kernel=(n, n))


def _odd_pads(op: Any) -> Iterator[Change | None]:
    for n in range(1, min(max(op.kernel), _MOST_PAD)):
        yield changed(op, 60, pad=(n, n, n, n))


def _of_transposed(op: Any) -> Iterator[Change | None]:
    """Strides that fit kernels: 4x4 of stride 2 crops 1, 3x3 of stride 2 crops 1 and adds 1."""
    yield _exact(op, op.kernel, op.stride, 10)
    for n in _STRIDES:
        yield changed(op, 20, stride=(n, n))
        if op.kernel == op.stride and n > 1:
            yield changed(op, 18, kernel=(n, n), stride=(n, n))
        if op.kernel[0] >= n:
            yield _exact(op, op.kernel, (n, n), 24)
    for n in range(1, 5):
        yield changed(op, 30, kernel=(n, n))
    for n in range(min(max(op.kernel), _MOST_PAD)):
        yield changed(op, 50, pad=(n, n, n, n))
    yield changed(op, 28, output_pad=(1, 1))


def _exact(op: Any, kernel: tuple[int, int], stride: tuple[int, int], cost: int) -> Change | None:
    """Cropping after which the map is `stride` times as large."""
    extent = dilated(kernel, op.dilation)
    spare = [size - step for size, step in zip(extent, stride, strict=True)]
    if min(spare) < 0:
        return None
    rows, columns = ((n + 1) // 2 for n in spare)
    values: dict[str, Any] = {} if stride == op.stride else {"stride": stride}
    if op.pad != (rows, rows, columns, columns):
        values["pad"] = (rows, rows, columns, columns)
    added = (spare[0] % 2, spare[1] % 2)
    if op.output_pad != added:
        values["output_pad"] = added if any(added) else DROPPED
    return changed(op, cost, **values) if values else None
