"""One engine in a process of its own, where no other has taken threads, caches or memory."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from cnndsl.architecture import Architecture
from cnndsl.benching import resident, timing
from cnndsl.benching.setting import Setting
from cnndsl.checking import check_model
from cnndsl.errors import BenchError, reason
from cnndsl.processes import in_processes


@dataclass(frozen=True)
class Alone:
    """What an engine does alone, or why it does not.

    ready   seconds until the first result is there: to make or read the network, and whatever is compiled
    memory  bytes at most while it runs, above those of PyTorch, the pictures and one set of weights
    """

    seconds: tuple[float, ...] = ()
    ready: float = 0.0
    memory: int | None = None
    failed: str = ""


def measured_alone(setting: Setting, engine: str, onnx: bytes) -> Alone:
    """Start a process, and wait for what it says."""
    with closing(in_processes(partial(_Measuring, setting, onnx), [engine], 1)) as coming:
        _, found = next(coming)
    return found or Alone(failed="its process was killed: is there enough memory?")


class _Measuring:
    """In the process: reads the network, then measures what it is told."""

    def __init__(self, setting: Setting, onnx: bytes) -> None:
        import torch

        from cnndsl.benching.engines import work_for

        torch.set_num_threads(setting.threads)
        self.setting = setting
        self.work = work_for(network_of(setting), setting.batch, setting.dtype, onnx)

    def __call__(self, engine: str) -> Alone:
        from cnndsl.benching.engines import import_engine, runner

        import_engine(engine)
        before, start = resident.resident(), time.perf_counter()
        try:
            run = runner(engine, self.work)
            run()
        except Exception as error:  # whatever an engine raises for what it cannot run
            return Alone(failed=reason(error))
        ready = time.perf_counter() - start
        timing.warm_up(run)
        resident.resident()
        resident.forget_peak()
        seconds = timing.alone(run, self.setting)
        most = resident.peak()
        memory = None if most is None or before is None else max(0, most - before)
        return Alone(tuple(seconds), ready, memory)


def network_of(setting: Setting) -> Architecture:
    """Raises `BenchError` for a network with errors."""
    checked = check_model(setting.model, setting.request)
    if not checked.report.ok:
        raise BenchError(f"{setting.model.source.name} has errors; cnndsl check tells them")
    return Architecture.of(checked)
