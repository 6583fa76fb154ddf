"""Checks of definitions that nothing runs, so that a file of blocks alone is checked too: names, and arguments by name.

Values and shapes are not known here, so only what is wrong whatever they are is reported.
"""

from __future__ import annotations

from itertools import chain

from cnndsl.diagnostics import Diagnostic, Report
from cnndsl.diagnostics.suggest import meant
from cnndsl.elaborate.binding import Call, match
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.foreign import Remedy, command_meant, value_meant
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import bare_words, names_in, parts_of
from cnndsl.elaborate.signatures import call_of
from cnndsl.elaborate.structures import STRUCTURES
from cnndsl.elaborate.structures.base import call_of_structure
from cnndsl.elaborate.unused import Definition, bound_by
from cnndsl.elaborate.values import Block, Layer
from cnndsl.ops import all_layers, find
from cnndsl.records import dataclass
from cnndsl.source import Span
from cnndsl.syntax import tree


def check_uncalled(definition: Definition, module: Module, report: Report) -> None:
    """E301 to E306 and E312 in a definition that no network reaches."""
    _Names(definition, module, report).check()


@dataclass
class _Names:
    definition: Definition
    module: Module
    report: Report

    def __post_init__(self) -> None:
        self.parts = list(parts_of(self.definition.body))
        self.commands = [part for part in self.parts if isinstance(part, tree.Command)]
        self.bound = {parameter.name.id for parameter in self.definition.parameters}
        for part in self.parts:
            if isinstance(part, (tree.For, tree.Each, tree.Comprehension)):
                self.bound.update(name.id for name in part.names)
            self.bound.update(name.id for name in bound_by(part))
            if isinstance(part, tree.FunctionDefinition):
                self.bound.update(parameter.name.id for parameter in part.parameters)
        self.bound.update(self.module.env.names)
        flows = [part for part in self.parts if isinstance(part, (tree.Flow, tree.Input))]
        self.labelled = {flow.label.id for flow in flows if flow.label is not None} | self.module.file.lost

    def check(self) -> None:
        for command in self.commands:
            self.command(command)
        words, names = self.bare_words(), {command.name.span for command in self.commands}
        for name in names_in((self.definition.parameters, self.definition.body)):
            if name.span not in words and name.span not in names:
                self.name(name)
        self.labels()

    def known(self, name: str) -> bool:
        module = self.module
        return name in self.bound or name in module.blocks or name in module.missing or name in module.file.lost

    def command(self, command: tree.Command) -> None:
        """E301, and mistakes in the arguments of a layer or block that cannot be another."""
        name = command.name.id
        call: Call | None = None
        if name in STRUCTURES:
            call = call_of_structure(STRUCTURES[name])
        elif name in self.module.blocks and name not in self.bound:
            call = call_of(Block(*self.module.blocks[name]))
        elif not self.known(name):
            layer = find(name)
            if layer is None:
                known = [*STRUCTURES, *self.bound, *self.module.blocks]
                remedy: Remedy = (None, ())
                if self.report.explains("E301", command.name.span):
                    remedy = command_meant(command.name, known)
                if name in FUNCTIONS:
                    remedy = f"`{name}` is a function: its value can be an argument", ()
                self.add("E301", f"there is no layer or block `{name}`", command.name.span, remedy)
            else:
                call = call_of(Layer(layer))
        if call is not None:
            match(Context(self.report), call, command.arguments, command.span)

    def name(self, name: tree.Name) -> None:
        """E302"""
        labelled = name.id in self.labelled  # as in `c[2].channels` and `like=c[2]`
        if not (self.known(name.id) or labelled or name.id in FUNCTIONS) and find(name.id) is None:
            known = chain(self.bound, self.module.blocks, FUNCTIONS, all_layers())
            remedy = value_meant(name, known if self.report.explains("E302", name.span) else ())
            self.add("E302", f"`{name.id}` is not defined", name.span, remedy)

    def labels(self) -> None:
        """E303 for what no `as` of the definition names, anywhere."""
        for part in self.parts:
            if isinstance(part, tree.Labelled) and part.id not in self.labelled:
                fixes = meant(part.span, self.labelled) if self.report.explains("E303", part.span) else ()
                self.add("E303", f"no tensor is labelled `{part.id}`", part.span, (None, fixes))

    def bare_words(self) -> set[Span]:
        """Words that may be no names: choices among arguments (`round=ceil`, `head aux1`), and what `expect` knows."""
        claims = [part.claim for part in self.parts if isinstance(part, tree.Expect)]
        return {name.span for name in names_in(tuple(claims))} | bare_words(self.definition.body)

    def add(self, code: str, message: str, span: Span, remedy: Remedy) -> None:
        help, fixes = remedy
        self.report.add(Diagnostic(code, message, span, help=help, fixes=fixes))
