"""The whole Python file for a network: header, layers PyTorch lacks, a class per block, initialisation, a builder.

It imports nothing but torch and the standard library, and reads as a person would have written it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cnndsl import __version__
from cnndsl.analysis.cost import Cost, costs, total
from cnndsl.backends.torch import names
from cnndsl.backends.torch.arguments import NO_DEFAULT, Argument
from cnndsl.backends.torch.classes import Classes, ModuleClass, classify
from cnndsl.backends.torch.constructor import construct
from cnndsl.backends.torch.forward import Forward, roll
from cnndsl.backends.torch.layout import INDENT, WIDTH, lay_out, signature
from cnndsl.backends.torch.slots import generalise
from cnndsl.backends.torch.snippets import BUILDER, CHAIN, HEADER, INITIALIZE, LOADING, SPELL_STATE, TRANSPOSED
from cnndsl.backends.torch.tree import Layer, Section, plant
from cnndsl.ir.graph import Graph
from cnndsl.ops.base import Shape, TorchModule, literal, show_shape
from cnndsl.passes.settle_bias import settle_bias
from cnndsl.source import Source


@dataclass(frozen=True)
class TorchSource:
    """A generated file: its text, and what to call in it."""

    name: str
    text: str
    builder: str

    @property
    def stem(self) -> str:
        """The name of its files without ending."""
        return names.file_stem(self.name)


def generate(graph: Graph, name: str | None = None) -> TorchSource:
    """The PyTorch source of `graph`, under another `name` if one is given. Needs no torch."""
    graph = settle_bias(graph)
    sections = plant(graph)
    sections[-1].name = name = name or graph.name
    classes = classify(sections)
    shapes = {node.name: node.shape for node in graph}
    generalise(classes, graph)
    writer = _Writer(graph, name, classes, shapes)
    return TorchSource(name, writer.file(), names.function(name))


class _Writer:
    def __init__(self, graph: Graph, name: str, classes: Classes, shapes: dict[str, Shape]) -> None:
        self.graph = graph
        self.name = name
        self.classes = classes
        self.shapes = shapes
        self.all = list(dict.fromkeys(classes.values()))
        self.network = self.all[-1]
        self.fields = self._fields()

    def _fields(self) -> dict[str, str]:
        """The names of the network's results by output, empty if it has but one."""
        outputs = sorted(self.graph.outputs, key=lambda output: output.train_only)
        found: dict[str, str] = {}
        for output in outputs if len(outputs) > 1 else ():
            found[output.name] = names.free(names.field(output.name), set(found.values()))
        return found

    def file(self) -> str:
        body = "\n\n\n".join(part.strip("\n") for part in self._definitions()) + "\n"
        return f"{self._header()}\n{_imports(body)}\n\n\n{body}"

    def _definitions(self) -> Iterator[str]:
        written = ["\n".join(self._class(each)) for each in self.all]
        if any("chain(" in text for text in written):
            yield CHAIN
        if any("spell_state(" in text for text in written):
            yield SPELL_STATE
        yield from self._layers()
        yield from written[:-1]
        if self.fields:
            yield "\n".join(self._output_class())
        yield written[-1]
        transposed = any("nn.ConvTranspose2d" in text for text in written)
        yield INITIALIZE.replace("# fan-in\n", TRANSPOSED[transposed])
        yield BUILDER.format(function=names.function(self.name), network=self.network.name, name=self.name)

    def _layers(self) -> Iterator[str]:
        """The classes of layers that PyTorch lacks, each once."""
        found: dict[str, str] = {}
        for section in self.classes:
            for layer in _layers_in(section, self.classes):
                spelling = layer.spelling
                if isinstance(spelling, TorchModule) and spelling.source is not None:
                    if found.setdefault(spelling.callee, spelling.source) != spelling.source:
                        raise ValueError(f"two layers call their PyTorch class {spelling.callee}")
        return iter(found.values())

    def _header(self) -> str:
        root = self.graph.scopes.get("")
        inference, training = self._costs(self.graph.inference()), self._costs(self.graph)
        apart = training.params - inference.params
        facts = {
            **{_label("input", n.name): f"N x {show_shape(n.shape)}" for n in self.graph.inputs},
            **{_label("output", o.name): f"N x {show_shape(self.shapes[o.node])}" for o in self.graph.outputs},
            "parameters": f"{inference.params:,}" + (f", and {apart:,} in heads for training alone" if apart else ""),
            "MACs": f"{inference.macs:,}",
        }
        width = max(map(len, facts)) + 2
        return HEADER.format(
            doc=_docstring(root.doc) + "\n\n" if root and root.doc else "",
            name=self.name,
            file=_base_name(self.network.model.scope.span.source),
            version=__version__,
            facts="\n".join(f"    {name:{width}}{value}" for name, value in facts.items()),
            loading=LOADING.format(function=names.function(self.name), stem=names.file_stem(self.name)),
        )

    def _costs(self, graph: Graph) -> Cost:
        return total(costs(graph).values())

    def _output_class(self) -> list[str]:
        always = [output for output in self.graph.outputs if not output.train_only]
        text = "What the network returns."
        if len(always) == 1:
            text = "What the network returns in training mode; in eval mode it returns the plain output."
        kinds = {output.name: output.train_only and len(always) > 1 for output in self.graph.outputs}
        fields = [
            f"{INDENT}{field}: Tensor{' | None = None' if kinds[name] else ''}" for name, field in self.fields.items()
        ]
        return [f"class {self.network.name}Output(NamedTuple):", f'{INDENT}"""{text}"""', "", *fields]

    def _class(self, each: ModuleClass) -> list[str]:
        made = construct(each, self.classes)
        is_network = each is self.network
        parameters = self._parameters(each)
        single = len(each.instances) == 1
        forward = Forward(
            each.model,
            made,
            parameters,
            shapes=self.shapes if single else None,
            fields=self._result_names() if is_network else {},
        )
        forward.write()
        results = list(self._network_results(forward)) if is_network else [f"return {forward.result()}"]
        arguments = [_parameter(argument) for argument in each.arguments]
        inner = 2 * INDENT
        lines = [f"class {each.name}(nn.Module):", *_class_docstring(each), ""]
        lines += signature("__init__", ["self", *arguments], "None", INDENT)
        lines.append(f"{inner}super().__init__()")
        for statement in made.statements:
            lines += lay_out(statement, inner)
        takes = ["self", *(f"{parameter}: Tensor" for parameter in parameters)]
        returns = self._network_returns() if is_network else _returns(each.model)
        lines += ["", *signature("forward", takes, returns, INDENT)]
        for statement in roll(forward.statements, made.folded):
            lines += lay_out(statement.text, inner, statement.comment)
        for text in results:
            lines += lay_out(text, inner)
        return lines

    def _parameters(self, each: ModuleClass) -> list[str]:
        """The names under which `forward` takes its inputs: `x` first, others as they are called everywhere."""
        if each is self.network and len(each.model.inputs) > 1:
            wanted = [names.variable(name) for name in each.model.inputs]
        else:
            others = range(1, len(each.model.inputs))
            wanted = ["x"][: len(each.model.inputs)] + [self._shared_name(each, position) for position in others]
        found: list[str] = []
        for name in wanted:
            found.append(names.free(name, found))
        return found

    def _shared_name(self, each: ModuleClass, position: int) -> str:
        """What an input beyond the first is called, if it has the same name in every instance."""
        called = {self._label_of(instance.inputs[position]) for instance in each.instances}
        return names.variable(called.pop()) if len(called) == 1 else "skip"

    def _label_of(self, tensor: str) -> str:
        """The name that the author gave a tensor, or its scope; `skip` for lack of one."""
        scope, _, name = tensor.rpartition(".")
        if names.stem(name) != self.graph[tensor].op.word or not scope:
            return name
        return "skip" if self.graph.scopes[scope].kind == names.stem(scope.rpartition(".")[2]) else scope.rpartition(".")[2]

    def _result_names(self) -> dict[str, str]:
        """Variables for the results of heads, by tensor."""
        main = self.network.model.outputs[0]
        tensors = dict(zip((o.name for o in self.graph.outputs), self._output_tensors(), strict=True))
        return {tensors[name]: names.variable(field) for name, field in self.fields.items() if tensors[name] != main}

    def _output_tensors(self) -> list[str]:
        """The tensor of every output; several outputs may be the same tensor."""
        kept = {tensor: tensor for tensor in self.network.model.outputs}
        return [kept.get(output.node) or self._maker(output.node) for output in self.graph.outputs]

    def _maker(self, name: str) -> str:
        """The tensor that a node passes on which computes nothing."""
        while name not in self.network.model.outputs:
            name = self.graph[name].inputs[0]
        return name

    def _network_returns(self) -> str:
        if not self.fields:
            return "Tensor"
        always = [output for output in self.graph.outputs if not output.train_only]
        named = f"{self.network.name}Output"
        return f"Tensor | {named}" if len(always) == 1 else named

    def _network_results(self, forward: Forward) -> Iterator[str]:
        if not self.fields:
            yield f"return {forward.result()}"
            return
        forward.result()
        outputs = zip(self.graph.outputs, self._output_tensors(), strict=True)
        variables = {output: forward.variables[tensor] for output, tensor in outputs}
        ordered = sorted(variables, key=lambda output: output.train_only)
        everything = f"{self.network.name}Output({', '.join(variables[output] for output in ordered)})"
        always = [output for output in ordered if not output.train_only]
        if len(always) == len(ordered):
            yield f"return {everything}"
            return
        plain = ", ".join(variables[output] for output in always)
        yield "if self.training:"
        yield f"{INDENT}return {everything}"
        yield f"return {plain}" if len(always) == 1 else f"return {self.network.name}Output({plain})"


