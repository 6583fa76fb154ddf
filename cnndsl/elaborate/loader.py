"""Reads a file and those it uses into modules, and resolves their names."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import exists, isdir, isfile  # which raise nothing on a name that cannot be one
from pathlib import Path
from typing import TypeAlias

from cnndsl.diagnostics import Diagnostic, Edit, Fix, Label, Report
from cnndsl.diagnostics.suggest import meant
from cnndsl.diagnostics.wording import few
from cnndsl.elaborate.context import Context
from cnndsl.elaborate.definitions import check_parameters, check_variants, cycles, taken
from cnndsl.elaborate.lets import top
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.unused import definitions
from cnndsl.errors import SourceError
from cnndsl.shipped import shipped
from cnndsl.source import Source, Span, read_source
from cnndsl.syntax import parse, tree

MAX_USES = 32  # files within each other; each takes about five of Python's thousand frames
SUFFIX = ".arch"
_Found: TypeAlias = tuple[tree.BlockDefinition, Module]


class Loader:
    """Reads a file and all files it uses, each once, into modules; mistakes go to `report`.

    `files` are read in place of what lies at these paths.
    """

    def __init__(self, report: Report, files: Mapping[Path, Source] | None = None) -> None:
        self.report = report
        self._files = files or {}
        self._modules: dict[Path, Module] = {}
        self._unread: dict[Path, str] = {}  # why
        self._loading: list[Path] = []
        self._std: dict[str, Module] = {}  # what ships with cnndsl, and where, once it is asked for

    def load_root(self, source: Source) -> Module:
        """Load the file that a command is about."""
        if source.path is not None:
            self._loading.append(source.path.resolve())
        module = self.load(source)
        check_variants(module.networks, set(module.blocks), module.file.lost, module.recursive, self.report)
        return module

    def load(self, source: Source) -> Module:
        """The module of a file. Names that cannot be resolved are reported and left out."""
        file, mistakes = parse(source)
        self.report.extend(mistakes)
        module = Module(file)
        for use in file.uses:
            for name in use.names:
                self._import(name, use.origin, module)
        for block in file.blocks:
            self._define(block, module)
        self._define_networks(module)
        top(module, Context(self.report, source=source))
        for definition in definitions(module):
            check_parameters(definition.parameters, module, self.report)
        module.recursive |= cycles(file.blocks, self.report)
        return module

    def _define(self, block: tree.BlockDefinition, module: Module) -> None:
        name = block.name
        if (kind := taken(name.id)) is not None:
            help = f"give it another name, such as `my_{name.id}`"
            self.report.add(Diagnostic("E309", f"`{name.id}` is a built-in {kind}", name.span, help=help))
            module.missing.add(name.id)
        elif self._is_new(name, module, "defined"):
            module.blocks[name.id] = (block, module)

    def _define_networks(self, module: Module) -> None:
        for network in module.file.networks:
            name = network.name
            if (first := module.networks.get(name.id)) is not None:
                labels = (Label(first.name.span, "first defined here"),)
                message = f"network `{name.id}` is defined twice"
                self.report.add(Diagnostic("E309", message, name.span, labels=labels))
            else:
                module.networks[name.id] = network

    def _is_new(self, name: tree.Name, module: Module, how: str) -> bool:
        """Whether a block's name is free in this file; it is taken from now on."""
        first = module.places.setdefault(name.id, name.span)
        if first is name.span:
            return True
        before = "defined" if module.blocks.get(name.id, (None, None))[1] is module else "imported"
        kind = "block " if how == "defined" else ""
        message = f"{kind}`{name.id}` is {how if before == how else 'imported and defined'}" + " twice" * (
            before == how
        )
        self.report.add(Diagnostic("E309", message, name.span, labels=(Label(first, f"first {before} here"),)))
        return False

    # --- use

    def _import(self, name: tree.Name, origin: tree.Name | tree.Literal, module: Module) -> None:
        if isinstance(origin, tree.Name):
            found = self._from_std(name, origin)
        else:
            found = self._from_file(name, str(origin.value), origin.span, module.source)
        if not self._is_new(name, module, "imported"):
            return
        if found is None:
            module.missing.add(name.id)
            return
        module.uses[name.id] = found
        if name.id in found.blocks:
            module.blocks[name.id] = found.blocks[name.id]
        else:
            module.env.names[name.id] = found.env.names[name.id]
            module.env.places[name.id] = name.span

    def _from_std(self, name: tree.Name, origin: tree.Name) -> Module | None:
        """The module that has what is imported."""
        if origin.id != "std":
            file = f'"{origin.id}.arch"'
            title = f"write `from {file}` for a file, or `from std` for the shipped blocks"
            fixes = meant(origin.span, ["std"]) or (Fix(title, (Edit(origin.span, file),)),)
            self._fail(f"there is no library called `{origin.id}`", origin.span, None, fixes)
            return None
        if not self._std:
            modules = [self._module(path, name.span) for path in sorted((shipped("archs") / "std").glob(f"*{SUFFIX}"))]
            self._std = {name: module for module in modules if module for name in (*module.blocks, *module.env.names)}
        if name.id not in self._std:
            self._unknown(name, "std", list(self._std))
        return self._std.get(name.id)

    def _from_file(self, name: tree.Name, target: str, span: Span, source: Source) -> Module | None:
        if not target.strip():
            self._fail("the name of the file is empty", span, None)
            return None
        folder = source.path.parent if source.path is not None else Path()
        module = self._module(folder / target, span)
        known = [] if module is None else [*module.blocks, *module.env.names]
        if module is None or name.id in module.missing or name.id in module.file.lost - set(known):
            return None
        if name.id not in known:
            self._unknown(name, target, known, network=name.id in module.networks)
            return None
        return module

    def _module(self, path: Path, span: Span) -> Module | None:
        try:
            key = path.resolve()
        except (OSError, ValueError, RuntimeError):
            key = path
        if key in self._loading:
            names = [p.name for p in [*self._loading[self._loading.index(key) :], key]]
            help = "move what both need into a third file" if len(names) > 2 else "a file sees its own blocks"
            message = f"files use each other in a circle: {' uses '.join(names)}"
            self._fail(message if len(names) > 2 else "this file uses itself", span, help)
            return None
        if key not in self._modules and len(self._loading) >= MAX_USES:
            self._fail(f"files use each other more than {MAX_USES} deep", span, None)
            return None
        if key not in self._modules and key not in self._unread:
            self._read(path, key)
        if key in self._unread:
            self._fail(self._unread[key], span, None)
        return self._modules.get(key)

    def _read(self, path: Path, key: Path) -> None:
        """Load the file at `path`, which is `key` when links are followed."""
        self._loading.append(key)
        try:
            self._modules[key] = self.load(self._files.get(key) or _source(path, key))
        except SourceError as error:
            self._unread[key] = str(error)
        finally:
            self._loading.pop()

    def _unknown(self, name: tree.Name, where: str, known: list[str], *, network: bool = False) -> None:
        fixes = meant(name.span, known) if not network and self.report.explains("E311", name.span) else ()
        help = None if fixes else f"it has {few(known)}" if known else "it has no blocks"
        if network:
            help = f"`{name.id}` is a network there; only blocks and values are imported"
        self._fail(f"there is no block or value `{name.id}` in {where}", name.span, help, fixes)

    def _fail(self, message: str, span: Span, help: str | None, fixes: tuple[Fix, ...] = ()) -> None:
        self.report.add(Diagnostic("E311", message, span, help=help, fixes=fixes))


def _source(path: Path, target: Path) -> Source:
    """A file that another uses: no pipe and no device, which might never end, and none that findings must not quote."""
    if exists(path) and not isfile(path) and not isdir(path):
        raise SourceError(f"{path} is not a file")
    if isfile(path) and not path.suffix == target.suffix == SUFFIX:
        raise SourceError(f"{path} is no {SUFFIX} file")
    return read_source(path)
