"""The kernels of a plan, compiled ahead of time: each distinct one once, and kept between runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cnndsl.backends.triton.execute import specialized
from cnndsl.backends.triton.plan import Launch, Plan
from cnndsl.backends.triton.processes import Request, ask_all
from cnndsl.errors import BuildError
from cnndsl.kernels import built
from cnndsl.kernels.built import Built
from cnndsl.kernels.targets import TARGETS, Target

MOST_SPILLS = 100  # instructions; a few outside of loops cost nothing that can be measured
SCRATCH_POINTERS = 2  # arguments that Triton adds to those of a kernel: global and profile scratch


@dataclass(frozen=True)
class Binaries:
    """The distinct kernels of a plan by their keys, and the key of every launch; None where PyTorch computes it."""

    kernels: Mapping[str, Built]
    keys: tuple[str | None, ...]


def build(plan: Plan) -> Binaries:
    """Compile what is not kept from another run. Raises `BuildError`."""
    target = TARGETS[plan.target]
    _refuse_libraries(plan)
    keys = keys_of(plan)
    first = {key: plan.launches[index] for index, key in reversed([*enumerate(keys)]) if key}
    found = {key: built.kept(key) for key in dict.fromkeys(filter(None, keys))}
    missing = {key: _request(first[key]) for key, known in found.items() if known is None}
    for key, reply in ask_all(target, missing):
        if "error" in reply:
            raise BuildError(f"{_place(plan, first[key])} does not compile for {target.name}: {reply['error']}")
        found[key] = made = built.loads(reply["built"])
        built.keep(key, made)
    kernels = {key: known for key, known in found.items() if known is not None}
    lines = [
        f"{_place(plan, first[key])} {fault}"
        for key, made in kernels.items()
        for fault in _faults(made, first[key], target)
    ]
    if lines:
        raise BuildError("\n".join(lines))
    return Binaries(kernels, keys)


def keys_of(plan: Plan) -> tuple[str | None, ...]:
    """The key of every launch's kernel."""
    target = TARGETS[plan.target]
    return tuple(
        None if launch.kernel == "torch" else built.digest(specialized(launch), target) for launch in plan.launches
    )


def _refuse_libraries(plan: Plan) -> None:
    lines = [
        f"{_place(plan, each)} is a library's: ahead of time there are Triton kernels alone"
        for each in plan.launches
        if each.kernel == "cudnn"
    ]
    if lines:
        raise BuildError("\n".join(lines))


def _request(launch: Launch) -> Request:
    return Request(launch.kernel, launch.problem, launch.config, tuple(sorted(specialized(launch).unaligned)))


def _faults(made: Built, launch: Launch, target: Target) -> list[str]:
    """Why a kernel cannot be launched, or not as it is meant."""
    faults = []
    if made.shared > target.shared:
        faults.append(f"needs {made.shared} bytes of shared memory, {target.name} has {target.shared}")
    if made.spills > MOST_SPILLS:
        faults.append(f"spills registers ({made.spills} instructions): its tile is too large for {target.name}")
    pointers = sum(element is not None for element in specialized(launch).pointers.values())
    if made.parameters != pointers + SCRATCH_POINTERS:
        faults.append(f"takes {made.parameters} arguments, not {pointers + SCRATCH_POINTERS}: another Triton made it")
    return faults


def _place(plan: Plan, launch: Launch) -> str:
    return f"launch {plan.launches.index(launch)}, {launch.kernel} of {', '.join(launch.nodes)},"