def _imports(body: str) -> str:
    """The import statements that `body` needs."""
    lines = ["from __future__ import annotations", ""]
    lines += ["import math"] if re.search(r"\bmath\.", body) else []
    lines += ["from collections import OrderedDict"] if "OrderedDict" in body else []
    lines += ["from typing import NamedTuple"] if "NamedTuple" in body else []
    lines += ["", "import torch"]
    lines += ["import torch.nn.functional as F"] if re.search(r"\bF\.", body) else []
    return "\n".join([*lines, "from torch import Tensor, nn"])


def _label(kind: str, name: str) -> str:
    return kind if name == kind else f"{kind} {name}"


def _layers_in(section: Section, classes: Classes) -> Iterator[Layer]:
    """The layers of a class, those of the chains written out in it too."""
    pending = list(reversed(section.parts))
    while pending:
        part = pending.pop()
        if isinstance(part, Layer):
            yield part
        elif part not in classes:
            pending.extend(reversed(part.parts))


def _parameter(argument: Argument) -> str:
    default = "" if argument.default is NO_DEFAULT else f" = {literal(argument.default)}"
    return f"{argument.name}: {argument.annotation}{default}"


def _returns(section: Section) -> str:
    return "Tensor" if len(section.outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(section.outputs))}]"


def _base_name(source: Source) -> str:
    """The name of a file without its folder, so that the text does not depend on where it was compiled."""
    return re.split(r"[/\\]", source.name)[-1]


