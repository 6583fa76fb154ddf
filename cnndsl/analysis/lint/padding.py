"""Padding that was not thought of: W615 kernels that see little else, W617 maps that are padded twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

from cnndsl.analysis.lint.edits import argument_set, first_argument_set, fix
from cnndsl.analysis.lint.finding import Finding, before
from cnndsl.diagnostics import Diagnostic, Edit, Label
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.arguments import Size
from cnndsl.ops.base import show_shape
from cnndsl.ops.convolution import Conv, Depthwise
from cnndsl.ops.resize import Pad
from cnndsl.ops.window import Reach

_LARGEST_KERNEL = 4_096  # whose taps are looked at one by one


def kernels_on_padding(graph: Graph) -> Iterator[Finding]:
    """W615. Dilated taps may miss a small map, as DeepLab's do; they were made for larger ones."""
    again: dict[str, list[Node]] = {}
    for node in graph:
        if node.again:
            again.setdefault(node.again, []).append(node)
    for node in graph:
        if node.again or not isinstance(node.op, Conv | Depthwise) or node.op.pad_mode != "zero":
            continue
        shape = graph[node.inputs[0]].shape
        if node.op.kernel[0] < 2 * shape[1] and node.op.kernel[1] < 2 * shape[2]:
            continue
        if max(node.op.kernel) > _LARGEST_KERNEL:
            continue
        applied = [node, *again.get(node.name, ())]
        alive = (_alive(graph, applied, axis=1), _alive(graph, applied, axis=2))
        dead = prod(node.op.kernel) - prod(alive)
        if dead:
            yield (
                node,
                Diagnostic(
                    "W615",
                    f"a {Size(node.op.kernel)} kernel on a map of {show_shape(shape[1:])} sees mostly padding",
                    node.span,
                    label=f"{dead} of {prod(node.op.kernel)} weights meet no pixel",
                    help="a larger map needs fewer strides before it",
                    fixes=fix(f"a {Size(alive)} kernel computes the same", _smaller(node, alive)),
                ),
            )


def _alive(graph: Graph, uses: Iterable[Node], axis: int) -> int:
    """How many taps along an axis meet a pixel anywhere, in any use of the kernel."""
    found: set[int] = set()
    for node in uses:
        shape = graph[node.inputs[0]].shape
        window = node.op.window(shape)
        reach = (window.rows, window.columns)[axis - 1]
        found |= _taps_on_pixels(reach, shape[axis], node.shape[axis])
    return len(found)


def _taps_on_pixels(reach: Reach, size: int, outputs: int) -> set[int]:
    (taps,) = reach.taps
    first = {tap: max(0, -(tap // reach.step)) for tap in taps}  # the first output at which it is on the map
    met = (output < outputs and output * reach.step + tap < size for tap, output in first.items())
    return {number for number, meets in enumerate(met) if meets}


def _smaller(node: Node, kernel: tuple[int, int]) -> Edit | None:
    """The kernel that is left, where its own half padding puts it in the middle again."""
    is_half = isinstance(node.op, Conv | Depthwise) and node.op.pad is None
    return first_argument_set(node, str(Size(kernel))) if is_half and all(size % 2 for size in kernel) else None


def padded_twice(graph: Graph) -> Iterator[Finding]:
    """W617. A `pad` in so many words is meant; it is the half padding by default that is forgotten."""
    for node in graph:
        if not isinstance(node.op, Conv | Depthwise) or node.op.pad is not None:
            continue
        pad = before(graph, node, (Pad,))
        if pad is not None and _same_padding(pad, node):
            yield (
                node,
                Diagnostic(
                    "W617",
                    f"this `{node.op.word}` pads the map again by half its kernel",
                    node.span,
                    label="padded twice",
                    labels=(Label(pad.span, "padded here"),),
                    help="or leave the `pad` before it out, if it fills with zeros",
                    fixes=fix("say `pad=0`", argument_set(node, "pad", "0")),
                ),
            )


def _same_padding(before: Node, node: Node) -> bool:
    op = node.op.conv(1) if isinstance(node.op, Depthwise) else node.op
    pad = before.op
    assert isinstance(op, Conv) and isinstance(pad, Pad)
    return pad.sides == op.sides and any(pad.sides) and not pad.value
