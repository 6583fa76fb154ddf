"""What a number that differs from place to place is called, by where it stands."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cnndsl.lifting.writing.terms import Command
from cnndsl.ops import find
from cnndsl.ops.pooling import Pool
from cnndsl.records import dataclass

WIDTHS = ("filters", "features")
CALLED = {"count": "n", "p": "drop"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Role:
    """An argument of the command at `place` of a chain, which is a branch of `merge` if that is not empty."""

    argument: str
    merge: str
    commands: tuple[Command, ...]
    place: int

    @property
    def is_width(self) -> bool:
        return self.argument in WIDTHS


def names_of(roles: Sequence[Role], taken: Collection[str]) -> list[str]:
    """A name for each, all different and none of those that are taken."""
    widths = [number for number, role in enumerate(roles) if role.is_width]
    names: list[str] = []
    for number, role in enumerate(roles):
        wanted = CALLED.get(role.argument, role.argument)
        if role.is_width and len(widths) > 1:
            wanted = _width(role, last=_is_last(roles, number))
        names.append(_free(wanted, {*names, *taken}))
    return names


def _is_last(roles: Sequence[Role], number: int) -> bool:
    """Whether no width outside of branches comes after it."""
    return not any(role.is_width and not role.merge for role in roles[number + 1 :])


def _width(role: Role, *, last: bool) -> str:
    """What the channels that a layer makes are called where there are several."""
    if role.merge == "mul":
        return "squeezed"
    if role.merge:
        return _in_branch(role)
    return "filters" if last else "width"


def _in_branch(role: Role) -> str:
    """`n3` for what a 3x3 makes, `r3` for what is reduced before it, `pool` for what comes of a pool."""
    after = [each for each in role.commands[role.place + 1 :] if _kernel(each)]
    if after:
        return f"r{_kernel(after[0])}"
    pooled = any(_is_pool(each) for each in role.commands[: role.place])
    return "pool" if pooled else f"n{_kernel(role.commands[role.place]) or ''}"


def _kernel(command: Command) -> int:
    kernel = command.value("kernel")
    return max(kernel) if isinstance(kernel, tuple) and not _is_pool(command) else 0


def _is_pool(command: Command) -> bool:
    kind = find(command.word)
    return kind is not None and issubclass(kind, Pool)


def _free(wanted: str, taken: Collection[str]) -> str:
    """The name itself, or with a letter or number more."""
    number, name = 1, wanted
    while name in taken:
        number += 1
        letter = LETTERS[number - 1] if number <= len(LETTERS) else f"_{number}"
        name = f"{wanted}{letter}" if wanted[-1].isdigit() else f"{wanted}{number}"
    return name
