"""The ways to run a module for inputs of one shape: what is wrong is left out, and the fastest is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnndsl.backends.torch.programs import Inputs, Program, agree, fastest, typical_times
from cnndsl.ops.base import show_shape


class Ways:
    """Programs by name, of which each computes what is `expected` of `inputs`, and why others are not among them."""

    def __init__(self, inputs: Inputs, expected: Any) -> None:
        self.inputs, self.expected = inputs, expected
        self.programs: dict[str, Program] = {}
        self.refusals: dict[str, str] = {}

    def offer(self, name: str, make: Callable[..., Program | None], *arguments: Any) -> str | None:
        """Take what `make` gives, if it gives something and that is right; else say why not."""
        program: Program | None = None
        try:
            program = make(*arguments)
            if program is None:  # it has nothing of its own to offer here
                return None
            fault = None if agree(program(*self.inputs), self.expected) else "it computes something else"
        except Exception as error:  # of PyTorch's compilers, of the C++ compiler that one of them calls, of an engine
            fault = f"{type(error).__name__}: {str(error).splitlines()[0]}" if str(error) else type(error).__name__
        if fault is None and program is not None:
            self.programs[name] = program
        if fault is not None:
            self.refusals[name] = fault
        return fault

    def choose(self) -> tuple[Program, str]:
        """The fastest, and how it was found."""
        programs = list(self.programs.values())
        times = typical_times(programs, self.inputs) if len(programs) > 1 else [0.0]
        chosen = fastest(times)
        return programs[chosen], self._report(times, chosen)

    def _report(self, times: list[float], chosen: int) -> str:
        names = list(self.programs)
        width = max(map(len, [*names, *self.refusals]))
        lines = [f"{' and '.join(show_shape(x.shape) for x in self.inputs)}: {names[chosen]}"]
        if len(names) > 1:
            lines += [f"  {name:{width}}  {1000 * time:.2f} ms" for name, time in zip(names, times, strict=True)]
        lines += [f"  {name:{width}}  left out: {reason}" for name, reason in self.refusals.items()]
        return "\n".join(lines)
