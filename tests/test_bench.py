"""Benchmarks: what is made of times, that engines compute the same, and that what cannot run is told.

No time is ever compared.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from importlib.util import find_spec
from itertools import count
from math import comb
from pathlib import Path
from statistics import median
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl import loads
from cnndsl.benching import timing
from cnndsl.benching.alone import Alone
from cnndsl.benching.case import Case, Measured
from cnndsl.benching.figures import Ratio, Spread, _rank, ratio, spread
from cnndsl.benching.names import AGAINST, BACKENDS
from cnndsl.benching.page import bench_chart, bench_page
from cnndsl.benching.report import bench_csv, bench_json, bench_table
from cnndsl.benching.setting import Dtype, Setting
from cnndsl.checking import Request
from cnndsl.cli.main import main
from cnndsl.errors import BenchError
from cnndsl.models import Model
from cnndsl.source import Source

TEXT = """\
network net {
    input 3 x 8 x 8
    conv 3x3, 4 -> bn -> relu
    global_avgpool -> linear 5
}
"""
SCHEMA = json.loads((files("cnndsl.benching") / "bench.schema.json").read_text(encoding="utf-8"))
SETTING = Setting(Model(Source("net.arch", TEXT), "net"), Request(), ("eager", "optimized"), rounds=8)
ENVIRONMENT = {
    "processor": "a <processor>",
    "instructions": "AVX2",
    "processors": 2,
    "memory": 2**33,
    "system": "Linux",
    "python": "3.11.7",
    "versions": {"torch": "2.13"},
}


def case(load: float | None = 0.5, setting: Setting = SETTING) -> Case:
    base = Measured("eager", Spread(1, 0.9, 1.2), Spread(1.1, 1, 1.3), Ratio(1, 1, 1), 3e-7, 10**7, 0.5, (1.0, 1.2))
    theirs = replace(base, engine="timm:net", ratio=Ratio(0.5, 0.4, 0.6), error=None, memory=None)
    return Case("net", setting, (base, theirs), {"openvino": "it cannot"}, load)


# --- figures


@given(st.integers(1, 60))
def test_an_interval_leaves_out_as_many_as_chance_allows(count: int) -> None:
    at = _rank(count)
    outside = 2 * sum(comb(count, below) for below in range(at + 1)) / 2**count
    assert 0 <= at < (count + 1) / 2 and (outside <= 0.05 or count < 6)
    assert outside + 2 * comb(count, at + 1) / 2**count > 0.05


def test_the_interval_of_thirty_rounds_is_the_one_of_the_tables() -> None:
    assert _rank(30) == 9  # from the 10th to the 21st of 30: Conover, Practical Nonparametric Statistics, table A3


@given(st.lists(st.floats(0.001, 10), min_size=6, max_size=40), st.floats(0.1, 10))
def test_a_ratio_is_of_the_same_rounds(base: list[float], factor: float) -> None:
    found = ratio([factor * value for value in base], base)
    assert found.low <= found.median <= found.high
    assert found.low == pytest.approx(factor) and found.high == pytest.approx(factor)


@given(st.lists(st.integers(0, 10), min_size=2, max_size=40))
def test_a_spread_holds_its_median(values: list[int]) -> None:
    found = spread(values)
    assert min(values) <= found.p10 <= found.median <= found.p90 <= max(values)
    assert found.median == median(values)


# --- turns, by a clock that counts its readings


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = count()
    monkeypatch.setitem(timing.CLOCKS, "wall", lambda: float(next(readings)))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: 0.0)
    monkeypatch.setattr(timing.time, "sleep", lambda seconds: None)


@pytest.mark.usefixtures("ticks")
def test_every_engine_runs_twice_a_round_in_changing_order() -> None:
    ran: list[str] = []
    runs = {name: (lambda name=name: ran.append(name)) for name in "abc"}
    found = timing.in_turns(runs, SETTING)
    assert found == {name: [1.0] * 8 for name in "abc"}
    rounds = ["".join(ran[at : at + 6 : 2]) for at in range(0, 48, 6)]
    assert all(ran[at] == ran[at + 1] for at in range(0, 48, 2))
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds) and len({*rounds}) > 1


@pytest.mark.usefixtures("ticks")
def test_no_round_begins_after_its_time_but_the_least_are_run(monkeypatch: pytest.MonkeyPatch) -> None:
    late = count(step=1000)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: float(next(late)))
    assert len(timing.in_turns({"a": lambda: None}, replace(SETTING, rounds=99))["a"]) == 6
    assert len(timing.alone(lambda: None, replace(SETTING, rounds=99))) == 6


# --- engines


ENGINES = [*BACKENDS, *(each for each in AGAINST if not [p for p in (each, "onnx", "onnxscript") if not find_spec(p)])]


LONG = ("compiled", "frozen", *AGAINST)  # that compile, or whose ONNX takes seconds to be written


@pytest.mark.parametrize("dtype, limit", [("fp32", 1e-5), ("bf16", 5e-2)])
@pytest.mark.parametrize(
    "engine", [pytest.param(each, marks=[pytest.mark.slow] if each in LONG else []) for each in ENGINES]
)
def test_an_engine_computes_the_network(engine: str, dtype: Dtype, limit: float) -> None:
    from cnndsl.benching import engines

    if (engine, dtype) == ("onnxruntime", "bf16"):
        pytest.skip("which it says, as the next test knows")
    network = loads(TEXT)
    work = engines.work_for(network, 2, dtype, engines.exported(network) if engine in AGAINST else b"")
    found = engines.runner(engine, work)()
    assert engines.tensors(found)[0].shape == (2, 5)
    assert 0 < engines.error(found, engines.reference(work)) < limit


def test_a_type_that_an_engine_has_not_is_an_error() -> None:
    from cnndsl.benching import engines

    with pytest.raises(BenchError, match="no bf16"):
        engines.runner("onnxruntime", engines.work_for(loads(TEXT), 2, "bf16"))


def test_an_error_is_told() -> None:
    import torch

    from cnndsl.benching import engines

    exact = [torch.tensor([2.0, 4.0]), torch.tensor([1.0])]
    assert engines.error((exact[0], {"head": torch.tensor([1.5])}), exact) == 0.5


# --- reports


def test_a_table_says_what_was_left_out_and_whether_the_machine_was_busy() -> None:
    table = bench_table(case())
    assert table.title == "net, batch 1, fp32, 2 rounds, 1 thread"
    assert len(table.heads) == len(table.rows[0]) == len(table.rows[1])
    assert table.rows[1][-3:] == ["other weights", "", "0.5 s"]
    assert "openvino is left out: it cannot" in table.notes
    assert not any("busy" in note for note in table.notes)
    assert any("busy (load 7.0)" in note for note in bench_table(case(7.0)).notes)
    assert bench_table(case(None)).notes == table.notes


def test_json_is_of_its_schema_and_csv_has_a_line_for_each_engine() -> None:
    cases = [case(), case(None)]
    jsonschema.validate(json.loads(bench_json(cases, ENVIRONMENT)), SCHEMA)
    lines = list(csv.DictReader(io.StringIO(bench_csv(cases))))
    assert [line["engine"] for line in lines] == ["eager", "timm:net", "openvino"] * 2
    assert lines[0]["alone_ms"] == "1000" and lines[2]["left_out"] == "it cannot"
    assert all(None not in line and None not in line.values() for line in lines)


def test_the_page_shows_every_setting() -> None:
    page = bench_page([case(), case()], ENVIRONMENT)
    assert page.count("<svg") == page.count("<table>") == 2
    assert "a &lt;processor&gt;" in page
    drawn = ElementTree.fromstring(bench_chart(case()))
    assert sum(each.tag.endswith("circle") for each in drawn.iter()) == 2


# --- the command


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.arch"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--backends", "eagre"], "there is no backend eagre; did you mean eager?"),
        (["--backends", ","], "name at least one"),
        (["--against", "onnxruntim"], "there is no engine onnxruntim; did you mean onnxruntime?"),
        (["--against", "torchvision:resnet19"], "torchvision has no model resnet19; did you mean resnet1"),
        (["--dtype", "fp16"], "there is no dtype fp16; there are fp32, bf16"),
        (["--rounds", "5"], "--rounds is at least 6"),
        (["-o", "a.txt"], "what a.txt is to be is not known"),
        (["-o", "a.svg", "--batch", "1,2"], "an .svg shows one batch and one dtype"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_line(
    net: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "net.arch", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


def test_a_broken_network_is_not_measured(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net.write_text(TEXT.replace("linear", "linaer"), encoding="utf-8")
    assert main(["bench", "net.arch"]) == 1
    assert "linaer" in capsys.readouterr().err


def test_what_an_engine_cannot_do_is_left_out_and_the_rest_measured(
    net: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def by_itself(setting: Setting, engine: str, onnx: bytes) -> Alone:
        return Alone(failed="it is too old") if engine == "channels_last" else Alone((1.0,) * 8, 0.1, 10**6)

    monkeypatch.setattr("cnndsl.benching.case.measured_alone", by_itself)
    backends = ["--backends", "eager,channels_last,optimized", "--rounds", "6", "--threads", "1"]
    assert main(["bench", "net.arch", *backends, "-o", "out.json", "-o", "out.csv", "-o", "out.html"]) == 0
    said = json.loads(Path("out.json").read_text(encoding="utf-8"))
    jsonschema.validate(said, SCHEMA)
    (measured,) = said["cases"]
    assert [each["engine"] for each in measured["engines"]] == ["eager", "optimized"]
    assert measured["left_out"] == {"channels_last": "it is too old"}
    assert all(len(each["seconds"]) == 6 and each["error"] < 1e-5 for each in measured["engines"])
    assert "channels_last is left out: it is too old" in capsys.readouterr().out
    assert main(["bench", "net.arch", "--backends", "channels_last", "--rounds", "6", "--threads", "1"]) == 2
    assert "channels_last cannot run net in fp32: it is too old" in capsys.readouterr().err


@pytest.mark.slow
def test_each_engine_is_alone_in_a_process(net: Path) -> None:
    program = [sys.executable, "-m", "cnndsl", "bench", "net.arch", "--rounds", "6", "-o", "out.json"]
    against = ["--against", ",".join(each for each in ENGINES if each in AGAINST)]
    done = subprocess.run([*program, *against], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    said = json.loads(Path("out.json").read_text(encoding="utf-8"))
    jsonschema.validate(said, SCHEMA)
    assert all(each["error"] < 1e-5 and each["ready"] > 0 for each in said["cases"][0]["engines"])
    assert len(said["cases"][0]["engines"]) == len(ENGINES) - 3
