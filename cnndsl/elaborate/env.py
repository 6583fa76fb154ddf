"""Which names are bound where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cnndsl.source import Span


class Env:
    """Names bound to values: parameters, `let`s and loop variables, the innermost first."""

    __slots__ = ("names", "parent", "places")

    def __init__(self, parent: Env | None = None, names: Mapping[str, object] | None = None) -> None:
        self.parent = parent
        self.names: dict[str, object] = dict(names) if names else {}
        self.places: dict[str, Span] = {}

    def chain(self) -> Iterator[Env]:
        env: Env | None = self
        while env is not None:
            yield env
            env = env.parent

    def find(self, name: str) -> object | None:
        env: Env | None = self
        while env is not None:
            if name in env.names:
                return env.names[name]
            env = env.parent
        return None

    def place_of(self, name: str) -> Span | None:
        """Where a name was bound, if the text says."""
        return next((env.places[name] for env in self.chain() if name in env.places), None)

    def __contains__(self, name: str) -> bool:
        return any(name in env.names for env in self.chain())

    def snapshot(self) -> Env:
        """The same names as they are bound by now, and no later ones."""
        copy = Env(self.parent, self.names)
        copy.places.update(self.places)
        return copy

    def all_names(self) -> list[str]:
        return [name for env in self.chain() for name in env.names]
