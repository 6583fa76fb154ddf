"""What names say: a tensor's last word its role, for which frameworks have few words, and numbers an order.

A file sorted by name has `bias` before `weight`, and a batch norm's four tensors have one shape, so that shapes alone
would take one for another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from cnndsl.alignment.skeleton import Slot

# In the order in which a layer defines them.
WORDS = {
    "weight": ("weight", "kernel", "gamma", "scale"),
    "bias": ("bias", "beta"),
    "mean": ("running_mean", "moving_mean", "mean"),
    "variance": ("running_var", "moving_variance", "var", "variance"),
}
ROLES = {word: role for role, words in WORDS.items() for word in words}


def role_of(name: str) -> str | None:
    """`weight`, `bias`, `mean` or `variance`; None where the name says nothing."""
    return ROLES.get(_split(name)[1])


def in_order_of_roles(file: Iterable[Slot]) -> Iterator[Slot]:
    """The tensors with those of each layer in the order of their roles, if all of them tell theirs."""
    ranks = list(WORDS)
    for _, group in groupby(file, key=lambda slot: _split(slot.name)[0]):
        slots = list(group)
        roles = [role_of(slot.name) for slot in slots]
        known = [ranks.index(role) for role in roles if role is not None]
        if len(known) == len(slots):
            slots = [slot for _, slot in sorted(zip(known, slots, strict=True), key=lambda pair: pair[0])]
        yield from slots


def by_numbers(name: str) -> list[tuple[int, str]]:
    """A key that sorts `layer2` before `layer10`."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def numbered(one: str, other: str) -> bool:
    """Does a number, and no word, say which of two names comes first?"""
    for (_, word), (_, another) in ((a, b) for a, b in zip(by_numbers(one), by_numbers(other), strict=False) if a != b):
        return not word and not another
    return False


def _split(name: str) -> tuple[str, str]:
    """The layer's name and the tensor's; TensorFlow puts a number after a colon."""
    *layer, tensor = re.split(r"[./]", name.partition(":")[0])
    return ".".join(layer), tensor
