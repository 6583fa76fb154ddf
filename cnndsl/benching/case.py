"""Engines on one batch and one type of numbers: each alone, then all in turns."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cnndsl.benching import timing
from cnndsl.benching.alone import Alone, measured_alone, network_of
from cnndsl.benching.figures import Ratio, Spread, ratio, spread
from cnndsl.benching.names import AGAINST
from cnndsl.benching.setting import Setting
from cnndsl.errors import BenchError, reason


@dataclass(frozen=True)
class Measured:
    """An engine's figures in seconds.

    alone    one run after the other in a process of its own
    turns    in turns with the others, of which `seconds` are all
    ratio    to the first engine, round by round
    error    of its outputs in float64's, as a part of their largest value; None for a network with other weights
    """

    engine: str
    alone: Spread
    turns: Spread
    ratio: Ratio
    error: float | None
    memory: int | None
    ready: float
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Case:
    """What was measured of one setting, and which engines could not run it, with the reasons.

    load  of the machine at the end, as `uptime` says it: far above the number of threads, others were at work
    """

    network: str
    setting: Setting
    engines: tuple[Measured, ...]
    left_out: Mapping[str, str]
    load: float | None


def measure(setting: Setting, tell: Callable[[str], None] = lambda line: None) -> Case:
    """Measure one setting; `tell` hears what is being done. Raises `BenchError` if its first engine cannot run."""
    import torch

    from cnndsl.benching import engines

    network = network_of(setting)
    said = f"{network.name}, batch {setting.batch}, {setting.dtype}"
    onnx = engines.exported(network) if {*setting.engines} & {*AGAINST} else b""
    by_themselves = {}
    for engine in setting.engines:
        tell(f"{said}: {engine} alone")
        by_themselves[engine] = measured_alone(setting, engine, onnx)
    torch.set_num_threads(setting.threads)
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()
    work = engines.work_for(network, setting.batch, setting.dtype, onnx)
    exact, runs, errors = engines.reference(work), {}, {}
    left_out = {engine: found.failed for engine, found in by_themselves.items() if found.failed}
    for engine in [each for each in setting.engines if each not in left_out]:
        tell(f"{said}: {engine} is made ready")
        try:
            runs[engine] = engines.runner(engine, work)
            errors[engine] = None if ":" in engine else engines.error(runs[engine](), exact)
            timing.warm_up(runs[engine])
        except Exception as error:  # whatever an engine raises for what it cannot run
            left_out[engine] = reason(error)
            runs.pop(engine, None)
    base = setting.engines[0]
    if base in left_out:
        raise BenchError(f"{base} cannot run {network.name} in {setting.dtype}: {left_out[base]}")
    tell(f"{said}: in turns")
    seconds = timing.in_turns(runs, setting)
    measured = [_measured(engine, by_themselves[engine], seconds, base, errors[engine]) for engine in runs]
    return Case(network.name, setting, tuple(measured), left_out, _load())


def _measured(
    engine: str, by_itself: Alone, seconds: dict[str, list[float]], base: str, error: float | None
) -> Measured:
    return Measured(
        engine=engine,
        alone=spread(by_itself.seconds),
        turns=spread(seconds[engine]),
        ratio=ratio(seconds[engine], seconds[base]),
        error=error,
        memory=by_itself.memory,
        ready=by_itself.ready,
        seconds=tuple(seconds[engine]),
    )


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
