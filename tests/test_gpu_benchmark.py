"""`benchmarks/gpu.py` without a GPU: its dry run takes every path, so that no minute of a GPU is lost to a slip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from fake_cuda import FakeCuda  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "benchmarks"))

from campaign.chart import Bar, chart  # noqa: E402
from campaign.machine import Machine  # noqa: E402
from campaign.profiling import parsed  # noqa: E402
from campaign.records import Records  # noqa: E402
from campaign.report import best_peer, failures, ratio, report  # noqa: E402
from campaign.schedule import run_jobs  # noqa: E402
from campaign.settings import Job, Settings, from_text, to_text  # noqa: E402
from campaign.turns import Turns  # noqa: E402

UNITS = {"network": "resnet50", "batch": 32, "precision": "fp16"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = str(tmp_path)
    return Settings(folder, folder, ("resnet50",), (32,), ("fp16",), time.time() + 600)


def dry_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--dry-run=small", "--results", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([*command, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT)


def test_the_dry_run_takes_every_path_and_resumes(tmp_path: Path) -> None:
    done = dry_run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    records = list(Records(tmp_path).all())
    found = {(each["stage"], each.get("runner") or each.get("name")) for each in records}
    peers = ("eager", "eager, graph", "compile", "compile, graph", "reduce-overhead")
    assert {("baseline", peer) for peer in peers} <= found
    assert {("ours", runner) for runner in ("ours", "ours, strict", "ours, not tuned", "ours, graph")} <= found
    assert {("correctness", "small cases, fp16"), ("correctness", "compute-sanitizer"), ("tune", None)} <= found
    assert {("profile", "launches"), ("profile", "counters"), ("training", None), ("card", None)} <= found
    assert not any("error" in each or each.get("faults") for each in records)
    (counted,) = (each for each in records if each.get("name") == "counters")
    assert counted["rows"] and counted["counters"][0]["counters"][0]["gpu__time_duration.sum"] == 12345.0
    page = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "| tiny |" in page and "cudnn" in page
    again = dry_run(tmp_path, "--stage", "correctness,baseline,tune,ours,training")
    assert again.returncode == 0, again.stdout + again.stderr
    kept = list(Records(tmp_path).all())[len(records) :]
    assert {each["stage"] for each in kept} == {"card"}, "it measured again what it had"


def test_a_line_that_was_cut_is_lost_alone(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.add(stage="baseline", **UNITS, runner="eager", hot_ms=1.0)
    with records.path.open("a") as file:
        file.write('{"stage": "baseline", "runner": "comp')
    assert [each["runner"] for each in records.all()] == ["eager"]
    records.add(stage="baseline", **UNITS, runner="compile", hot_ms=1.0)
    assert records.has(stage="baseline", **UNITS, runner="compile")


def test_failures_are_tried_again_and_cards_kept_apart(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.add(stage="baseline", **UNITS, runner="compile", gpu="A", error="timed out")
    assert not records.has(stage="baseline", **UNITS, runner="compile")
    assert failures(records, ["baseline"])
    records.add(stage="baseline", **UNITS, runner="compile", gpu="A", hot_ms=1.0)
    assert records.has(stage="baseline", **UNITS, runner="compile") and not failures(records, ["baseline"])
    records.add(stage="card", gpu="B")
    records.take_card()
    assert not records.has(stage="baseline", **UNITS, runner="compile")


def results(records: Records, times: dict[str, float]) -> None:
    records.add(stage="card", gpu="A", bandwidth=4e12, flops={"fp16": 8e14}, versions={"torch": "2"})
    for runner, value in times.items():
        stage = "ours" if runner.startswith("ours") else "baseline"
        spread = {f"{kind}_{part}ms": value for kind in ("hot", "cold", "latency") for part in ("", "first_quartile_")}
        spread |= {f"{kind}_third_quartile_ms": value for kind in ("hot", "cold", "latency")}
        told = {"peak_bytes": 1, "error_to_float64": 1e-3, "floor_ms": 0.5, "kernels": {"conv_gemm": 2}}
        records.add(stage=stage, **UNITS, runner=runner, gpu="A", **spread, **told)


def test_the_ratio_is_to_the_best_mode_of_torch_compile(settings: Settings) -> None:
    records = Records(settings.folder)
    results(records, {"eager": 0.1, "compile": 4.0, "compile, graph": 3.0, "max-autotune, frozen": 2.0, "ours": 2.5})
    peer = best_peer(records, **UNITS)
    assert peer is not None and peer["runner"] == "max-autotune, frozen"
    assert ratio(records, **UNITS) == 0.8
    page = report(settings).read_text(encoding="utf-8")
    assert "Slower than torch.compile: resnet50 (0.80)" in page and "goal 1.3: missed" in page and "20%" in page


def test_a_network_that_is_wrong_is_a_failure(settings: Settings) -> None:
    records = Records(settings.folder)
    results(records, {"ours": 1.0})
    wrong = {"passed": {"model, batch 1": False}, "errors": {"model, batch 1": {"ours": 0.5, "pytorch": 0.001}}}
    records.add(stage="correctness", network="resnet50", precision="fp16", gpu="A", **wrong)
    records.add(stage="correctness", name="small cases, fp16", gpu="A", checked={"pool": 3}, faults=[["case", "pool"]])
    assert len(failures(records, ["correctness"])) == 2
    page = report(settings).read_text(encoding="utf-8")
    assert "0 of 1 right" in page and "1 faults" in page


def test_jobs_that_fail_or_take_too_long_leave_word(settings: Settings, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import json, sys, time\n"
        "job = json.loads(sys.argv[2])[1]\n"
        "time.sleep(60) if job['run'] == 'slow' else sys.exit('broken')\n"
    )
    records = Records(settings.folder)
    jobs = [Job("slow", {}, ({"stage": "baseline", "name": "slow"},), limit=1.0)]
    jobs.append(Job("wrong", {}, ({"stage": "baseline", "name": "wrong"},), alone=True))
    run_jobs(jobs, settings, records, 2, script)
    found = {each["name"]: each for each in records.all()}
    assert found["slow"]["error"].startswith("ended after") and found["wrong"]["error"] == "exit status 1"
    assert "broken" in found["wrong"]["log"]


def test_jobs_that_measure_come_in_waves(settings: Settings, tmp_path: Path) -> None:
    """Nobody measures before all of a wave are ready, and one at a time."""
    script = tmp_path / "script.py"
    script.write_text(
        f"import json, sys, time\nsys.path[:0] = [{str(ROOT / 'benchmarks')!r}]\n"
        "from campaign.settings import from_text\nfrom campaign.turns import Turns\n"
        "settings, job = from_text(sys.argv[2])\nturns = Turns(settings.folder, int(sys.argv[4]))\n"
        "log = open(settings.folder / 'log', 'a', buffering=1)\n"
        "time.sleep(job.arguments['n'] * 0.3 + 1.0)\nlog.write('ready\\n')\n"
        "with turns.alone():\n    log.write('start\\n')\n    time.sleep(0.2)\n    log.write('stop\\n')\n"
    )
    jobs = [Job("any", {"n": n}, timed=True) for n in range(4)]
    run_jobs(jobs, settings, Records(settings.folder), 2, script)
    wave = ["ready", "ready", "start", "stop", "start", "stop"]
    assert (settings.folder / "log").read_text().split() == wave + wave


def test_nothing_starts_when_the_time_is_over(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    over = replace(settings, until=time.time() + 5)
    run_jobs([Job("any", {})] * 3, over, Records(over.folder), 2, Path("no such script"))
    assert "3 jobs are left" in capsys.readouterr().out


def test_settings_travel_to_processes(settings: Settings) -> None:
    job = Job("peer", {"network": "resnet50", "batch": 1}, ({"stage": "baseline"},))
    assert from_text(to_text(settings, job)) == (settings, job)


def test_counters_are_read_from_what_the_profiler_prints() -> None:
    lines = (
        "==PROF== Connected",
        "noise",
        '"ID","Kernel Name","a.sum"',
        '"","","byte"',
        '"0","k","1,024"',
        '"1","l","3"',
    )
    assert [row["a.sum"] for row in parsed("\n".join(lines))] == ["1,024", "3"]
    assert parsed("==ERROR== nothing") == []


def test_a_gpu_is_measured_by_its_own_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch)
    machine = Machine(False, Turns(tmp_path))
    machine.device = torch.device("cpu")
    run = cuda.step(0.25)
    times = machine.measure(machine.graphed(run))
    assert times["hot_ms"] == times["hot_first_quartile_ms"] == pytest.approx(0.25)
    assert times["cold_ms"] == pytest.approx(0.25) and times["latency_ms"] > 0
    assert machine.sink is not None and machine.sink.numel() > 100e6
    assert machine.turns.depth == 0


def test_the_chart_has_a_bar_for_each(tmp_path: Path) -> None:
    import xml.etree.ElementTree as ElementTree

    bars = [Bar(name, f"batch {batch}", 1.5) for name in ("a", "b") for batch in (1, 32)]
    root: Any = ElementTree.fromstring(chart(bars))
    rectangles = [each for each in root if each.tag.endswith("rect")]
    assert len(rectangles) == len(bars) + 2
    assert json.dumps(chart([]))
