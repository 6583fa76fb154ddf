"""From a graph to the text of a file, and from that text's network back to the graph."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.analysis.facts import Facts
from cnndsl.ir import Graph
from cnndsl.ir.node import MAIN
from cnndsl.lifting.writing.blocks import Block, Blocks
from cnndsl.lifting.writing.expressions import shown
from cnndsl.lifting.writing.labels import identifier, labels_of
from cnndsl.lifting.writing.layout import Layout
from cnndsl.lifting.writing.loops import shortened
from cnndsl.lifting.writing.patterns import with_parts
from cnndsl.lifting.writing.regions import flowing, is_named, network_body
from cnndsl.lifting.writing.runs import with_runs
from cnndsl.lifting.writing.stages import with_stages
from cnndsl.lifting.writing.terms import Body, Flow, nodes_of, tensors_named
from cnndsl.lifting.writing.text import STEP, Writer
from cnndsl.ops.base import show_shape
from cnndsl.ops.fractal import DropPathDraw
from cnndsl.records import dataclass, replace
from cnndsl.source import Source
from cnndsl.syntax.format import format_source


@dataclass(frozen=True)
class Written:
    """The text of a network, in canonical form. `nodes` are those of the graph, in the order in which the text's come.

    Names of the two may differ, but the n-th node of the elaborated text is the n-th of `nodes`; `""` stands for an
    `identity` that the text has and the graph has not, as a branch of its own. A concat may read an earlier one in the
    place of all that this joins.
    """

    text: str
    nodes: tuple[str, ...]

    def names(self, elaborated: Graph) -> dict[str, str]:
        """The name in the graph that was given, by the name in the elaborated text."""
        pairs = zip(elaborated, self.nodes, strict=True)
        return {node.name: given for node, given in pairs if given}


def write(graph: Graph, *, header: str | Sequence[str] = ()) -> str:
    """The text of a file with this network; its comment is the `header`."""
    return written(graph, header=header).text


def written(graph: Graph, *, header: str | Sequence[str] = ()) -> Written:
    """The text with this network, and which of its layers is which."""
    graph, given = with_runs(graph)
    body = network_body(graph)
    nodes = (*_inputs(graph), *nodes_of(body))
    layout = Layout({node.name: node.shape for node in graph}, [node.name for node in graph.inputs])
    named = [output.node for output in flowing(graph.outputs) if is_named(output)]
    blocks = Blocks(layout)
    called = body if given else blocks.called(body)  # what the source names comes before what comes again
    called = blocks.called(with_parts(called, layout))
    laid = layout.body(called, wanted=named)
    lines = [line for block in blocks.found for line in _block(graph, block)]
    laid = shortened(_with_shapes(with_stages(laid)))
    text = "\n".join([*_header(header), "arch 1", "", *lines, *_network(graph, laid), ""])
    canonical, report = format_source(Source(graph.name, text))
    assert report.ok, f"the text written for {graph.name} has syntax errors"
    return Written(canonical, tuple(given.get(node, node) for node in nodes))


def _block(graph: Graph, block: Block) -> list[str]:
    labels = labels_of(block.body, graph, {})
    given = []
    for variable in block.variables:
        usual = variable.default()
        given.append(variable.name if usual is None else f"{variable.name} = {shown(variable, usual)}")
    parameters = f"({', '.join(given)})" if given else ""
    return [f"block {block.name}{parameters} {{", *Writer(labels).body(block.body, STEP), "}", ""]


def _inputs(graph: Graph) -> list[str]:
    draws = [node.name for node in graph if isinstance(node.op, DropPathDraw)]
    first, *others = (node.name for node in graph.inputs)
    return [first, *draws, *others]


def _header(header: str | Sequence[str]) -> list[str]:
    texts = [header] if isinstance(header, str) else header
    return [f"# {line}".rstrip() for text in texts for line in text.split("\n")]


def _network(graph: Graph, body: Body) -> list[str]:
    fixed = {output.node: output.name for output in flowing(graph.outputs) if output.name != MAIN}
    labels = labels_of(body, graph, fixed)
    named = tensors_named(body)
    lines = [f"network {identifier(graph.name, 'network')} {{"]
    for node in graph.inputs:
        label = f" as {labels[node.name]}" if node.name in named else ""
        lines.append(f"{STEP}input {show_shape(node.shape)}{label}")
    lines += ["", *Writer(labels).body(body, STEP), "", *_claims(graph), "}"]
    return lines


def _with_shapes(body: Body) -> Body:
    """The lines after which a map has another size say which."""
    return Body(tuple(replace(flow, shown=_is_resized(flow)) for flow in body.flows))


def _is_resized(flow: Flow) -> bool:
    if flow.entering is None or flow.leaving is None or any(command.word == "head" for command in flow.commands):
        return False
    return bool(flow.commands) and flow.entering[1:] != flow.leaving[1:]


def _claims(graph: Graph) -> list[str]:
    facts = Facts(graph)
    return [f"{STEP}expect params == {facts.params:_}", f"{STEP}expect macs   == {facts.macs:_}"]
