"""Sweeps: the numbers of variants, their front, what is kept when a run ends early, and from where the next goes on."""

from __future__ import annotations

import csv
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnndsl.checking import Request, check_model
from cnndsl.cli import sweep as command
from cnndsl.cli.main import main
from cnndsl.comparison.measures import MEASURES
from cnndsl.diagnostics import Report
from cnndsl.elaborate import Loader
from cnndsl.errors import SweepError
from cnndsl.models import Model, find_model
from cnndsl.processes import in_processes
from cnndsl.source import Source
from cnndsl.sweeping.condition import condition
from cnndsl.sweeping.outcome import Costing, Outcome
from cnndsl.sweeping.perform import perform
from cnndsl.sweeping.rows import Goals, Row, front
from cnndsl.sweeping.sweep import Sweep, ground_of, sweep_over

TEXT = """\
let widths = [4, 8]

network net(width = 4, depth = 1, kernel = 3, act: block = relu) {
    input 3 x 16 x 16
    repeat depth { conv kernel, width -> bn -> act }
    global_avgpool -> linear 10
}
"""
VALUES = {"width": "4,8", "depth": "1, 2, 3", "act": "relu,silu"}


def made(given: dict[str, str], text: str = TEXT, path: Path | None = None) -> Sweep:
    module = Loader(Report()).load_root(Source("net.arch", text, path))
    return sweep_over(module, ground_of(module, "net", None, 1000), given)


def tasks(sweep: Sweep) -> list[dict[str, str]]:
    return [dict(zip(sweep.texts, variant, strict=True)) for variant in sweep.variants()]


def silent(found: object) -> None:
    pass


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.arch"
    path.write_text(TEXT, encoding="utf-8")
    return path


# --- numbers


def test_a_variant_costs_what_a_check_of_it_says() -> None:
    sweep = made(VALUES)
    found = perform(sweep, {}, 1, keep=silent, tell=silent)
    assert len(found) == sweep.size == 12
    for variant, task in zip(sweep.variants(), tasks(sweep), strict=True):
        checked = check_model(Model(Source("net.arch", TEXT), "net"), Request(task))
        (facts,) = checked.facts.values()
        assert found[variant] == Outcome({name: each.of(facts) for name, each in MEASURES.items()})


@pytest.mark.parametrize(
    "text, texts",
    [
        ("4", ["4"]),
        ("4, 8,4", ["4", "8"]),
        ("widths[0], widths[1] * 2", ["widths[0]", "widths[1] * 2"]),
        ("2 * i for i in range(1, 4)", ["2", "4", "6"]),
        ("w for w in widths if w > 4", ["8"]),
    ],
)
def test_values_are_written_as_in_the_language(text: str, texts: list[str]) -> None:
    assert list(made({"width": text}).texts["width"]) == texts


def test_a_broken_variant_has_its_first_error_and_others_their_numbers() -> None:
    sweep = made({"kernel": "3,40", "width": "4"})
    good, bad = perform(sweep, {}, 1, keep=silent, tell=silent).values()
    assert good.numbers and not good.error
    assert not bad.numbers and bad.error.startswith("net.arch:5: E")


def test_the_command_offers_the_measures_that_there_are() -> None:
    assert tuple(MEASURES) == command.MEASURES


# --- the condition


@pytest.mark.parametrize(
    "text, count",
    [
        ("params < 200", 2),
        ("width == 8 and params < 1K", 4),
        ("depth > 3", 4),  # the measure hides the parameter: there is a linear layer too
        ("index(widths, width) >= 0 or width > 0", 12),
        ("max([w for w in widths]) == 2 * width", 6),
        ("not (macs > 0)", 0),
    ],
)
def test_a_condition_is_an_expression_of_the_language(text: str, count: int) -> None:
    sweep = made(VALUES)
    found = perform(sweep, {}, 1, keep=silent, tell=silent)
    where = condition(text, sweep.ground.module(), sweep)
    assert sum(where.holds(variant, outcome.numbers) for variant, outcome in found.items()) == count


# --- the front

POINTS = st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=12)


