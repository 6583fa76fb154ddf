"""A text as it is being edited, and all that is known of it: the network in view at once, the others in a moment."""

from __future__ import annotations

from functools import cached_property

from cnndsl.checking import Checked, Request, check_at_once, check_file
from cnndsl.editor.occurrences import occurrences
from cnndsl.editor.symbols import Occurrence
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.place import Passing
from cnndsl.models import Model
from cnndsl.records import dataclass
from cnndsl.source import Source, Span
from cnndsl.syntax import tree

Definition = tree.BlockDefinition | tree.NetworkDefinition | tree.VariantDefinition


@dataclass(frozen=True)
class Focus:
    """Which instance of a part an editor speaks of: the network, and the path of the part in it."""

    network: str
    path: str = ""

    def holds(self, network: str, path: str) -> bool:
        return network == self.network and (not self.path or f"{path}.".startswith(f"{self.path}."))


@dataclass(frozen=True)
class Instance:
    """One run of one command, in this network."""

    network: str
    passing: Passing

    @property
    def path(self) -> str:
        """The part of the network that it ran in."""
        return self.passing.scope.path


class View:
    """What was found out about one text; `whole` if all of its networks were looked at."""

    def __init__(self, checked: Checked, *, whole: bool) -> None:
        self.checked = checked
        self.whole = whole
        self.source: Source = checked.module.source
        self.file: tree.File = checked.module.file

    @cached_property
    def definitions(self) -> list[Definition]:
        """Blocks and networks, from top to bottom."""
        return sorted((*self.file.blocks, *self.file.networks), key=lambda each: each.span.start)

    @cached_property
    def flows(self) -> list[tree.Flow]:
        return [part for part in parts_of((self.file.blocks, self.file.networks)) if isinstance(part, tree.Flow)]

    @cached_property
    def commands(self) -> list[tree.Command]:
        parts = parts_of((self.file.blocks, self.file.networks))
        return [part for part in parts if isinstance(part, tree.Command)]

    @cached_property
    def occurrences(self) -> list[Occurrence]:
        """Every name in the text that is known to mean something, from top to bottom."""
        return occurrences(self.checked.module)

    @cached_property
    def _instances(self) -> dict[Span, list[Instance]]:
        found: dict[Span, list[Instance]] = {}
        for network, done in self.checked.networks.items():
            for passing in done.passings:
                if passing.span.source is self.source:
                    found.setdefault(passing.span, []).append(Instance(network, passing))
        return found

    def instances(self, span: Span, focus: Focus | None = None) -> list[Instance]:
        """The runs of the command at `span`: those in focus, else in the network that it stands in, else all."""
        every = self._instances.get(span, [])
        in_focus = [each for each in every if focus is not None and focus.holds(each.network, each.path)]
        home = self.definition_at(span.start)
        at_home = [each for each in every if home is not None and each.network == home.name.id]
        return in_focus or at_home or every

    def home(self, span: Span) -> Span:
        """Where a finding is shown in the text: at its own place, or at the `use` of the file that it is in."""
        if span.source is self.source:
            return span
        module = self.checked.module
        for name, used in module.uses.items():
            if used.source is span.source and (place := module.places.get(name) or module.env.place_of(name)):
                return place
        uses = [each.span for each in self.file.uses]
        return uses[0] if uses else self.source.span(0, 0)

    def definition_at(self, offset: int) -> Definition | None:
        """The block or network that a place is in, its braces included."""
        return next((each for each in self.definitions if each.span.start <= offset <= end_of(each)), None)

    def occurrence_at(self, offset: int) -> Occurrence | None:
        """The name that a place is in or right behind."""
        around = [each for each in self.occurrences if each.span.start <= offset <= each.span.end]
        return around[-1] if around else None


def end_of(definition: Definition) -> int:
    return definition.body.span.end if definition.body is not None else definition.span.end


def whole_view(source: Source, request: Request) -> View:
    """All networks of a text, as a check sees them. Raises `SourceError`."""
    return View(check_file(source, request), whole=True)


def first_view(source: Source, network: str, request: Request) -> View:
    """One network of a text, without repairs. Raises `SourceError`, and `ModelError` if it is not there."""
    return View(check_at_once(Model(source, network), request), whole=False)


def in_view(before: View, offset: int, shown: str = "") -> str | None:
    """The network by which a change at `offset` is looked at first: one that the place takes part in.

    The one that is shown if it does, else the smallest; None if no network of the last look does.
    """
    definition = before.definition_at(offset)
    sizes = {name: len(done.graph) for name, done in before.checked.networks.items()}
    if definition is None:
        return None
    ran = [name for name in sizes if definition.body and id(definition.body) in before.checked.networks[name].ran]
    if shown in ran:
        return shown
    if definition.name.id in sizes and not isinstance(definition, tree.BlockDefinition):
        return definition.name.id
    return min(ran, key=sizes.__getitem__, default=None)


def in_view_on(view: View, line: int, shown: str = "") -> str | None:
    """The network in view at a line; lines are counted from 0, and those behind the last one are that."""
    line = min(line + 1, view.source.line_count)
    text = view.source.line(line)
    return in_view(view, view.source.start_of(line) + len(text) - len(text.lstrip()), shown)