def _class_docstring(each: ModuleClass) -> Iterable[str]:
    """The author's comment on a block, and where it stands."""
    lines = [f"{INDENT}{line}".rstrip() for line in f'"""{_docstring(_description(each))}'.split("\n")]
    if len(lines) == 1 and len(lines[0]) + 3 <= WIDTH:
        return [f'{lines[0]}"""']
    return [*lines, f'{INDENT}"""']


def _description(each: ModuleClass) -> str:
    section = each.model
    numbers = [part.line[1] for part in section.parts if part.line[0] is section.parts[0].line[0]]
    first, last = min(numbers), max(numbers)
    where = f"{_base_name(section.parts[0].line[0])}:{first}" + (f"-{last}" if last > first else "")
    if not section.path:
        return f"The network, from {where}."
    what = section.scope.kind.capitalize()
    if section.scope.block is not None:
        what = f"`{section.scope.block}`"
    elif len(each.instances) == 1:
        what += f" `{section.name}`"
    written = f"{what}, from {where}."
    return f"{section.scope.doc}\n\n{written}" if section.scope.doc else written


def _docstring(text: str) -> str:
    """Text that may stand between triple quotes, in lines that fit."""
    text = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, WIDTH - len(INDENT)) or [""]
    return "\n".join(lines) if not lines[0].startswith('"') else "\\" + "\n".join(lines)