@given(POINTS)
def test_the_front_is_what_no_other_variant_beats(points: list[tuple[int, int, int]]) -> None:
    goals = Goals(("macs", "memory"), ("depth",))
    kept = [Row((str(at),), dict(zip(goals.all, point, strict=True))) for at, point in enumerate(points)]

    def beats(a: Sequence[int], b: Sequence[int]) -> bool:
        return a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2] and a != b

    best = {(str(at),) for at, point in enumerate(points) if not any(beats(other, point) for other in points)}
    assert front(kept, goals) == best


# --- processes


def test_processes_count_what_one_counts() -> None:
    sweep = made(VALUES)
    costing = Costing(sweep.ground)
    with closing(in_processes(partial(Costing, sweep.ground), tasks(sweep), 2)) as coming:
        found = dict(coming)
    assert [found[at] for at in range(sweep.size)] == [costing(task) for task in tasks(sweep)]
    assert active_children() == []


def test_a_fault_in_a_process_is_one_here() -> None:
    with (
        closing(in_processes(partial(operator.attrgetter, "real"), [1, 2, "3"], 1)) as coming,
        pytest.raises(RuntimeError, match="AttributeError: 'str' object"),
    ):
        assert [*coming]


def test_a_process_that_is_killed_costs_one_variant() -> None:
    sweep = made({"width": "w for w in range(1, 31)"})
    found: dict[int, Outcome | None] = {}
    with closing(in_processes(partial(Costing, sweep.ground), tasks(sweep), 2)) as coming:
        for index, outcome in coming:
            found[index] = outcome
            if len(found) == 1:
                active_children()[0].kill()
    assert len(found) == 30
    assert [*found.values()].count(None) == 1


