"""The kernels of a plan, compiled ahead of time: each distinct one once, and kept between runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cnndsl.backends.triton.candidates import other_tiles
from cnndsl.backends.triton.execute import specialized
from cnndsl.backends.triton.library import LIBRARIES
from cnndsl.backends.triton.plan import Launch, Plan
from cnndsl.backends.triton.processes import Request, ask_all
from cnndsl.errors import BuildError
from cnndsl.kernels import built
from cnndsl.kernels.built import Built
from cnndsl.kernels.targets import TARGETS, Target

SCRATCH_POINTERS = 2  # arguments that Triton adds to those of a kernel: global and profile scratch

Tried = dict[tuple[str, Any], list[Any]]  # configurations that do not fit the GPU, by kernel and problem


@dataclass(frozen=True)
class Binaries:
    """The distinct kernels of a plan by their keys, and the key of every launch; None where PyTorch computes it.

    plan  what was built: with the next tile where a kernel would have spilled registers or had too little memory
    """

    plan: Plan
    kernels: Mapping[str, Built]
    keys: tuple[str | None, ...]


def build(plan: Plan) -> Binaries:
    """Compile what is not kept from another run. Raises `BuildError`, also where no tile of a kernel fits the GPU."""
    target = TARGETS[plan.target]
    _refuse_libraries(plan)
    tried: Tried = defaultdict(list)
    while True:
        binaries = _compiled(plan)
        large = [
            (launch, fault)
            for launch, key in zip(plan.launches, binaries.keys, strict=True)
            if key and (fault := _misfit(binaries.kernels[key], target))
        ]
        if not large:
            return binaries
        plan = _with_next_tiles(plan, large, tried)


def _compiled(plan: Plan) -> Binaries:
    target, keys = TARGETS[plan.target], keys_of(plan)
    first = {key: plan.launches[index] for index, key in reversed([*enumerate(keys)]) if key}
    found = {key: built.kept(key) for key in dict.fromkeys(filter(None, keys))}
    missing = {key: _request(first[key]) for key, known in found.items() if known is None}
    for key, reply in ask_all(target, missing):
        if "error" in reply:
            raise BuildError(f"{_place(plan, first[key])} does not compile for {target.name}: {reply['error']}")
        found[key] = made = built.loads(reply["built"])
        built.keep(key, made)
    kernels = {key: known for key, known in found.items() if known is not None}
    strange = (
        f"{_place(plan, first[key])} {fault}" for key in kernels if (fault := _strange(kernels[key], first[key]))
    )
    if lines := [*strange]:
        raise BuildError("\n".join(lines))
    return Binaries(plan, kernels, keys)


def _with_next_tiles(plan: Plan, large: Iterable[tuple[Launch, str]], tried: Tried) -> Plan:
    """The plan with another configuration of the same kernel for each of these launches: nothing else depends on it."""
    following: dict[tuple[str, Any, Any], Any] = {}
    lines = []
    for launch, fault in large:
        kernel, problem, config = tile = _tile(launch)
        tried[kernel, problem].append(config)
        others = other_tiles(kernel, problem, config, TARGETS[plan.target])
        following[tile] = next((other for other in others if other not in tried[kernel, problem]), None)
        if following[tile] is None:
            lines.append(f"{_place(plan, launch)} {fault}, as every other tile does")
    if lines:
        raise BuildError("\n".join(dict.fromkeys(lines)))
    launches = [replace(launch, config=following.get(_tile(launch), launch.config)) for launch in plan.launches]
    return replace(plan, launches=tuple(launches))


def _tile(launch: Launch) -> tuple[str, Any, Any]:
    """What a configuration is chosen for, and which."""
    return launch.kernel, launch.problem, launch.config


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
        if each.kernel in LIBRARIES
    ]
    if lines:
        raise BuildError("\n".join(lines))


def _request(launch: Launch) -> Request:
    return Request(launch.kernel, launch.problem, launch.config, tuple(sorted(specialized(launch).unaligned)))


def _misfit(made: Built, target: Target) -> str | None:
    """Why a kernel's tile is too large for a GPU; None if it is not."""
    if made.shared > target.shared:
        return f"needs {made.shared} bytes of shared memory, of which {target.name} has {target.shared}"
    return f"spills registers of {target.name} ({made.spills} instructions)" if made.spills else None


def _strange(made: Built, launch: Launch) -> str | None:
    """Why a kernel cannot be launched as it is meant; None if it can."""
    expected = specialized(launch).parameters + SCRATCH_POINTERS
    if made.parameters == expected:
        return None
    return f"takes {made.parameters} arguments, not {expected}: another Triton made it"


def _place(plan: Plan, launch: Launch) -> str:
    return f"launch {plan.launches.index(launch)}, {launch.kernel} of {', '.join(launch.nodes)},"
