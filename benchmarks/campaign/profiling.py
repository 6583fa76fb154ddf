"""Where the time is: each launch of the networks on its own, and hardware counters of the ten that cost most."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

from campaign.machine import Machine
from campaign.networks import network
from campaign.ours import measured_target
from campaign.records import Records
from campaign.settings import Job, Settings, to_text
from cnndsl.backends.triton.library import LIBRARIES
from cnndsl.backends.triton.lower import lower, rewritten
from cnndsl.backends.triton.plan import Launch
from cnndsl.backends.triton.stored import decode, encode
from cnndsl.backends.triton.table import choose_from, known_table
from cnndsl.backends.triton.timing import launch_seconds
from cnndsl.backends.triton.traffic import launch_work
from cnndsl.backends.triton.trial import step, trial
from cnndsl.backends.triton.tuning import COLD_BYTES, COPIES
from cnndsl.kernels.families import FAMILIES
from cnndsl.kernels.targets import Target

COSTLIEST = 10
SECTIONS = ("SpeedOfLight", "MemoryWorkloadAnalysis", "ComputeWorkloadAnalysis", "Occupancy", "LaunchStats")
METRICS = "gpu__time_duration.sum,dram__bytes_read.sum,dram__bytes_write.sum"
TOLD = (
    "gpu__time_duration",
    "dram__bytes",
    "tensor",
    "warps_active",
    "registers_per_thread",
    "shared_mem_per_block",
    "dram__throughput",
    "sm__throughput",
    "lts__t_sector_hit_rate",
)


def jobs(settings: Settings, records: Records) -> Iterator[Job]:
    precision = settings.precisions[0]
    for batch in settings.batches[:2]:
        unit = {"stage": "profile", "batch": batch, "precision": precision}
        if not records.has(**unit, name="launches"):
            yield Job("launches", {"batch": batch, "precision": precision}, (unit,), alone=True, limit=300.0)
        if not records.has(**unit, name="counters"):
            yield Job("counters", {"batch": batch, "precision": precision}, (unit,), alone=True, limit=300.0)


def measure_launches(settings: Settings, machine: Machine, records: Records, *, batch: int, precision: str) -> None:
    """Microseconds of every distinct launch, cold, with what it should take; the costliest over all networks first."""
    target = measured_target(machine, records, precision)
    found = []
    for launch, count, names in _distinct(settings, machine, target, batch, precision):
        if settings.over:
            break
        seconds = _seconds(launch, machine)
        work = launch_work(launch)
        told = {"kernel": launch.kernel, "networks": names, "layer": ", ".join(launch.nodes), "count": count}
        told |= {"us": 1e6 * seconds, "floor_us": 1e6 * target.seconds(work.bytes, work.halves)}
        told |= {"bytes": work.bytes, "flops": work.flops, "launch": _encoded(launch)}
        found.append(told)
        if settings.dry and len(found) == 4:
            break
    found.sort(key=lambda each: -each["us"] * each["count"])
    told = {"launches": found, "gpu": machine.name, "versions": machine.versions()}
    records.add(stage="profile", batch=batch, precision=precision, name="launches", **told)


def _distinct(
    settings: Settings, machine: Machine, target: Target, batch: int, precision: str
) -> Iterator[tuple[Launch, int, list[str]]]:
    """Launches of all networks, each once, with how often there is one, the largest by the roofline first."""
    choose, counts = choose_from(known_table(machine.name)), Counter[str]()
    first: dict[str, Launch] = {}
    where: dict[str, list[str]] = {}
    for name in settings.networks:
        graph = rewritten(network(name, settings.dry).graph)
        for launch in lower(graph, target, batch=batch, precision=precision, choose=choose).launches:
            if launch.kernel in (*FAMILIES, *LIBRARIES) and launch.kernel != "pack":
                key = json.dumps(_encoded(launch))
                counts[key] += 1
                first.setdefault(key, launch)
                where.setdefault(key, []).append(name)

    def cost(key: str) -> float:
        work = launch_work(first[key])
        return -counts[key] * target.seconds(work.bytes, work.halves)

    for key in sorted(first, key=cost):
        yield first[key], counts[key], sorted(set(where[key]))


def _encoded(launch: Launch) -> list[Any]:
    return [launch.kernel, encode(launch.problem), encode(launch.config)]


def _posed_to(kernel: str, problem: Any) -> str:
    """The kernel whose problems it takes; a library's takes those of several."""
    return FAMILIES[kernel].posed if kernel in FAMILIES else type(problem).__module__.rpartition(".")[2]


