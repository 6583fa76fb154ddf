"""Run a file that is not written yet beside the module that it was made of: only what is equal may be written."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnndsl.backends.torch.recording import place
from cnndsl.errors import ExportError
from cnndsl.export.form import File, Job
from cnndsl.ops.base import Shape, show_shape

if TYPE_CHECKING:
    from torch import Tensor, nn

TOLERANCE = 1e-4  # of the largest value of a tensor
# Of what float32 loses of the module's own outputs, where that is more: an engine adds up in an order of its own.
# SE-ResNet-101 with weights as they were drawn is up to 2e-4 off float64, and its file as much off the module.
ROUNDINGS, MOST = 10, 1e-2


@dataclass(frozen=True)
class Case:
    """Inputs to compare on: so many samples of these shapes."""

    batch: int
    shapes: tuple[Shape, ...]

    def inputs(self) -> list[Tensor]:
        import torch

        generator = torch.Generator().manual_seed(self.batch)
        return [torch.randn(self.batch, *shape, generator=generator) for shape in self.shapes]

    def __str__(self) -> str:
        return f"{self.batch} x {' and '.join(map(show_shape, self.shapes))}"


def verify(file: File, module: nn.Module, job: Job, cases: Sequence[Case]) -> float:
    """The largest difference of any output, as a part of its largest value.

    Raises `ExportError`, with the first layer that differs, if one is above `TOLERANCE` and what rounding explains.
    """
    import torch

    worst = 0.0
    for case in cases:
        inputs = case.inputs()
        with torch.no_grad():
            result = module(*inputs)
        expected = _outputs(result)
        found = [difference(*pair) for pair in zip(_run(file, inputs, case), expected, strict=True)]
        fine = all(apart <= TOLERANCE for apart in found)
        allowed = [TOLERANCE] * len(found) if fine else _allowed(module, inputs, expected)
        for output, apart, most in zip(job.graph.outputs, found, allowed, strict=True):
            if not apart <= most:
                raise ExportError("\n  ".join(_told(file, job, case, inputs, output.name, apart)))
            worst = max(worst, apart)
    return worst


def _outputs(result: Tensor | Sequence[Tensor]) -> list[Tensor]:
    import torch

    return [result] if isinstance(result, torch.Tensor) else list(result)


def _allowed(module: nn.Module, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[float]:
    """How far each output may be from the module's, by how far that one is from itself in float64."""
    import torch

    with torch.no_grad():
        exact = _outputs(copy.deepcopy(module).double()(*(x.double() for x in inputs)))
    lost = (difference(output.double(), wide) for output, wide in zip(outputs, exact, strict=True))
    return [max(TOLERANCE, min(ROUNDINGS * each, MOST)) for each in lost]


def _run(file: File, inputs: Sequence[Tensor], case: Case) -> list[Tensor]:
    try:
        return file.run(inputs)
    except Exception as error:  # whatever the engine raises
        reason = str(error).strip().partition("\n")[0]
        raise ExportError(f"nothing is written, since the file does not run on {case}: {reason}") from error


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference as a part of the largest value; infinite for other shapes, or other infinities."""
    import torch

    if found.shape != expected.shape or not torch.equal(found.isfinite(), expected.isfinite()):
        return float("inf")
    finite = expected.isfinite()
    if not finite.any():
        return 0.0
    apart, largest = (found - expected)[finite].abs().max().item(), expected[finite].abs().max().item()
    return apart / largest if largest else apart


def _told(file: File, job: Job, case: Case, inputs: Sequence[Tensor], output: str, apart: float) -> Iterator[str]:
    yield "nothing is written, since the file would compute something else:"
    yield f"output {output} differs by {apart:.2g} of its largest value on {case}"
    first = _first(file, job, inputs)
    if first is not None:
        node = job.steps.graph[first]
        yield f"the first layer that differs is {first} ({place(node)}): {node.op}"


def _first(file: File, job: Job, inputs: Sequence[Tensor]) -> str | None:
    import torch

    with torch.no_grad():
        expected = job.steps.tensors(*inputs)
    found = file.layers(inputs)
    both = (path for path in expected if path in found)
    return next((path for path in both if not difference(found[path], expected[path]) <= TOLERANCE), None)
