"""Which kernel runs each layer: every candidate is checked and timed on the device, problem by problem.

A candidate counts with all that it forces: the second launch of a split sum, the copy of a library's result into
its slice. Each problem of a plan is measured once, however many layers pose it, those that matter most first.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from cnndsl.backends.triton.building import Choice
from cnndsl.backends.triton.candidates import promising
from cnndsl.backends.triton.execute import interpreting
from cnndsl.backends.triton.lower import lower, rewritten, undecided
from cnndsl.backends.triton.plan import Given
from cnndsl.backends.triton.processes import MOST, Compilers, Request
from cnndsl.backends.triton.table import Rejection, Table, Timing, known_table, problem_key
from cnndsl.backends.triton.timing import Step, launch_seconds
from cnndsl.backends.triton.trial import Trial, step, trial
from cnndsl.errors import DeviceError, DeviceLost
from cnndsl.ir.graph import Graph
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.targets import Target, target_of
from cnndsl.machine import processors

# Seconds of one step of a candidate; the steps are the same work on different memory.
Timer = Callable[[Choice, Sequence[Step]], float]
Now = Callable[[], float]
Observe = Callable[[Table], object]
WHOLE = None  # for a configuration: a problem that cannot be posed on the device, whatever would run it
COPIES = 8  # of a problem's tensors, at most
COLD_BYTES = 256 * 2**20  # that copies need together, so that no cache holds them


@dataclass(frozen=True)
class Posed:
    """A problem of a plan, and about how long its launches take there."""

    kernel: str
    problem: Any
    seconds: float

    @property
    def key(self) -> str:
        return problem_key(self.kernel, self.problem)


def tune(
    graph: Graph,
    *,
    batch: int = 1,
    precision: str = "fp16",
    device: torch.device | None = None,
    known: Table | None = None,
    timer: Timer | None = None,
    until: float | None = None,
    now: Now = time.monotonic,
    observe: Observe = lambda table: None,
) -> Table:
    """Measure every problem of a network that `known` does not hold, and give `known` with them.

    known  by default what is known of this GPU
    timer  measures candidates; by default launches in CUDA graphs
    until  when to stop, by `now`; what is left keeps the cost model's choice
    observe  as `tune_problems` has it

    Raises RuntimeError where kernels cannot run.
    """
    device = device or torch.device("cuda")
    if device.type != "cuda" and not interpreting():
        raise DeviceError(f"kernels are measured on a GPU, and do not run on {device}")
    target = target_of(device if device.type == "cuda" else None)
    known = known or known_table(gpu_name(device))
    problems = posed(rewritten(graph, precision=precision), target, batch=batch, precision=precision)
    return tune_problems(problems, target, known, device, timer=timer, until=until, now=now, observe=observe)


def gpu_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "interpreter"


def posed(graph: Graph, target: Target, *, batch: int = 1, precision: str = "fp16") -> list[Posed]:
    """The distinct problems of a network, those first that take most of the time by the roofline.

    They are those of its plan, and those between which only their times can decide. `graph` is `rewritten`.
    """
    counts: Counter[tuple[str, Any]] = Counter()
    for launch in lower(graph, target, batch=batch, precision=precision).launches:
        given = any(isinstance(tensor, Given) for tensor in launch.tensors.values())
        if launch.kernel in FAMILIES and not given:
            counts[FAMILIES[launch.kernel].posed, launch.problem] += 1
    for kernel, problem in undecided(graph, target, batch=batch, precision=precision):
        counts.setdefault((kernel, problem), 1)
    found = []
    for (kernel, problem), count in counts.items():
        work = FAMILIES[kernel].work(problem)
        found.append(Posed(kernel, problem, count * target.seconds(work.bytes, work.halves)))
    return sorted(found, key=lambda each: -each.seconds)


def tune_problems(
    problems: Iterable[Posed],
    target: Target,
    known: Table,
    device: torch.device,
    *,
    timer: Timer | None = None,
    until: float | None = None,
    now: Now = time.monotonic,
    observe: Observe = lambda table: None,
) -> Table:
    """`known` with all problems that it did not hold and that can be measured, until the time is over.

    observe  sees the table after each problem, also where that ends with an exception: `DeviceLost`, or Ctrl-C
    """
    table = Table(known.gpu, dict(known.problems), list(known.rejected))
    failed = {each.problem for each in known.rejected if each.config is WHOLE}
    waiting = [each for each in problems if each.key not in {*known.problems, *failed}]
    timer = timer or (lambda choice, steps: launch_seconds(steps, device))
    requests = {each.key: _requests(each, target) for each in waiting}
    on_gpu = device.type == "cuda"
    processes = min(MOST, max(1, processors() - 1)) if on_gpu else 0  # this one measures meanwhile
    with Compilers(target, processes) as compilers, torch.cuda.device(device) if on_gpu else nullcontext():
        compilers.expect(request for each in waiting for request in requests[each.key].values())
        for each in waiting:
            if until is not None and now() >= until:
                break
            try:
                _tune_one(each, requests[each.key], table, device, timer, compilers)
            finally:
                observe(table)
    return table


def _requests(posed: Posed, target: Target) -> Mapping[Choice, Request]:
    every = promising(posed.kernel, posed.problem, target)
    return {choice: Request(choice[0], posed.problem, choice[1]) for choice in every}


def _tune_one(
    posed: Posed,
    requests: Mapping[Choice, Request],
    table: Table,
    device: torch.device,
    timer: Timer,
    compilers: Compilers,
) -> None:
    """Measure one problem. What fails is in the table at once, whatever ends this early."""
    avoided = {(each.kernel, each.config) for each in table.rejected if each.problem == posed.key}
    left = [choice for choice in requests if choice not in avoided]
    try:
        trials = _trials(posed, device) if left else []
        wanted = trials[0].expected() if left else {}
    except Exception as error:  # most likely there is not enough memory
        _reject(table, posed, (posed.kernel, WHOLE), _line(error), device)
        return
    timings = []
    for choice in left:
        found = _measured(choice, requests[choice], trials, wanted, timer, compilers)
        if isinstance(found, str):
            _reject(table, posed, choice, found, device)
        else:
            timings.append(Timing(*choice, 1e6 * found))
    table.add(posed.kernel, posed.problem, timings)


def _trials(posed: Posed, device: torch.device) -> list[Trial]:
    """The problem on as many tensors as it takes to leave the cache."""
    first = trial(posed.kernel, posed.problem, device)
    copies = min(COPIES, -(-COLD_BYTES // first.bytes)) if device.type == "cuda" else 2
    return [first, *(trial(posed.kernel, posed.problem, device, seed) for seed in range(1, copies))]


def _measured(
    choice: Choice,
    request: Request,
    trials: Sequence[Trial],
    wanted: Mapping[str, torch.Tensor],
    timer: Timer,
    compilers: Compilers,
) -> float | str:
    """Seconds of a candidate, or why it may not be used."""
    reason = compilers.fault(request) or checked(choice, trials[0], wanted)
    if reason is not None:
        return reason
    try:
        return timer(choice, [step(choice[0], each.problem, choice[1], each.tensors) for each in trials])
    except Exception as error:
        return _line(error)


def checked(choice: Choice, found: Trial, wanted: Mapping[str, torch.Tensor]) -> str | None:
    """Why a candidate may not be used, in one line: what it computes is wrong, or it does not run."""
    try:
        found.poison()
        step(choice[0], found.problem, choice[1], found.tensors)()
        if found.inputs["x"].view.is_cuda:
            torch.cuda.synchronize()
        return found.fault(wanted)
    except Exception as error:  # whatever a compiler or a launch raises
        return _line(error)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _reject(table: Table, posed: Posed, choice: Choice, reason: str, device: torch.device) -> None:
    """Remember a failure. After an illegal access every later call fails, in this process alone: `DeviceLost`."""
    table.rejected.append(Rejection(posed.key, *choice, reason))
    try:
        torch.zeros(1, device=device).item()
    except RuntimeError as error:
        message = f"{choice[0]} left the GPU unusable ({reason}); what was measured is kept: run it again"
        raise DeviceLost(message) from error


__all__ = ["Posed", "checked", "gpu_name", "posed", "tune", "tune_problems"]
