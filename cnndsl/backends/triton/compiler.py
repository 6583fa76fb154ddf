"""The program of a compiler process: a request a line, a reply a line, both JSON.

It is a process of its own because Triton's interpreter, which may be on in the parent, and its compiler do not live in
one, and because compiling uses one core.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cnndsl.backends.triton.stored import decode
from cnndsl.kernels import built
from cnndsl.kernels.aot import compile_for
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.targets import TARGETS


def serve() -> None:
    """Answer requests until there are no more."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as replies:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what compilers print is no reply
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=replies, flush=True)


def answer(request: Mapping[str, Any]) -> dict[str, str]:
    """{"built": a kernel}, or {"error": why not, in one line}."""
    try:
        made = FAMILIES[request["kernel"]].specialize(decode(request["problem"]), decode(request["config"]))
        made = replace(made, unaligned=frozenset(request["unaligned"]))
        return {"built": built.dumps(built.Built.of(compile_for(TARGETS[request["target"]], made)))}
    except Exception as error:  # whatever the compiler raises is told where its launch is known
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return {"error": f"{type(error).__name__}: {lines[-1] if lines else ''}"[:300]}
