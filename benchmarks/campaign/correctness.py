"""Whether kernels and networks compute the right thing on this device: against float64, outputs poisoned before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from campaign.cases import Case, small, usual
from campaign.machine import Machine, allow_tf32
from campaign.networks import DTYPES, error, images, lively, network, reference
from campaign.records import Records
from campaign.settings import Job, Settings, to_text
from cnndsl.backends.triton.building import suggested
from cnndsl.backends.triton.candidates import candidates
from cnndsl.backends.triton.module import TritonModule
from cnndsl.backends.triton.plan import Given, Plan, View
from cnndsl.backends.triton.processes import Compilers, Request
from cnndsl.backends.triton.table import choose_from, known_table
from cnndsl.backends.triton.trial import trial
from cnndsl.backends.triton.tuning import checked
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.precision import Dtype
from cnndsl.kernels.targets import target_of

BATCHES = (1, 3)
PROCESSES = 3  # that compile for one of many jobs
# A network may be so much further from float64 than PyTorch in the same precision, in multiples and beyond.
TIMES, BEYOND = 2.0, {"fp16": 1e-3, "bf16": 8e-3, "tf32": 1e-3}
INTERPRETED_BF16 = "Triton's interpreter computes bfloat16 wrongly"


def jobs(settings: Settings, records: Records) -> Iterator[Job]:
    dtypes = ("fp16",) if settings.small else ("fp16", "fp32", "bf16", "int8", "fp8")
    for dtype in dtypes:
        for size in ("small",) if settings.dry else ("small", "usual"):
            unit = {"stage": "correctness", "name": f"{size} cases, {dtype}"}
            if not records.has(**unit):
                yield Job("cases", {"size": size, "dtype": dtype}, (unit,))
    for precision in settings.precisions:
        for name in settings.networks:
            unit = {"stage": "correctness", "network": name, "precision": precision}
            if not records.has(**unit):
                yield Job("check", {"network": name, "precision": precision}, (unit,))
    unit = {"stage": "correctness", "name": "compute-sanitizer"}
    if not records.has(**unit):
        yield Job("sanitizer", {}, (unit,), limit=150.0)


def check_cases(settings: Settings, machine: Machine, records: Records, *, size: str, dtype: Dtype) -> None:
    """Every candidate of every case."""
    target = target_of(None if machine.dry else machine.device)
    cases = _cases(settings, size, dtype) if target.multiplies(dtype) else []
    faults: list[list[str]] = []
    counts: Counter[str] = Counter()
    with Compilers(target, 0 if machine.dry else PROCESSES) as compilers:
        compilers.expect(
            Request(choice[0], problem, choice[1])
            for _, kernel, problem in cases
            for choice in candidates(kernel, problem, target)
        )
        for case in cases:
            _check_case(case, machine, compilers, counts, faults)
    excused = INTERPRETED_BF16 if machine.dry and dtype == "bf16" else None
    told = {"checked": dict(counts), "faults": faults, "excused": excused, "gpu": machine.name}
    records.add(stage="correctness", name=f"{size} cases, {dtype}", **told, versions=machine.versions())


def _cases(settings: Settings, size: str, dtype: Dtype) -> list[Case]:
    cases = list((small if size == "small" else usual)(dtype))
    return (
        list({kernel: (name, kernel, problem) for name, kernel, problem in cases}.values()) if settings.small else cases
    )


def _check_case(
    case: Case, machine: Machine, compilers: Compilers, counts: Counter[str], faults: list[list[str]]
) -> None:
    name, kernel, problem = case
    found = trial(kernel, problem, machine.device)
    wanted = found.expected()
    every = candidates(kernel, problem, compilers.target)
    for choice in every[:: 4 if machine.dry else 1]:
        counts[choice[0]] += 1
        reason = compilers.fault(Request(choice[0], problem, choice[1])) or checked(choice, found, wanted)
        if reason is not None:
            faults.append([name, choice[0], str(choice[1]), reason])


def check_network(settings: Settings, machine: Machine, records: Records, *, network: str, precision: str) -> None:
    """A whole plan on poisoned memory, by the cost model's choices and by the table's, if there is one."""
    unit = {"stage": "correctness", "network": network, "precision": precision}
    told = {"errors": _errors(settings, machine, network, precision), "gpu": machine.name}
    allowed = {
        key: bool(pair["ours"] <= TIMES * pair["pytorch"] + BEYOND[precision]) for key, pair in told["errors"].items()
    }
    if not all(allowed.values()):
        told["faults"] = _culprits(settings, machine, network, precision)
    excused = INTERPRETED_BF16 if machine.dry and precision == "bf16" else None
    records.add(**unit, passed=allowed, **told, excused=excused, versions=machine.versions())


def _errors(settings: Settings, machine: Machine, name: str, precision: str) -> dict[str, dict[str, float]]:
    allow_tf32()
    architecture = network(name, settings.dry)
    module = lively(architecture, machine.device)
    x = images(architecture, max(BATCHES), machine.device, seed=3)
    wanted = reference(module, x)
    state = {key: value.clone() for key, value in module.state_dict().items()}
    half = module.to(DTYPES[precision]).to(memory_format=torch.channels_last)
    with torch.no_grad():
        plain = half(x.to(DTYPES[precision]))
    errors = {}
    table = known_table(machine.name)
    for kind, choose in {"model": suggested, "table": choose_from(table)}.items():
        if kind == "table" and not table.problems:
            continue
        ours = TritonModule(architecture.graph, batch=max(BATCHES), precision=precision, choose=choose)
        ours.load_state_dict(state)
        ours = ours.to(machine.device)
        batches = BATCHES[1:] if machine.dry else BATCHES
        compile_plans([ours.plan(batch) for batch in batches], machine, really=settings.small or not machine.dry)
        for batch in batches:
            pair = {"ours": error(poisoned_run(ours, x[:batch]), wanted[:batch])}
            errors[f"{kind}, batch {batch}"] = pair | {"pytorch": error(plain[:batch], wanted[:batch])}
    return errors


def poisoned_run(module: TritonModule, x: Tensor) -> Tensor:
    """The second result, when memory was NaN before: nothing may depend on what was there."""
    module(x)
    module.executor(len(x), x.device).arena.fill_(255)
    result: Tensor = module(x)
    return result.float()


def compile_plans(plans: list[Plan], machine: Machine, *, really: bool = True) -> list[str]:
    """Compile all kernels of plans at once, so that their first run finds them; gives the faults."""
    target = target_of(None if machine.dry else machine.device)
    processes = 1 if machine.dry else PROCESSES
    with Compilers(target, processes if really else 0) as compilers:
        compilers.expect(request for plan in plans for request in _requests(plan))
        return compilers.wait()


def _requests(plan: Plan) -> Iterator[Request]:
    from cnndsl.backends.triton.execute import unaligned

    for launch in plan.launches:
        given = any(isinstance(tensor, Given) for tensor in launch.tensors.values())
        if launch.kernel in FAMILIES and not given:
            starts = tuple(name for name in unaligned(launch) if isinstance(launch.tensors[name], View))
            yield Request(launch.kernel, launch.problem, launch.config, starts)


def _culprits(settings: Settings, machine: Machine, name: str, precision: str) -> list[list[str]]:
    """Which launches of a network are wrong on their own."""
    graph = network(name, settings.dry).graph
    plan = TritonModule(graph, batch=max(BATCHES), precision=precision).plan(max(BATCHES))
    found = []
    for request in dict.fromkeys(_requests(plan)):
        each = trial(request.kernel, request.problem, machine.device)
        reason = checked((request.kernel, request.config), each, each.expected())
        if reason is not None:
            found.append([request.kernel, str(request.problem), str(request.config), reason])
    return found


def sanitize(settings: Settings, machine: Machine, records: Records) -> None:
    """The small cases once more under compute-sanitizer, if it is there, each tensor in an allocation of its own."""
    unit = {"stage": "correctness", "name": "compute-sanitizer", "gpu": machine.name}
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        records.add(**unit, absent=True)
        return
    job = Job("sanitized", {})
    command = [tool, "--tool", "memcheck", "--error-exitcode", "9", sys.executable, sys.argv[0], "--job"]
    environment = {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1"}
    done = subprocess.run(
        [*command, to_text(settings, job)], capture_output=True, text=True, env=os.environ | environment, timeout=140
    )
    summary = [line for line in done.stdout.splitlines() if "SUMMARY" in line]
    clean = done.returncode == 0 and any("0 errors" in line for line in summary)
    tail = [] if clean else done.stdout.splitlines()[-40:] + done.stderr.splitlines()[-20:]
    records.add(**unit, passed=clean, summary=summary, faults=tail, versions=machine.versions())


def run_sanitized(settings: Settings, machine: Machine, records: Records) -> None:
    """One configuration of each kernel on each small case: what the sanitizer looks at, and what it is slow for."""
    target = target_of(None if machine.dry else machine.device)
    for _, kernel, problem in _cases(settings, "small", "fp16"):
        found = trial(kernel, problem, machine.device)
        wanted = found.expected()
        kernels: dict[str, Any] = dict(reversed(candidates(kernel, problem, target)))
        for choice in kernels.items():
            reason = checked(choice, found, wanted)
            if reason is not None:
                raise RuntimeError(f"{choice}: {reason}")