def test_what_was_counted_is_kept_when_a_run_is_interrupted() -> None:
    kept: list[int] = []

    def interrupt(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform(made(VALUES), {}, 1, keep=lambda found: kept.append(len(found)), tell=interrupt)
    assert kept == [0, 3]


# --- the record

SWEEP = ["sweep", "net.arch", "-p", "width=4,8", "-p", "depth=1,2", "-o", "out.csv"]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_goes_on_from_what_another_has_counted(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SWEEP) == 0
    whole = Path("out.csv").read_text(encoding="utf-8")
    first, second, *rest = whole.splitlines()
    Path("out.csv").write_text("\n".join([first, second.replace(",1,", ",1,7", 1)]) + "\n", encoding="utf-8")
    assert main(SWEEP) == 0
    again = table(Path("out.csv"))
    assert again[0]["params"].startswith("7")  # so it was taken over
    assert [list(row.values())[:3] for row in again[1:]] == [line.split(",")[:3] for line in rest]
    wider = [*SWEEP[:3], "width=4,8,16", *SWEEP[4:], "--where", "width == 16"]
    assert main(wider) == 0
    assert [row["kept"] for row in table(Path("out.csv"))] == ["false"] * 4 + ["true"] * 2
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda text: text + "x\n", "out.csv is no CSV of a sweep over width, depth; name another file"),
        (lambda text: "a,b\n1,2\n", "is no CSV of a sweep"),
        (lambda text: "", "is no CSV of a sweep"),
        (lambda text: text.replace("\n4,1,", "\n5,1,"), "has 5 1, which is not in this sweep"),
        (lambda text: text[:-4] + "000\n", "is of another text of net"),
        (lambda text: '"' + text, "cannot be read as CSV"),
        (lambda text: "\0" + text, "out.csv"),
    ],
)
def test_another_file_is_not_written_over(
    net: Path, spoil: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(SWEEP) == 0
    assert callable(spoil)
    Path("out.csv").write_text(spoil(Path("out.csv").read_text(encoding="utf-8")), encoding="utf-8")
    before = Path("out.csv").read_bytes()
    assert main(SWEEP) == 2
    assert message in capsys.readouterr().err
    assert Path("out.csv").read_bytes() == before


def test_another_text_has_numbers_of_its_own(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SWEEP) == 0
    net.write_text(TEXT.replace("linear 10", "linear 11"), encoding="utf-8")
    assert main(SWEEP) == 2
    assert "out.csv is of another text of net; delete it, or name another file" in capsys.readouterr().err


# --- the command


def test_the_front_is_printed_and_drawn(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([*SWEEP, "--where", "params < 1M", "--least", "macs,memory", "-o", "out.svg", "-o", "out.html"])
    printed = capsys.readouterr().out.splitlines()
    assert code == 0 and printed[0].split() == ["width", "depth", *MEASURES]
    assert printed[-1] == "4 variants of net, 4 where params < 1M"
    front = [row for row in table(Path("out.csv")) if row["front"] == "true"]
    assert len(front) == len(printed) - 2
    drawn = ElementTree.parse("out.svg").getroot()
    assert sum(each.tag.endswith("circle") for each in drawn.iter()) == 4
    assert "<svg" in Path("out.html").read_text(encoding="utf-8")


def test_many_variants_are_drawn_with_few_labels(net: Path) -> None:
    values = ["-p", "width=w for w in range(1, 101)"]
    assert main(["sweep", "net.arch", *values, "--jobs", "1", "-o", "out.svg"]) == 0
    drawn = ElementTree.parse("out.svg").getroot()
    labels = [each for each in drawn.iter() if "label" in each.get("class", "").split()]
    assert 0 < len(labels) <= 12


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "name a parameter and its values"),
        (["-p", "widht=1"], "network net has no parameter widht; did you mean width?"),
        (["-p", "width=1,,2"], "-p width=1,,2: "),
        (["-p", "width="], "-p width= has no values"),
        (["-p", "width=wide"], "parameter width=wide: `wide` is not defined"),
        (["-p", "act=3"], "parameter act: expected"),
        (["-p", "width=[1"], "-p width=[1: "),
        (["-p", "width=1", "--where", "parms < 3"], "a variant has no parms; did you mean params?"),
        (["-p", "width=1", "--where", "macs > 0 or dpth > 3"], "a variant has no dpth; did you mean depth?"),
        (["-p", "width=1", "--where", "params"], "`--where` needs true or false"),
        (["-p", "width=1", "--where", "params <"], "--where params <: "),
        (["-p", "width=1", "--where", 'params < "5M"'], "--where"),
        (["-p", "width=1", "--least", "macs", "--most", "macs"], "macs cannot be better both ways"),
        (["-p", "width=1", "--least", "macs", "-o", "a.svg"], "a chart is over two goals"),
        (["-p", "width=1", "-o", "a.txt"], "what a.txt is to be is not known"),
        (["-p", "width=1", "-o", "a.csv", "-o", "b.csv"], "one .csv is enough"),
        (["-p", "width=1", "--where", "params < 0", "-o", "a.svg"], "no variant meets the condition"),
        (["-p", "width=w for w in range(400)", "-p", "depth=d for d in range(400)"], "160,000 variants"),
        (["-p", "width=1", "-o", "no.arch/a.csv"], "cannot write"),
    ],
)
def test_what_cannot_be_swept_is_said_in_a_line(
    net: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("no.arch").write_text("", encoding="utf-8")
    assert main(["sweep", "net.arch", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert sorted(each.name for each in net.parent.iterdir()) == ["net.arch", "no.arch"]


def test_a_sweep_of_which_nothing_can_be_built_fails(net: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "net.arch", "-p", "kernel=40,50"]) == 1
    assert "2 variants of net, 2 with errors\nkernel=40: net.arch:5: E" in capsys.readouterr().out
    net.write_text(TEXT.replace("input", "inptu"), encoding="utf-8")
    assert main(["sweep", "net.arch", "-p", "kernel=3"]) == 1


def test_a_condition_that_one_variant_cannot_answer_is_an_error_of_that_one(
    net: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "net.arch", "-p", "width=4,8", "--where", "[1, 2, 3, 4, 5, 6][width] > 0"]) == 0
    assert "2 variants of net, 1 with errors, 1 where" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_run_that_is_ended_leaves_its_record_and_no_process(net: Path, number: int, code: int) -> None:
    values = "classes=c for c in range(1, 10000)"
    program = [sys.executable, "-m", "cnndsl", "sweep", "resnet", "-p", values, "--jobs", "2", "-o", "out.csv"]
    process = subprocess.Popen(program, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)})
    while not Path("out.csv").exists() or len(table(Path("out.csv"))) == 0:
        assert process.poll() is None
        time.sleep(0.2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(number)
    assert process.wait(60) == code
    assert len(children) >= 2 and len(table(Path("out.csv"))) > 0
    end = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.2)


