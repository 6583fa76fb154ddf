"""Runs jobs in processes of their own: several at once, since they mostly compile, and never beyond the time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from campaign.records import Records
from campaign.settings import Job, Settings, to_text
from campaign.turns import Turns
from cnndsl.machine import processors

Perform = Callable[[Settings, Job, Turns], None]


@dataclass
class Running:
    job: Job
    process: subprocess.Popen[bytes]
    log: IO[bytes]
    started: float

    @property
    def seconds(self) -> float:
        return time.time() - self.started


def run_jobs(jobs: Iterable[Job], settings: Settings, records: Records, slots: int, script: Path) -> None:
    """Start them in order while there is time; one that fails or takes too long leaves a result that says so."""
    waiting, running = deque(jobs), list[Running]()
    wave = 0  # jobs of it that were started
    while waiting or running:
        wave = wave if running else 0
        while waiting and _may_start(waiting[0], running, wave, slots) and not settings.over:
            running.append(_start(waiting.popleft(), settings, script))
            wave += 1
        time.sleep(0.05)
        for each in list(running):
            if each.process.poll() is None and each.seconds < each.job.limit and settings.left > 0:
                continue
            running.remove(each)
            _finish(each, records)
        if settings.over and not running:
            break
    if waiting:
        print(f"  out of time: {len(waiting)} jobs are left for the next run", flush=True)


def _may_start(job: Job, running: list[Running], wave: int, slots: int) -> bool:
    if not running:
        return True
    if job.alone or any(each.job.alone for each in running):
        return False
    if job.timed and any(each.job.limit != job.limit for each in running):
        return False  # a wave measures when all of it has compiled: quick ones do not wait for long ones
    return wave < slots if job.timed else len(running) < slots


def _start(job: Job, settings: Settings, script: Path) -> Running:
    folder = settings.folder / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    name = "".join(letter if letter.isalnum() else "_" for letter in str(job))
    log = (folder / f"{name}.txt").open("wb")
    with closing(Turns(settings.folder)) as turns:  # for the process, so that it shares the device before others start
        own = turns.held.fileno()
        process = subprocess.Popen(
            [sys.executable, str(script), "--job", to_text(settings, job), "--turn", str(own)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TORCHINDUCTOR_COMPILE_THREADS": "4"},
            start_new_session=True,
            pass_fds=(own,),
        )
    return Running(job, process, log, time.time())


def _finish(found: Running, records: Records) -> None:
    late = found.process.poll() is None
    if late:
        os.killpg(found.process.pid, signal.SIGKILL)  # with all that it started
    code = found.process.wait()
    found.log.close()
    if code:
        tail = Path(found.log.name).read_text(encoding="utf-8", errors="replace")[-1500:]
        reason = f"ended after {found.seconds:.0f} s" if late else f"exit status {code}"
        note_failure(found.job, records, reason, tail)
    print(f"  {found.job}: {f'FAILED, {reason}' if code else 'done'} ({found.seconds:.0f} s)", flush=True)


def note_failure(job: Job, records: Records, reason: str, tail: str) -> None:
    """Results that a job was to give and did not."""
    for unit in job.units or ({"stage": job.run},):
        if not records.has(**unit):
            records.add(**unit, gpu=records.gpu, error=reason, log=tail)


def run_here(job: Job, settings: Settings, records: Records, perform: Perform) -> None:
    """A job in this process, for a dry run."""
    started = time.time()
    try:
        with closing(Turns(settings.folder)) as turns:
            perform(settings, job, turns)
    except Exception:
        note_failure(job, records, "exception", traceback.format_exc()[-1500:])
        print(f"  {job}: FAILED\n{traceback.format_exc()}", flush=True)
    else:
        print(f"  {job}: done ({time.time() - started:.1f} s)", flush=True)


def slots() -> int:
    """Processes at once: most of their time is compiling on one core."""
    return max(1, min(12, processors() - 2))
