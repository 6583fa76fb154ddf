"""What a network returns: a tensor, or with heads a NamedTuple, of which train-only ones exist in training alone."""

from __future__ import annotations

from collections.abc import Iterator

from cnndsl.backends.torch import names
from cnndsl.backends.torch.classes import RESULT, ModuleClass
from cnndsl.backends.torch.forward import Forward
from cnndsl.backends.torch.layout import INDENT
from cnndsl.ir.graph import Graph, Output
from cnndsl.ir.node import MAIN


def in_order(graph: Graph) -> list[Output]:
    """The outputs as a network returns them: those of inference first."""
    return sorted(graph.outputs, key=lambda output: output.train_only)


def field_names(graph: Graph) -> dict[str, str]:
    """The fields of what a network with several outputs returns, in order, by the outputs' names."""
    fields: dict[str, str] = {}
    for output in in_order(graph):
        fields[output.name] = names.free(names.field(output.name), set(fields.values()))
    return fields


class Results:
    """The outputs of `graph`, whose class is `network`; those of inference first."""

    def __init__(self, graph: Graph, network: ModuleClass) -> None:
        self.outputs = in_order(graph)
        self.always = [output for output in self.outputs if not output.train_only]
        self.class_name = f"{network.name}{RESULT}"
        self.tensors = {output.name: output.node for output in self.outputs}
        self.fields = field_names(graph)

    @property
    def single(self) -> bool:
        """Is it a plain tensor, always?"""
        return len(self.outputs) == 1

    @property
    def variables(self) -> dict[str, str]:
        """What heads are called in `forward`, by tensor."""
        named = [output for output in self.outputs if output.name != MAIN]
        main = self.tensors.get(MAIN)
        return {t: self.fields[output.name] for output in named if (t := self.tensors[output.name]) != main}

    @property
    def annotation(self) -> str:
        if self.single:
            return "Tensor"
        return f"Tensor | {self.class_name}" if len(self.always) == 1 else self.class_name

    def definition(self) -> list[str]:
        """The NamedTuple."""
        text = "What the network returns."
        if len(self.always) == 1:
            text = "What the network returns in training mode; in eval mode it returns the plain output."
        lines = [f"class {self.class_name}(NamedTuple):", f'{INDENT}"""{text}"""', ""]
        for output in self.outputs:
            absent = output.train_only and len(self.always) > 1
            lines.append(f"{INDENT}{self.fields[output.name]}: Tensor{' | None = None' if absent else ''}")
        return lines

    def statements(self, forward: Forward) -> Iterator[str]:
        """The end of `forward`."""
        if self.single:
            yield f"return {forward.result()}"
            return
        forward.flush()
        everything = [forward.variables[self.tensors[output.name]] for output in self.outputs]
        plain = everything[: len(self.always)]
        if len(plain) < len(everything):
            yield "if self.training:"
            yield f"{INDENT}return {self.class_name}({', '.join(everything)})"
        yield f"return {plain[0]}" if len(plain) == 1 else f"return {self.class_name}({', '.join(plain)})"