def test_zoo_networks_are_swept_by_name() -> None:
    model = find_model("resnet18")
    module = Loader(Report()).load_root(model.source)
    sweep = sweep_over(module, ground_of(module, "resnet18", (3, 64, 64), 1000), {"classes": "10,100"})
    found = perform(sweep, {}, 1, keep=silent, tell=silent)
    assert [outcome.numbers["params"] for outcome in found.values()] == [11_181_642, 11_227_812]
    with pytest.raises(SweepError):
        condition("paramz > 3", module, sweep)


# --- the best of them learn


LEARNING = """arch 1

network net(width = 4, classes = 10) {
    input 3 x 8 x 8
    conv 3x3, width, /2 -> bn -> relu
    global_avgpool -> linear classes
}
"""


@pytest.fixture
def learning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command, in a folder of its own, where `fake` is small."""
    from cnndsl.train.data import fake

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fake, "TRAIN", 64)
    monkeypatch.setattr(fake, "HELD_OUT", 20)
    Path("net.arch").write_text(LEARNING)
    Path("mine.toml").write_text('base = "resnet2015_cifar"\nepochs = 1\nbatch = 32\n')
    return ["sweep", "net.arch", "-p", "width=2,4,8", "--train", "fake", "--recipe", "mine.toml"]


def held_out(run: str) -> float:
    from cnndsl.train.progress import read_metrics

    return min(each.held_out_error for each in read_metrics(Path("runs") / run / "metrics.csv"))


@pytest.mark.parametrize("ray", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one by one", "ray"])
def test_the_best_variants_learn_and_the_same_command_goes_on(
    ray: bool, learning: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cnndsl.train.several.missing", lambda *packages: [] if ray else [*packages])
    assert main([*learning, "--where", "width < 8"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert sum("epoch 1/1" in line for line in said) == 2
    errors = {width: held_out(f"net-width={width}") for width in (2, 4)}
    order = sorted(errors, key=lambda width: errors[width])
    assert [line.split()[0] for line in said[-2:]] == [f"width={width}" for width in order]
    assert [float(line.split()[1]) for line in said[-2:]] == pytest.approx(
        [100 * errors[each] for each in order], abs=0.01
    )
    before = Path("runs/net-width=2/metrics.csv").read_bytes()
    assert main(learning) == 0
    assert before == Path("runs/net-width=2/metrics.csv").read_bytes()
    assert {path.name for path in Path("runs").iterdir()} == {f"net-width={width}" for width in (2, 4, 8)}


def test_one_that_fails_does_not_end_the_others(
    learning: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cnndsl.train.several.missing", lambda *packages: [*packages])
    assert (
        main(["train", "net.arch", "-p", "width=2", "--data", "fake", "--epochs", "1", "-o", "runs/net-width=2"]) == 0
    )
    assert main(learning) == 1
    *_, fourth, eighth, second = sorted(capsys.readouterr().out.splitlines()[-3:], key=lambda line: "another" in line)
    assert "width=2" in second and "runs/net-width=2 is of another network, data or recipe" in second
    assert "%" in fourth and "%" in eighth


def test_a_sweep_that_is_stopped_says_so(
    learning: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cnndsl.train import run as running

    learn = running.step

    def step(*arguments: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return learn(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("cnndsl.train.several.missing", lambda *packages: [*packages])
    monkeypatch.setattr(running, "step", step)
    assert main(learning) == 75
    said = capsys.readouterr().out
    assert said.endswith("stopped; the same command goes on\n") and len([*Path("runs").iterdir()]) == 1


def test_a_recipe_is_for_learning(learning: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*learning[:4], "--recipe", "vgg"]) == 2 and "name the data in --train" in capsys.readouterr().err
    assert main([*learning[:-1], "vgh"]) == 2 and "there is no recipe vgh; did you mean vgg?" in capsys.readouterr().err
    assert main(["sweep", "-", *learning[2:]]) == 2 and "give a file" in capsys.readouterr().err
