"""What a network with several outputs returns: a named tuple, of a class for each network."""

from __future__ import annotations

import copyreg
from collections import namedtuple
from functools import cache
from typing import Any


@cache
def output_class(name: str, fields: tuple[str, ...]) -> Any:
    """Always the same for the same name and fields. Its tuples pickle by them, as no module has it by its name."""
    made = namedtuple(name, fields, module=__name__)  # type: ignore[misc]
    copyreg.pickle(made, lambda result: (output, (name, fields, tuple(result))))
    return made


def output(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """The named tuple of these values; those of outputs that training alone has are None."""
    return output_class(name, fields)(*values, *[None] * (len(fields) - len(values)))
