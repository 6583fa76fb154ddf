"""Tuning without a GPU: candidates run in the interpreter, a function stands for the clock; tables and their files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from fake_cuda import FakeCuda  # noqa: E402
from triton_problems import PROBLEMS  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.triton import table as tables  # noqa: E402
from cnndsl.backends.triton import tuning  # noqa: E402
from cnndsl.backends.triton.building import Chosen, suggested  # noqa: E402
from cnndsl.backends.triton.candidates import candidates, promising  # noqa: E402
from cnndsl.backends.triton.lower import lower, rewritten  # noqa: E402
from cnndsl.backends.triton.module import compile_graph  # noqa: E402
from cnndsl.backends.triton.processes import Compilers, Request  # noqa: E402
from cnndsl.backends.triton.table import Rejection, Table, Timing, choose_from, problem_key  # noqa: E402
from cnndsl.backends.triton.timing import launch_seconds  # noqa: E402
from cnndsl.backends.triton.trial import trial  # noqa: E402
from cnndsl.backends.triton.tuning import checked, posed, tune, tune_problems  # noqa: E402
from cnndsl.errors import DeviceLost  # noqa: E402
from cnndsl.kernels.families import FAMILIES  # noqa: E402
from cnndsl.kernels.families import conv_gemm as gemm  # noqa: E402
from cnndsl.kernels.specialization import DTYPES  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402
from cnndsl.kernels.trials.arithmetic import nearest  # noqa: E402
from cnndsl.kernels.trials.laying import POISON  # noqa: E402
from cnndsl.passes.notes import Notes  # noqa: E402

CPU, TARGET = torch.device("cpu"), TARGETS["sm_90"]
TINY = """
network tiny {
    input 8 x 6 x 6
    conv 3x3, 16 -> relu
    conv 3x3, 16 -> relu
    residual { conv 3x3, 16 -> bn }
    maxpool 2x2, /2
    global_avgpool -> linear 10
}
"""


@pytest.fixture
def graph() -> Any:
    return cnndsl.loads(TINY).graph


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNDSL_CACHE_DIR", str(tmp_path))


class Clock:
    """Times candidates by an order of kernels, and runs each once."""

    def __init__(self, *order: str) -> None:
        self.order, self.asked = order, []

    def __call__(self, choice: Any, steps: Sequence[Any]) -> float:
        assert len(steps) > 1
        steps[0]()
        self.asked.append(choice)
        return 1e-6 * (1 + self.order.index(choice[0]) if choice[0] in self.order else 9)


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_candidate_of_every_problem_is_right(name: str) -> None:
    """One of each kernel, and the reference agrees with those that other tests hold against PyTorch."""
    kernel, problem = PROBLEMS[name]
    found = trial(kernel, problem, CPU)
    wanted = found.expected()
    every = candidates(kernel, problem, TARGET)
    assert len(every) == len(set(every))
    others = [next(each for each in every if each[0] == name) for name in {name for name, _ in every} - {kernel}]
    for choice in (every[0], *others):
        assert checked(choice, found, wanted) is None, choice


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_is_measured_is_among_the_candidates(name: str) -> None:
    every, few = candidates(*PROBLEMS[name], TARGET), promising(*PROBLEMS[name], TARGET)
    model = suggested(*PROBLEMS[name], TARGET)
    assert few[0] == every[0] == (model.kernel, model.config)
    assert set(few) <= set(every) and {kernel for kernel, _ in few} == {kernel for kernel, _ in every}


def test_problems_cover_every_kernel() -> None:
    assert {kernel for kernel, _ in PROBLEMS.values()} == {family.posed for family in FAMILIES.values()}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_wrong_result_is_found(name: str) -> None:
    """One value off, one value unwritten, one value beside the output."""
    found = trial(*PROBLEMS[name], CPU)
    wanted = found.expected()
    for output, laid in found.outputs.items():
        laid.view.copy_(nearest(wanted[output], DTYPES[laid.view.dtype]))
    assert found.fault(wanted) is None
    (output, laid), *_ = found.outputs.items()
    place = tuple(n - 1 for n in laid.view.shape)
    right = float(laid.view[place])
    laid.view[place] = -right if abs(right) > 1 else right + 3
    assert "off by" in str(found.fault(wanted))
    laid.view[place] = POISON.get(laid.view.dtype, float("nan"))
    assert "unwritten" in str(found.fault(wanted))
    laid.view[place] = right
    laid.buffer[-1] = 0.0
    assert "outside" in str(found.fault(wanted))


def test_a_network_is_tuned_and_runs_by_its_table(graph: Any) -> None:
    clock = Clock("cudnn")
    table = tune(graph, batch=2, device=CPU, timer=clock)
    assert not table.rejected
    distinct = posed(rewritten(graph), TARGET, batch=2)
    assert table.problems.keys() == {each.key for each in distinct}
    assert len(clock.asked) == sum(len(promising(each.kernel, each.problem, TARGET)) for each in distinct)
    tuned = lower(rewritten(graph), TARGET, batch=2, choose=choose_from(table))
    assert "cudnn" in {launch.kernel for launch in tuned.launches}
    x = torch.randn(2, 8, 6, 6)
    by_table = compile_graph(graph, batch=2, choose=choose_from(table))(x)
    torch.testing.assert_close(by_table.float(), cnndsl.loads(TINY).compile().eval()(x), rtol=2e-2, atol=2e-2)


def test_strict_choices_are_our_kernels(graph: Any) -> None:
    table = tune(graph, device=CPU, timer=Clock("cudnn", "conv_tma"))
    plan = lower(rewritten(graph), TARGET, choose=choose_from(table, strict=True))
    assert {launch.kernel for launch in plan.launches} >= {"conv_tma"}
    assert "cudnn" not in {launch.kernel for launch in plan.launches}


def test_what_is_known_is_not_measured_again(graph: Any) -> None:
    first = tune(graph, device=CPU, timer=Clock())
    clock = Clock()
    again = tune(graph, device=CPU, known=first, timer=clock)
    assert not clock.asked and again.problems == first.problems


def test_the_time_ends_it_and_the_costly_come_first(graph: Any) -> None:
    times: Iterator[float] = iter(range(100))
    table = tune(graph, device=CPU, timer=Clock(), until=2, now=lambda: next(times))
    distinct = posed(rewritten(graph), TARGET)
    assert list(table.problems) == [each.key for each in distinct[:2]]
    assert [each.seconds for each in distinct] == sorted((each.seconds for each in distinct), reverse=True)


def test_a_wrong_candidate_is_rejected_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, problem = PROBLEMS["conv_gemm"]
    real = tuning.step

    def broken(name: str, problem: Any, config: Any, tensors: Any) -> Any:
        if name == "cudnn":
            raise RuntimeError("no engine\nand more")
        if FAMILIES[name].boxes:
            return lambda: tensors["y"].zero_()
        return real(name, problem, config, tensors)

    monkeypatch.setattr(tuning, "step", broken)
    each = tuning.Posed(kernel, problem, 1.0)
    seen = []
    table = tune_problems([each], TARGET, Table("test"), CPU, timer=Clock(), observe=seen.append)
    reasons = {rejection.kernel: rejection.reason for rejection in table.rejected}
    assert reasons["conv_tma"].startswith("y: off by") and reasons["cudnn"] == "RuntimeError: no engine"
    assert {timing.kernel for timing in table.problems[each.key]} == {"conv_gemm"} and seen == [table]


def test_a_rejected_candidate_is_not_tried_again() -> None:
    kernel, problem = PROBLEMS["conv_gemm"]
    each = tuning.Posed(kernel, problem, 1.0)
    (first, *others) = promising(kernel, problem, TARGET)
    clock = Clock()
    known = Table("test", rejected=[Rejection(each.key, *first, "illegal access")])
    tune_problems([each], TARGET, known, CPU, timer=clock)
    assert clock.asked == others


class Interrupted:
    """A clock that works for so many candidates, then raises."""

    def __init__(self, count: int, error: BaseException) -> None:
        self.left, self.error, self.asked = count, error, []

    def __call__(self, choice: Any, steps: Sequence[Any]) -> float:
        self.asked.append(choice)
        self.left -= 1
        if self.left < 0:
            raise self.error
        return 1e-6


def test_what_was_measured_outlives_ctrl_c(graph: Any) -> None:
    """And goes on where it was left."""
    distinct = posed(rewritten(graph), TARGET)
    counts = [len(promising(each.kernel, each.problem, TARGET)) for each in distinct]
    clock = Interrupted(counts[0] + 1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        tune(graph, device=CPU, known=Table("interpreter"), timer=clock, observe=tables.save_table)
    kept = tables.known_table("interpreter")
    assert [*kept.problems] == [distinct[0].key]
    again = Clock()
    tune(graph, device=CPU, timer=again)
    assert len(again.asked) == sum(counts[1:])


def test_a_candidate_that_cannot_be_timed_is_one_candidate_less() -> None:
    kernel, problem = PROBLEMS["conv_gemm"]
    each = tuning.Posed(kernel, problem, 1.0)
    table = tune_problems([each], TARGET, Table("test"), CPU, timer=Interrupted(1, RuntimeError("no\nmemory")))
    (first, *others) = promising(kernel, problem, TARGET)
    assert [(timing.kernel, timing.config) for timing in table.problems[each.key]] == [first]
    assert [(no.kernel, no.config) for no in table.rejected] == others
    assert {no.reason for no in table.rejected} == {"RuntimeError: no"}


def test_a_problem_that_cannot_be_posed_is_not_posed_again(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = tuning.trial, []

    def large(kernel: str, problem: Any, *rest: Any) -> Any:
        asked.append(kernel)
        if kernel == "pool":
            raise torch.OutOfMemoryError("1 PiB")
        return real(kernel, problem, *rest)

    monkeypatch.setattr(tuning, "trial", large)
    table = tune(graph, device=CPU, timer=Clock(), observe=tables.save_table)
    assert {(no.kernel, no.config, no.reason) for no in table.rejected} == {("pool", None, "OutOfMemoryError: 1 PiB")}
    assert asked.count("pool") == len(table.rejected) and len(table.problems) > 1
    asked.clear()
    again = tune(graph, device=CPU, timer=Clock())
    assert not asked and again == table


def test_a_lost_device_ends_it_and_is_remembered(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*shape: int, device: Any) -> Any:
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(tuning.torch, "zeros", lost)
    with pytest.raises(DeviceLost, match=r"left the GPU unusable \(RuntimeError: Xid 31\)"):
        tune(graph, device=CPU, timer=Interrupted(0, RuntimeError("Xid 31")), observe=tables.save_table)
    (no,) = tables.known_table("interpreter").rejected
    assert no.reason == "RuntimeError: Xid 31"


def test_a_network_without_a_gpu_is_not_tuned_silently(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "interpreting", lambda: False)
    with pytest.raises(RuntimeError, match="on a GPU"):
        tune(graph, device=CPU)


def some_table() -> Table:
    table = Table("Test GPU")
    for kernel, problem in PROBLEMS.values():
        timings = (Timing(*choice, n + 1.0) for n, choice in enumerate(candidates(kernel, problem, TARGET)))
        table.add(kernel, problem, timings)
    kernel, problem = PROBLEMS["pool"]
    table.rejected.append(Rejection(problem_key(kernel, problem), *candidates(kernel, problem, TARGET)[-1], "wrong"))
    return table


def test_tables_come_back_from_the_cache(tmp_path: Path) -> None:
    table = some_table()
    path = tables.save_table(table)
    assert path is not None and path.is_relative_to(tmp_path)
    assert tables.known_table("Test GPU") == table
    assert tables.known_table("Another GPU") == Table("Another GPU")
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_saving_adds_to_what_is_there() -> None:
    whole = some_table()
    (first, *others) = whole.problems.items()
    tables.save_table(Table("Test GPU", dict([first])))
    tables.save_table(Table("Test GPU", dict(others)))
    assert tables.known_table("Test GPU").problems == whole.problems


@pytest.mark.parametrize("variable", ("XDG_CACHE_HOME", "HOME"))
def test_the_cache_is_where_it_belongs(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("CNNDSL_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    folder = tmp_path if variable == "XDG_CACHE_HOME" else tmp_path / ".cache"
    path = tables.cache_path("NVIDIA H200")
    assert path is not None and path.parent == folder / "cnndsl" / "tuned" and path.name.startswith("NVIDIA_H200-torch")


def damaged(text: str) -> dict[str, str]:
    found = json.loads(text)
    strange = json.loads(text)
    strange["problems"][0]["timings"] = [["conv_gemm", {"is": "no such class"}, 1.0]]
    unhashable = json.loads(text)
    unhashable["problems"][0]["timings"] = [["conv_gemm", {"block_m": 3}, 1.0]]
    return {
        "empty": "",
        "cut": text[: len(text) // 2],
        "no table": "[1, 2]",
        "nested": "[" * 100_000,
        "another format": json.dumps(found | {"format": 99}),
        "other versions": json.dumps(found | {"versions": {"torch": "0.1"}}),
        "no problems": json.dumps({key: value for key, value in found.items() if key != "problems"}),
        "no numbers": text.replace(",1.0]", ',"fast"]'),
        "strange class": json.dumps(strange),
        "no configuration": json.dumps(unhashable),
        "binary": "\x00\ufffd",
    }


@pytest.mark.parametrize("kind", damaged(json.dumps({"problems": [{}]})))
def test_a_damaged_file_is_no_table(kind: str) -> None:
    path = tables.save_table(some_table())
    assert path is not None
    path.write_text(damaged(path.read_text(encoding="utf-8"))[kind], encoding="utf-8")
    assert tables.known_table("Test GPU") == Table("Test GPU")
    assert tables.save_table(some_table()) == path and tables.known_table("Test GPU") == some_table()


def test_an_unreadable_place_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CNNDSL_CACHE_DIR", str(tmp_path / "file"))
    assert tables.save_table(some_table()) is None
    assert tables.known_table("Test GPU") == Table("Test GPU")


def test_timings_of_another_text_of_a_kernel_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    tables.save_table(some_table())
    real = tables.kernel_hash
    monkeypatch.setattr(tables, "kernel_hash", lambda kernel: "changed" if kernel == "conv_gemm" else real(kernel))
    found = tables.known_table("Test GPU")
    assert not any(timing.kernel == "conv_gemm" for timings in found.problems.values() for timing in timings)
    assert problem_key(*PROBLEMS["pool"]) in found.problems


def test_a_shipped_table_holds_for_other_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SHIPPED", tmp_path / "shipped")
    with monkeypatch.context() as before:
        before.setattr(tables, "versions", lambda: {"torch": "2.0", "triton": "3.0"})
        tables.save_table(some_table(), tmp_path / "shipped" / "Test_GPU.json")
    assert tables.known_table("Test GPU").problems == some_table().problems


def test_shipped_tables_can_be_read() -> None:
    for path in tables.SHIPPED.glob("*.json"):
        assert json.loads(path.read_text(encoding="utf-8"))["format"] == tables.FORMAT


BAD: dict[str, tuple[str, Any]] = {
    "an unknown kernel": ("warp_drive", gemm.Config(64, 64, 64, 4, 3)),
    "a configuration that does not ship": ("conv_gemm", gemm.Config(7, 64, 64, 4, 3)),
    "another kernel's configuration": ("conv_tma", gemm.Config(64, 64, 64, 4, 3)),
    "nothing": ("conv_gemm", None),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_table_never_makes_a_plan_invalid(graph: Any, bad: tuple[str, Any]) -> None:
    table = Table("test")
    for each in posed(rewritten(graph), TARGET):
        table.problems[each.key] = (Timing(*bad, 0.5),)
    plan = lower(rewritten(graph), TARGET, choose=choose_from(table))
    assert plan == lower(rewritten(graph), TARGET, choose=suggested)


def test_a_kernel_that_refuses_is_not_chosen() -> None:
    problem = replace(PROBLEMS["conv_gemm"][1], stride=(2, 2))
    config = next(config for kernel, config in candidates(*PROBLEMS["conv_gemm"], TARGET) if kernel == "conv_tma")
    table = Table("test", {problem_key("conv_gemm", problem): (Timing("conv_tma", config, 0.5),)})
    assert choose_from(table)("conv_gemm", problem, TARGET) == suggested("conv_gemm", problem, TARGET)


@pytest.mark.parametrize(("start", "kernel"), ((8, "conv_tma"), (4, "conv_gemm")))
def test_boxes_are_only_read_where_vectors_start(start: int, kernel: str) -> None:
    network = f"network t {{ input 32 x 6 x 6\n channel_slice {start}, 24 -> conv 3x3, 16 }}"
    tma = next(choice for choice in candidates(*PROBLEMS["conv_gemm"], TARGET) if choice[0] == "conv_tma")
    choose = lambda name, *problem: Chosen(*tma) if name == "conv_gemm" else suggested(name, *problem)  # noqa: E731
    plan = lower(rewritten(cnndsl.loads(network).graph), TARGET, choose=choose)
    assert plan.launches[-1].kernel == kernel


def test_bfloat16_takes_what_float16_measured() -> None:
    kernel, problem = PROBLEMS["conv_gemm"]
    slow = candidates(kernel, problem, TARGET)[-1]
    table = Table("test", {problem_key(kernel, problem): (Timing(*slow, 0.5),)})
    assert choose_from(table)(kernel, replace(problem, dtype="bf16"), TARGET) == Chosen(*slow, 0.5e-6)


CHAINED = """network c { input 16 x 8 x 8
    residual { conv 3x3, 16 -> relu -> conv 1x1, 16 }
    relu -> conv 1x1, 4 -> relu
    concat { | conv 1x1, 8 -> relu | conv 3x3, 8 -> relu }
    conv 1x1, 4
}"""


@pytest.mark.parametrize(("together", "expected"), ((1.0, 2), (1000.0, 0)))
def test_a_measurement_decides_about_chains(together: float, expected: int) -> None:
    graph = rewritten(cnndsl.loads(CHAINED).graph)
    table = Table("test")
    for each in posed(graph, TARGET):
        model = suggested(each.kernel, each.problem, TARGET)
        microseconds = together if each.kernel == "chain" else 10.0
        table.add(each.kernel, each.problem, [Timing(model.kernel, model.config, microseconds)])
    notes = Notes()
    plan = lower(graph, TARGET, choose=choose_from(table), notes=notes)
    assert [launch.kernel for launch in plan.launches].count("chain") == expected
    refused = [each.reason for each in notes.refusals if each.reason.endswith("of the time as measured")]
    assert bool(refused) == (not expected)
    kernels = {launch.kernel for launch in plan.launches} - {"pack", "chain"}
    known = all(choose_from(table)(each.kernel, each.problem, TARGET).seconds for each in plan.launches[1:])
    assert known and kernels <= {"conv_gemm", "pointwise"}


def test_half_a_measurement_leaves_chains_to_the_model() -> None:
    graph = rewritten(cnndsl.loads(CHAINED).graph)
    table = Table("test")
    for each in posed(graph, TARGET):
        if each.kernel == "chain":
            model = suggested(each.kernel, each.problem, TARGET)
            table.add(each.kernel, each.problem, [Timing(model.kernel, model.config, 1e6)])
    assert lower(graph, TARGET, choose=choose_from(table)) == lower(graph, TARGET)


@pytest.mark.parametrize("milliseconds", (0.002, 0.5, 40.0))
@pytest.mark.parametrize("copies", (1, 3, 8))
def test_a_launch_is_timed_in_a_graph(milliseconds: float, copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch)
    steps = [cuda.step(milliseconds) for _ in range(copies)]
    assert launch_seconds(steps, CPU) == pytest.approx(milliseconds / 1000)
    assert cuda.launches <= 2 + copies, "launched outside of the graph"
    assert cuda.now < 100 + 100 * milliseconds, "long launches are measured as often as short ones"


def test_a_launch_is_timed_on_its_own_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is current."""
    cuda, second = FakeCuda(monkeypatch), torch.device("cuda", 1)
    assert launch_seconds([cuda.step(0.5, second)], second) == pytest.approx(0.5e-3)
    assert cuda.clocks[0] == 0.0 < cuda.clocks[1]


