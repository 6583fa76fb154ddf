"""Files as modules: what each defines and what it takes from others with `use`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cnndsl.diagnostics import Diagnostic, Label, Report
from cnndsl.diagnostics.suggest import closest
from cnndsl.shipped import shipped
from cnndsl.source import Source, SourceError, Span, read_source
from cnndsl.syntax import parse, tree


@dataclass
class Module:
    """One file: its own blocks, its networks, and the blocks it imports (with the module each comes from).

    `missing` are imports that could not be had, which has been reported: to use them is no second mistake.
    """

    file: tree.File
    blocks: dict[str, tuple[tree.BlockDefinition, Module]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    networks: dict[str, tree.NetworkDefinition | tree.VariantDefinition] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        return self.file.source


class Loader:
    """Reads a file and all files it uses, each once, into modules; mistakes go to `report`."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self._modules: dict[Path, Module] = {}
        self._loading: list[Path] = []

    def load(self, source: Source) -> Module:
        """The module of a file. Names that cannot be resolved are reported and left out."""
        file, mistakes = parse(source)
        self.report.extend(mistakes)
        module = Module(file)
        for use in file.uses:
            self._import(use, module)
        for block in file.blocks:
            if self._is_new(block.name, {name: definition.name for name, (definition, _) in module.blocks.items()}):
                module.blocks[block.name.id] = (block, module)
        for network in file.networks:
            if self._is_new(network.name, {name: definition.name for name, definition in module.networks.items()}):
                module.networks[network.name.id] = network
        return module

    def _is_new(self, name: tree.Name, known: Mapping[str, tree.Name]) -> bool:
        """Whether a definition takes a name that is free; layers' and structures' names are not."""
        if name.id in known:
            labels = (Label(known[name.id].span, "first defined here"),)
            self.report.add(Diagnostic("E309", f"`{name.id}` is defined twice", name.span, labels=labels))
            return False
        return True

    def _import(self, use: tree.Use, module: Module) -> None:
        origin = use.origin
        for name in use.names:
            if isinstance(origin, tree.Name):
                found = self._from_std(name, origin)
            else:
                found = self._from_file(name, str(origin.value), origin.span, module.source)
            if found is None:
                module.missing.add(name.id)
            elif self._is_new(name, {known: definition.name for known, (definition, _) in module.blocks.items()}):
                module.blocks[name.id] = found

    def _from_std(self, name: tree.Name, origin: tree.Name) -> tuple[tree.BlockDefinition, Module] | None:
        if origin.id != "std":
            help = f'write `from "{origin.id}.arch"` for a file, or `from std` for the shipped blocks'
            self._fail(f"there is no library called `{origin.id}`", origin.span, help)
            return None
        known: list[str] = []
        for path in sorted((shipped("archs") / "std").glob("*.arch")):
            module = self._module(path, name.span)
            if module is not None:
                if name.id in module.blocks:
                    return module.blocks[name.id]
                known += module.blocks
        self._unknown_block(name, "std", known)
        return None

    def _from_file(
        self, name: tree.Name, target: str, span: Span, source: Source
    ) -> tuple[tree.BlockDefinition, Module] | None:
        folder = source.path.parent if source.path is not None else Path()
        module = self._module(folder / target, span)
        if module is None:
            return None
        if name.id not in module.blocks:
            self._unknown_block(name, target, list(module.blocks))
            return None
        return module.blocks[name.id]

    def _module(self, path: Path, span: Span) -> Module | None:
        try:
            key = path.resolve()
        except (OSError, ValueError, RuntimeError):
            key = path
        if key in self._loading:
            chain = " uses ".join(p.name for p in [*self._loading[self._loading.index(key) :], key])
            self._fail(f"files use each other in a circle: {chain}", span, "move what both need into a third file")
            return None
        if key not in self._modules:
            try:
                source = read_source(path)
            except SourceError as error:
                self._fail(str(error), span, None)
                return None
            self._loading.append(key)
            self._modules[key] = self.load(source)
            self._loading.pop()
        return self._modules[key]

    def load_root(self, source: Source) -> Module:
        """Load the file a command is about."""
        if source.path is not None:
            self._loading.append(source.path.resolve())
        return self.load(source)

    def _unknown_block(self, name: tree.Name, where: str, known: list[str]) -> None:
        guess = closest(name.id, known)
        help = f"did you mean `{guess}`?" if guess else f"it has {', '.join(known)}" if known else None
        self._fail(f"there is no block `{name.id}` in {where}", name.span, help)

    def _fail(self, message: str, span: Span, help: str | None) -> None:
        self.report.add(Diagnostic("E311", message, span, help=help))
