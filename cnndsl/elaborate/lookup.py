"""What a name stands for where it is written, and what an unknown one may have been meant to be."""

from __future__ import annotations

from cnndsl.elaborate.claim import NETWORK_FACTS
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.foreign import Remedy, value_meant
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.values import POISON, Block, Failed, Function, Layer
from cnndsl.ops import all_layers, find
from cnndsl.records import dataclass
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Lookup:
    """Names in `env` of `module`; `facts` are those that only `expect` knows, for messages."""

    context: Context
    module: Module
    env: Env
    facts: tuple[str, ...] = ()

    def callable(self, name: str) -> Layer | Block | None:
        """The block or layer of that name: a parameter's value, a block of the file, or a layer."""
        env: Env | None = self.env
        while env is not None:
            found = env.names.get(name)
            if found is POISON:
                raise Failed(name)
            if isinstance(found, (Layer, Block)):
                return found
            env = env.parent
        if name in self.module.blocks:
            return Block(*self.module.blocks[name])
        if name in self.module.missing:
            raise Failed(name)
        layer = find(name)
        if layer is None and name in self.module.file.lost:
            raise Failed(name)
        return Layer(layer) if layer is not None else None

    def functions(self) -> list[str]:
        """The functions that the file defines, as far as they are seen here."""
        return [name for name in self.env.all_names() if isinstance(self.env.find(name), Function)]

    def knows(self, name: tree.Name) -> bool:
        """Whether a name stands for anything here; E302 if not."""
        try:
            if name.id not in self.env and self.callable(name.id) is None:
                help, fixes = self.meant(name)
                self.context.fail("E302", f"`{name.id}` is not defined", name.span, help=help, fixes=fixes)
                return False
        except Failed:
            return False
        return True

    def meant(self, name: tree.Name) -> Remedy:
        """What an unknown name may have been meant to be."""
        if not self.context.report.explains("E302", name.span):
            return None, ()
        if name.id in FUNCTIONS:
            return f"`{name.id}` is a function: `{name.id}(...)`", ()
        if name.id in NETWORK_FACTS and not self.facts:
            return f"`{name.id}` is known only in `expect`", ()
        if (later := self._bound_later(name)) is not None:
            return f"it is bound in line {later.line}, further down", ()
        known = [*self.env.all_names(), *self.facts, *self.module.blocks, *FUNCTIONS, *all_layers()]
        return value_meant(name, known)

    def _bound_later(self, name: tree.Name) -> Span | None:
        """Where the definition that a name stands in, or the top of the file, binds it further down."""
        file = self.module.file
        bodies = (each.body for each in (*file.blocks, *file.networks))
        around = [body for body in bodies if body is not None and body.span.holds(name.span)]
        lets = (part for part in parts_of((*around, file.values)) if isinstance(part, tree.Let))
        functions = (part.name for part in file.values if isinstance(part, tree.FunctionDefinition))
        names = (*(each for let in lets for each in let.names), *functions)
        return next((each.span for each in names if each.id == name.id and each.span.start > name.span.start), None)
