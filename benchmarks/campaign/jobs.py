"""Jobs by name, and which of them each stage runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from campaign import correctness, ours, peers, profiling, training, tune
from campaign.caches import cached_bandwidth
from campaign.machine import Machine, allow_tf32, bandwidth, matrix_rate
from campaign.networks import DTYPES
from campaign.records import Records
from campaign.settings import Job, Settings
from campaign.turns import Turns


def measure_card(settings: Settings, machine: Machine, records: Records) -> None:
    """The ceilings of this very card."""
    allow_tf32()
    flops = {precision: matrix_rate(machine, dtype) for precision, dtype in DTYPES.items()}
    rates = {"bandwidth": bandwidth(machine), "l2": cached_bandwidth(machine), "flops": flops}
    told = {**rates, "versions": machine.versions()}
    records.add(stage="card", gpu=machine.name, **told)


def card_jobs(settings: Settings, records: Records) -> Iterator[Job]:
    """Always, since the card may be another one than last time."""
    yield Job("card", {}, ({"stage": "card"},), alone=True)


RUN: dict[str, Callable[..., Any]] = {
    "card": measure_card,
    "cases": correctness.check_cases,
    "check": correctness.check_network,
    "sanitizer": correctness.sanitize,
    "sanitized": correctness.run_sanitized,
    "peer": peers.measure_peer,
    "tune": tune.tune,
    "ours": ours.measure_ours,
    "launches": profiling.measure_launches,
    "counters": profiling.read_counters,
    "profiled": profiling.run_profiled,
    "training": training.measure_training,
}
STAGES: dict[str, Callable[[Settings, Records], Iterator[Job]]] = {
    "card": card_jobs,
    "correctness": correctness.jobs,
    "baseline": peers.jobs,
    "tune": tune.jobs,
    "ours": ours.jobs,
    "profile": profiling.jobs,
    "training": training.jobs,
}


def perform(settings: Settings, job: Job, turns: Turns) -> None:
    machine = Machine(settings.dry, turns)
    records = Records(settings.folder)
    records.gpu = machine.name
    RUN[job.run](settings, machine, records, **job.arguments)