def _seconds(launch: Launch, machine: Machine) -> float:
    first = trial(_posed_to(launch.kernel, launch.problem), launch.problem, machine.device)
    copies = 1 if machine.dry else min(COPIES, -(-COLD_BYTES // first.bytes))
    trials = [first, *(trial(first.kernel, launch.problem, machine.device, seed) for seed in range(1, copies))]
    steps = [step(launch.kernel, launch.problem, launch.config, each.tensors) for each in trials]
    if machine.dry:
        return machine.seconds(steps[0])
    with machine.alone():
        return launch_seconds(steps, machine.device)


def read_counters(settings: Settings, machine: Machine, records: Records, *, batch: int, precision: str) -> None:
    """`ncu` on the ten costliest launches of our kernels, if it is there."""
    unit = {"stage": "profile", "batch": batch, "precision": precision}
    measured = records.latest(**unit, name="launches")
    tool = shutil.which("ncu")
    if tool is None or not measured:
        records.add(**unit, name="counters", absent=True, gpu=machine.name)
        return
    costly = [each for each in measured[-1]["launches"] if each["kernel"] not in LIBRARIES][:COSTLIEST]
    path = settings.folder / f"costly-{batch}-{precision}.json"
    path.write_text(json.dumps([each["launch"] for each in costly]), encoding="utf-8")
    sections = [word for name in SECTIONS for word in ("--section", name)]
    command = [tool, "--csv", "--page", "raw", "--print-units", "base", "--clock-control", "none", *sections]
    command += ["--metrics", METRICS, "--profile-from-start", "off", sys.executable, sys.argv[0], "--job"]
    text = to_text(settings, Job("profiled", {"path": str(path)}))
    done = subprocess.run([*command, text], capture_output=True, text=True, timeout=280)
    rows = parsed(done.stdout)
    told = {"counters": _joined(rows, costly), "rows": len(rows), "gpu": machine.name, "versions": machine.versions()}
    if not rows:
        told["error"] = (done.stdout + done.stderr)[-2000:]
    records.add(**unit, name="counters", **told)


def run_profiled(settings: Settings, machine: Machine, records: Records, *, path: str) -> None:
    """Each of the launches once, inside the range that the profiler looks at."""
    with open(path, encoding="utf-8") as file:
        launches = json.load(file)
    for kernel, problem, config in launches:
        posed = decode(problem)
        found = trial(_posed_to(kernel, posed), posed, machine.device)
        run = step(kernel, found.problem, decode(config), found.tensors)
        run()
        machine.synchronize()
        if not machine.dry:
            torch.cuda.cudart().cudaProfilerStart()
        run()
        machine.synchronize()
        if not machine.dry:
            torch.cuda.cudart().cudaProfilerStop()


def parsed(text: str) -> list[dict[str, str]]:
    """Rows of a raw page: a kernel each, in the order of their launches; what is no table is left out."""
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if line.startswith('"ID"')), None)
    if start is None:
        return []
    rows = csv.DictReader(io.StringIO("\n".join(line for line in lines[start:] if line.startswith('"'))))
    return [row for row in rows if row["ID"].isdigit()]  # the first row is units


def _joined(rows: list[dict[str, str]], costly: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Counters beside each launch; the sum of a split product is a kernel of its own, and follows it."""
    rest, found = iter(rows), []
    for each in costly:
        splits = each["launch"][2].get("splits", 1)
        own = [_told(row) for row, _ in zip(rest, range(2 if splits > 1 else 1), strict=False)]
        told = {key: each[key] for key in ("kernel", "networks", "layer", "count", "us", "floor_us", "bytes", "flops")}
        found.append(told | {"config": each["launch"][2], "counters": own})
    return found


def _told(row: dict[str, str]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name and any(part in name for part in TOLD)}
    return {"kernel": row.get("Kernel Name"), **{name: _number(value) for name, value in kept.items()}}


def _number(text: str) -> Any:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text
