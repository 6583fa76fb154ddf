"""W604: strides that leave pixels out."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.analysis.lint.finding import Finding, only_reader
from cnndsl.diagnostics import Diagnostic
from cnndsl.ir.graph import Graph, Node
from cnndsl.ops.arguments import Size, Stride
from cnndsl.ops.convolution import ConvTranspose
from cnndsl.ops.merge import Merge
from cnndsl.ops.normalization import Normalization
from cnndsl.ops.window import Reach

Share = tuple[int, int]
"""How many of how many neighbouring pixels along an axis."""


def skipped_pixels(graph: Graph) -> Iterator[Finding]:
    """W604. What something else reads whole is not lost, and a shortcut's projection may skip: He et al. 2015 define
    it so, and everybody does it."""
    for node in graph:
        share = _share(graph, node)
        if share is None:
            continue
        if isinstance(node.op, ConvTranspose):
            yield node, _holes(node, share)
        elif not _is_read_whole(graph, node) and not _is_projection(graph, node):
            yield node, _skips(node, share)


def _share(graph: Graph, node: Node) -> tuple[Share, Share] | None:
    """How many rows and columns the layer reads, or writes if it makes maps larger; None if it is all of them."""
    stride, kernel = getattr(node.op, "stride", (1, 1)), getattr(node.op, "kernel", None)
    if stride == (1, 1) or (kernel == stride and getattr(node.op, "dilation", (1, 1)) == (1, 1)):
        return None
    shapes = graph.input_shapes(node)
    window = node.op.window(*shapes)
    if isinstance(node.op, ConvTranspose):
        rows, columns = _written(window.rows), _written(window.columns)
    else:
        rows, columns = _read(window.rows, shapes[0][1]), _read(window.columns, shapes[0][2])
    return None if rows[0] == rows[1] and columns[0] == columns[1] else (rows, columns)


def _read(reach: Reach, size: int) -> Share:
    """Of as many pixels as the window moves on by; a map may have fewer."""
    residues = {tap % reach.step for taps in reach.taps for tap in taps}
    seen = sum(position % reach.step in residues for position in range(min(size, reach.step)))
    return seen, min(size, reach.step)


def _written(reach: Reach) -> Share:
    return sum(map(bool, reach.taps)), len(reach.taps)


def _is_read_whole(graph: Graph, node: Node) -> bool:
    """Whether something reads all of what this layer reads, or of what that is made of pixel by pixel."""
    while True:
        source = graph[node.inputs[0]]
        others = [reader for reader in graph.consumers(source.name) if reader is not node]
        if graph.is_output(source.name) or any(_share(graph, other) is None for other in others):
            return True
        if len(source.inputs) != 1 or not (source.op.pointwise or isinstance(source.op, Normalization)):
            return False
        node = source


def _is_projection(graph: Graph, node: Node) -> bool:
    """Whether it stands in a shortcut, one that is written by hand too: right before a sum, unlike the other branch."""
    if any(scope.kind == "shortcut" for scope in graph.scopes_around(node.name)):
        return True
    others = [other for other in graph.consumers(node.inputs[0]) if other is not node]
    return _goes_to_a_sum(graph, node) and any(not _goes_to_a_sum(graph, other) for other in others)


def _goes_to_a_sum(graph: Graph, node: Node) -> bool:
    reader = only_reader(graph, node)
    while reader is not None and isinstance(reader.op, Normalization):
        reader = only_reader(graph, reader)
    return reader is not None and isinstance(reader.op, Merge)


def _counted(share: tuple[Share, Share]) -> str:
    """`reads` what: `4 pixels of 9`, `one row of 2`."""
    (rows, of_rows), (columns, of_columns) = share
    if columns == of_columns:
        return _of(rows, of_rows, "row")
    if rows == of_rows:
        return _of(columns, of_columns, "column")
    return _of(rows * columns, of_rows * of_columns, "pixel")


def _of(part: int, whole: int, what: str) -> str:
    return f"one {what} of {whole}" if part == 1 else f"{part} {what}s of {whole}"


def _kernel(node: Node) -> str:
    """`a 3x3 kernel with stride 4x4`."""
    kernel, dilation = getattr(node.op, "kernel", None), getattr(node.op, "dilation", (1, 1))
    if kernel is None:
        return f"`{node.op.word}` with stride {Size(node.op.stride)}"  # type: ignore[attr-defined]
    kernel = Size(kernel) if isinstance(kernel, tuple) else kernel
    spread = f", dilation {Size(dilation)}" if dilation != (1, 1) else ""
    article = "an" if str(kernel)[0] == "8" or str(kernel).startswith("11x") else "a"
    return f"{article} {kernel} kernel with stride {Size(node.op.stride)}{spread}"  # type: ignore[attr-defined]


def _skips(node: Node, share: tuple[Share, Share]) -> Diagnostic:
    stride = Size(node.op.stride)  # type: ignore[attr-defined]
    pool = f"avgpool {stride}, {Stride().keyword('stride', stride)}"
    help = f"give the stride to a larger kernel, or put `{pool}` before it"
    return Diagnostic("W604", f"{_kernel(node)} skips pixels", node.span, label=f"reads {_counted(share)}", help=help)


def _holes(node: Node, share: tuple[Share, Share]) -> Diagnostic:
    return Diagnostic(
        "W604",
        f"{_kernel(node)} leaves holes",
        node.span,
        label=f"writes {_counted(share)}, and the bias alone to the others",
        help="give it a kernel that is as large as the stride",
    )
