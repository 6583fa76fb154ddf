"""The whole Python file for a network: header, layers PyTorch lacks, a class per block, initialisation, a builder.

It imports nothing but torch and the standard library, and reads as a person would have written it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cnndsl.backends.torch import names
from cnndsl.backends.torch.classes import Classes, classify, layers_in
from cnndsl.backends.torch.definition import define
from cnndsl.backends.torch.header import header
from cnndsl.backends.torch.reserved import global_names, reserved_names
from cnndsl.backends.torch.results import Results
from cnndsl.backends.torch.sharing import plant
from cnndsl.backends.torch.slots import generalise
from cnndsl.backends.torch.snippets import (
    BUILDER,
    CHAIN,
    FAN_IN,
    FAN_IN_TRANSPOSED,
    INITIALIZE,
    SPELL_STATE,
    STANDARD_IMPORTS,
    TORCH_IMPORTS,
)
from cnndsl.backends.torch.splits import join_slices
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import TorchModule
from cnndsl.passes.drop_identity import drop_identity
from cnndsl.passes.drop_unused import drop_unused
from cnndsl.passes.settle_bias import settle_bias


@dataclass(frozen=True)
class TorchSource:
    """A generated file: the network's name, the text, the function in it that builds the network, and its class.

    The function's name is also that of the file, so that `from resnet50 import resnet50` reads well.
    """

    name: str
    text: str
    builder: str
    network: str


def generate(graph: Graph, name: str | None = None) -> str:
    """The PyTorch source of `graph`, under another `name` if one is given. Needs no torch."""
    return generate_source(graph, name).text


def generate_source(graph: Graph, name: str | None = None) -> TorchSource:
    """The PyTorch source of `graph`, with what one has to know to use it. Raises `ValueError` if `name` is no name."""
    if name is not None and not name.isidentifier():
        raise ValueError(f"a network's name is letters, digits and underscores, not {name!r}")
    graph = drop_unused(drop_identity(settle_bias(graph)))
    sections = plant(graph)
    join_slices(sections)
    sections[-1].name = name = name or graph.name
    reserved = reserved_names(sections)
    builder = names.builder(name, reserved)
    classes = classify(sections, reserved | {builder})
    results = Results(graph, classes[sections[-1]])
    reserved = reserved.union((each.name for each in classes.values()), [results.class_name])
    generalise(classes, graph, reserved)
    body = "\n\n\n".join(part.strip("\n") for part in _definitions(graph, builder, classes, results, reserved))
    text = f"{header(graph, name, builder)}\n{_imports(body)}\n\n\n{body}\n"
    return TorchSource(name, text, builder, classes[sections[-1]].name)


def _definitions(
    graph: Graph, builder: str, classes: Classes, results: Results, reserved: frozenset[str]
) -> Iterator[str]:
    *blocks, network = dict.fromkeys(classes.values())
    written = [define(each, classes, graph, None, reserved) for each in blocks]
    written.append(define(network, classes, graph, results, reserved))
    code = "\n".join(written)
    if "chain(" in code:
        yield CHAIN
    if "spell_state(" in code:
        yield SPELL_STATE
    yield from _layers(classes)
    yield from written[:-1]
    if not results.single:
        yield "\n".join(results.definition())
    yield written[-1]
    yield INITIALIZE.format(fan_in=FAN_IN_TRANSPOSED if "nn.ConvTranspose2d" in code else FAN_IN)
    yield BUILDER.format(builder=builder, network=network.name, name=network.model.name)


def _layers(classes: Classes) -> Iterator[str]:
    """The classes of layers that PyTorch lacks, each once, and before them what they call; they may share a text."""
    found: dict[str, str] = {}
    helpers: dict[str, None] = {}
    for layer in layers_in(classes):
        spelling = layer.spelling
        if not isinstance(spelling, TorchModule) or spelling.source is None:
            continue
        if found.setdefault(spelling.callee, spelling.source) != spelling.source:
            raise ValueError(f"two layers call their PyTorch class {spelling.callee}")
        if spelling.helper:
            helpers[spelling.helper] = None
    yield from helpers
    yield from dict.fromkeys(found.values())


def _imports(body: str) -> str:
    """The import statements that `body` needs."""
    read = global_names(body)
    lines = ["from __future__ import annotations"]
    for group in (STANDARD_IMPORTS, TORCH_IMPORTS):
        lines += ["", *(line for line in group if global_names(line) & read)]
    return "\n".join(lines)