def test_candidates_compile_in_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the path of a launch, into Triton's cache; a fault is told, a crash is survived."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "triton"))
    kernel, problem = PROBLEMS["conv_gemm"]
    good = Request(kernel, problem, gemm.Config(64, 64, 32, 4, 2, splits=2), unaligned=("x",))
    bad = Request(kernel, problem, gemm.Config(60, 64, 32, 4, 2))
    with Compilers(TARGET, 1) as compilers:
        compilers.expect([good, bad])
        assert compilers.fault(good) is None
        kernels = sorted(path.stem for path in (tmp_path / "triton").rglob("*.cubin"))
        assert kernels == ["conv_gemm_kernel"]
        assert "Error" in str(compilers.fault(bad))
        (process,) = compilers.running
        process.kill()
        other = Request(kernel, problem, gemm.Config(64, 32, 32, 4, 2))
        assert compilers.fault(other) == "the compiler ended with code -9"
        pool = Request("pool", PROBLEMS["pool"][1], candidates(*PROBLEMS["pool"], TARGET)[0][1])
        assert compilers.fault(pool) is None
        assert len(compilers.wait()) == 2
    assert all(each.poll() is not None for each in compilers.running) and len(compilers.running) == 2


def test_a_compiler_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what it has started; the next candidate gets a compiler of its own."""
    program = tmp_path / "hangs"
    program.write_text(f"#!/bin/sh\nsleep 60 & echo $! >> {tmp_path}/started\nwait\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    kernel, problem = PROBLEMS["conv_gemm"]
    requests = [Request(kernel, problem, gemm.Config(64, 64, 32, 4, stages)) for stages in (2, 3)]
    with Compilers(TARGET, 1, limit=0.3) as compilers:
        for request in requests:
            assert compilers.fault(request) == "the compiler was ended: it took more than 0.3 s"
    started = [int(line) for line in (tmp_path / "started").read_text().split()]
    assert len(started) == 2 and not any(alive(number) for number in started)


def alive(process: int) -> bool:
    """A process that was ended may still be listed, as a zombie."""
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"


@pytest.mark.parametrize(("there", "most"), ((224, 16), (8, 7), (1, 1)))
def test_compilers_leave_room_on_small_and_large_hosts(there: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeCuda(monkeypatch)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: range(there))
    asked = []
    monkeypatch.setattr(tuning, "Compilers", lambda target, count: asked.append(count) or Compilers(target, 0))
    tune_problems([], TARGET, Table("test"), torch.device("cuda", 1))
    assert asked == [most]


@pytest.mark.parametrize(("block_k", "arch"), [(32, 100), (128, 90)])
def test_a_launch_finds_what_was_compiled_for_it(
    block_k: int, arch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that a launch tells the compiler, a limit of registers too, and for the GPU that it runs on."""
    kernel, problem = PROBLEMS["conv_gemm"]
    config = gemm.Config(64, 64, block_k, 4, 2)
    limit = FAMILIES["conv_gemm"].specialize(problem, config).options(90).get("maxnreg")
    assert (limit is None) == (block_k == 32)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    with Compilers(replace(TARGET, arch=arch), 1) as compilers:
        assert compilers.fault(Request(kernel, problem, config)) is None
    (made,) = tmp_path.rglob("conv_gemm_kernel.json")
    found = json.loads(made.read_text())
    assert (found["maxnreg"], found["target"]["arch"]) == (limit, arch)
