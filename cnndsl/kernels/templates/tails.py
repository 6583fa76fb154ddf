"""Functions that are generated from a tail's expressions, to be passed to a kernel as a constant.

The kernels themselves stay ordinary templates: only their pointwise part is text, made by `cnndsl.kernels.tails`.
"""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Sequence
from functools import cache
from typing import Any

import triton
import triton.language as tl
from triton.language.extra import libdevice

from cnndsl.kernels.templates import interpreted


@cache
def tail(expressions: tuple[str, ...], arguments: tuple[str, ...] = ("x", "other")) -> Any:
    """The jitted function that applies the expressions in turn to the first of its arguments and returns it.

    Equal expressions give the same object, so that Triton compiles a kernel with them once.
    """
    name = "tail_" + hashlib.sha256(repr((expressions, arguments)).encode()).hexdigest()[:12]
    body = [f"    {arguments[0]} = {each}\n" for each in expressions]
    lines = [f"def {name}({', '.join(arguments)}):\n", *body, f"    return {arguments[0]}\n"]
    return triton.jit(_define(name, lines))


def _define(name: str, lines: Sequence[str]) -> Any:
    """A function from text; `linecache` lets Triton read that text again."""
    file = f"<{name}>"
    linecache.cache[file] = (sum(map(len, lines)), None, list(lines), file)
    scope: dict[str, Any] = {
        "tl": tl,
        "libdevice": interpreted if triton.knobs.runtime.interpret else libdevice,
        "__name__": __name__,
    }
    exec(compile("".join(lines), file, "exec"), scope)
    return scope[name]
