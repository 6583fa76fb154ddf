"""The names that a generated file imports, defines or reads for its own needs; the network's own must leave them alone.

No list says what they are: the imports, the helpers and the spellings of layers are read for it, as Python reads them.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from functools import cache
from symtable import symtable

from cnndsl.backends.torch.snippets import HELPERS, IMPORTS
from cnndsl.backends.torch.tree import Layer, Section
from cnndsl.ops.base import TorchModule

# What the classes of a network are written in: their annotations, their loops and calls of what Python always has.
_WRITTEN = """
self, i, super, range, getattr, sum, int, float, bool, str, tuple
l, I, O  # which look like digits
"""


def global_names(code: str) -> set[str]:
    """The names that code binds at its top level, and those that it reads from there or that Python always has."""
    names: set[str] = set()
    pending = [symtable(code, "<generated>", "exec")]
    while pending:
        table = pending.pop()
        pending += table.get_children()
        outermost = table.get_type() == "module"
        names.update(each.get_name() for each in table.get_symbols() if outermost or each.is_global())
    return names


@cache
def _of_every_file() -> frozenset[str]:
    return frozenset(global_names("\n".join([*IMPORTS, *HELPERS, _WRITTEN]))).union(keyword.kwlist)


def reserved_names(sections: list[Section]) -> frozenset[str]:
    """What the file of a network must not call anything of its own, Python's keywords among it."""
    layers = (part for section in sections for part in section.parts if isinstance(part, Layer))
    texts = {text for layer in layers for text in _texts(layer)}
    return _of_every_file().union(*map(global_names, texts))


def _texts(layer: Layer) -> Iterator[str]:
    """The code that a layer puts into the file."""
    spelling = layer.spelling
    if isinstance(spelling, TorchModule):
        yield spelling.callee
        yield _plain(spelling.inputs)
        yield spelling.source or ""
        yield spelling.helper
    else:
        yield _plain(spelling.template)


def _plain(template: str) -> str:
    """A template with a name of no meaning in each place."""
    return re.sub(r"\{\w+\}", "self", template).replace("{{", "{").replace("}}", "}")
