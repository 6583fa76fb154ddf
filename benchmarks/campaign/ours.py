"""The networks by our backend: by the table's choices, by our kernels alone, and by the cost model's choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from campaign.correctness import compile_plans
from campaign.machine import Machine
from campaign.networks import error
from campaign.peers import CHECKED, prepared
from campaign.records import Records
from campaign.settings import Job, Settings
from cnndsl.backends.triton.building import Choose, suggested
from cnndsl.backends.triton.module import TritonModule
from cnndsl.backends.triton.plan import Launch, Plan
from cnndsl.backends.triton.table import Table, choose_from, known_table
from cnndsl.backends.triton.traffic import floor, total_work
from cnndsl.kernels.targets import Target, target_of

RUNNERS = ("ours", "ours, strict", "ours, not tuned")
GRAPH = "ours, graph"  # as a user records it who replays a graph of their own, like the peers' "graph"


def jobs(settings: Settings, records: Records) -> Iterator[Job]:
    for precision in settings.precisions:
        for batch in settings.batches:
            for name in settings.networks:
                unit = {"stage": "ours", "network": name, "precision": precision, "batch": batch}
                if not records.has(**unit, runner=RUNNERS[0]):
                    arguments = {"network": name, "precision": precision, "batch": batch}
                    units = tuple({**unit, "runner": runner} for runner in (*RUNNERS, GRAPH))
                    yield Job("ours", arguments, units, timed=True)


def measure_ours(
    settings: Settings, machine: Machine, records: Records, *, network: str, precision: str, batch: int
) -> None:
    from campaign.networks import network as load

    unit = {"stage": "ours", "network": network, "batch": batch, "precision": precision}
    table, target = known_table(machine.name), measured_target(machine, records, precision)
    plain, x, wanted = prepared(settings, machine, network, batch, precision)
    state = {name: value.float() for name, value in plain.state_dict().items()}
    del plain
    torch.backends.cudnn.benchmark = True  # for layers that PyTorch computes, as for the peers
    graph = load(network, settings.dry).graph
    seen: list[tuple[Plan, str]] = []
    for runner, choose in choices(table).items():
        module = TritonModule(graph, batch=batch, precision=precision, choose=choose)
        plan = module.plan(batch)
        same = next((name for other, name in seen if other == plan), None)
        if same is not None:
            records.add(**unit, runner=runner, gpu=machine.name, same_as=same)
            continue
        seen.append((plan, runner))
        module.load_state_dict(state)
        machine.start_counting_memory()
        module = module.to(machine.device)
        compile_plans([plan], machine, really=not machine.dry and not table.problems)
        found = error(module(x)[:CHECKED].float(), wanted)
        times = machine.measure(lambda module=module: module(x))
        told = described(plan, target, table) | {"error_to_float64": found, "versions": machine.versions()}
        records.add(**unit, runner=runner, gpu=machine.name, **times, peak_bytes=machine.peak_bytes(), **told)
        if runner == RUNNERS[0]:
            replay = machine.graphed(lambda module=module: module(x))
            times = machine.measure(replay)
            records.add(**unit, runner=GRAPH, gpu=machine.name, **times, peak_bytes=machine.peak_bytes(), **told)
        del module


def choices(table: Table) -> dict[str, Choose]:
    return dict(zip(RUNNERS, (choose_from(table), choose_from(table, strict=True), suggested), strict=True))


def measured_target(machine: Machine, records: Records, precision: str) -> Target:
    """The card with the bandwidths and the rate that were measured on it."""
    target = target_of(None if machine.dry else machine.device)
    card = records.latest(stage="card")
    if not card:
        return target
    told = card[-1]
    return replace(target, bandwidth=told["bandwidth"], flops=told["flops"][precision], l2=told.get("l2", target.l2))


def kernel_name(launch: Launch) -> str:
    """What runs it: the library's kernels by the library."""
    return "cublas" if launch.kernel == "cudnn" and launch.config.matrix else launch.kernel


def described(plan: Plan, target: Target, table: Table) -> dict[str, Any]:
    """The floor of a plan on this card, and what runs each layer."""
    work = total_work(plan)
    return {
        "floor_ms": 1000 * floor(plan, target),
        "bytes": work.bytes,
        "flops": work.flops,
        "arena_bytes": plan.arena_bytes,
        "launches": len(plan.launches),
        "kernels": dict(Counter(map(kernel_name, plan.launches))),
        "layers": [[", ".join(launch.nodes), kernel_name(launch)] for launch in plan.launches],
        "tuned": len(table.problems),
    }
