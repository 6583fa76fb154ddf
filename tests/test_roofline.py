"""The traffic of plans without a GPU: eager as others counted it, and ours at or below what fusion was to reach."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")

import l2
import plans
import roofline

import cnndsl
from cnndsl.analysis import summarize
from cnndsl.backends.triton import make_plan
from cnndsl.backends.triton.roofline import BATCH, CARDS, floor_of, floors
from cnndsl.cli import summary as summary_command
from cnndsl.cli.main import main
from cnndsl.kernels.families import conv_gemm
from cnndsl.kernels.tails import RELU
from cnndsl.kernels.targets import TARGETS
from cnndsl.kernels.work import Work

# Milliseconds on an H200 (4.3 TB/s, 790 TFLOP/s), batch 32, half precision, of a model that was made without this
# project: eager PyTorch, and with everything fused that its author thought of. It takes the picture as kernels want it.
FLOORS = {
    "resnet50": (1.330, 0.531),
    "resnet152": (2.98, 1.26),
    "googlenet_torchvision": (0.467, 0.212),
    "densenet121": (1.617, 0.381),
    "squeezenet1_0": (0.379, 0.170),
    "resnext50_32x4d": (1.59, 0.584),
    "inception_v4": (2.45, 1.26),
    "vgg16": (1.86, 1.46),
}


@pytest.mark.parametrize("name", FLOORS)
def test_floors(name: str) -> None:
    graph = cnndsl.load(name).graph
    plan = make_plan(graph, "sm_90", batch=32)
    eager, fused = FLOORS[name]
    found = {
        count.way: 1e3 * count.floors["H200"]
        for count in (
            roofline.count("eager", roofline.eager(graph, 32)),
            roofline.count_launches("inside", roofline.inside(plan)),
            roofline.count_launches("ours", plan.launches),
            roofline.count("ideal", roofline.ideal(plan)),
        )
    }
    assert found["eager"] == pytest.approx(eager, rel=0.005)
    assert found["inside"] <= fused
    assert found["ideal"] < found["inside"] < found["ours"] < found["eager"]


RESULTS = Path(plans.__file__).parent / "results"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "squeezenet1_1" else pytest.mark.slow) for name in plans.NETWORKS]
)
def test_the_numbers_of_plans_are_those_of_this_version(name: str) -> None:
    """Renew them with `python benchmarks/plans.py --json benchmarks/results/plans.json`, and the table in the docs."""
    kept = plans.read(RESULTS / "plans.json")
    page = (RESULTS.parent.parent / "docs" / "triton.md").read_text(encoding="utf-8")
    before = {(each["network"], each["batch"]): plans.Row(**each) for each in plans.read(RESULTS / "plans_before.json")}
    found = [*plans.rows([name])]
    assert [asdict(row) for row in found] == [each for each in kept if each["network"] == name]
    assert [row.batch for row in found] == [1, 32, 256]
    for row in found:
        assert row.floor <= row.by_l2 and 0 < row.useful <= 1
        assert plans.line(row, before[name, row.batch]) in page


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "vgg16" else pytest.mark.slow) for name in l2.GOALS]
)
def test_what_is_left_is_what_the_page_says(name: str) -> None:
    """Renew it with `python benchmarks/l2.py`."""
    page = (RESULTS.parent.parent / "docs" / "triton.md").read_text(encoding="utf-8")
    assert "\n".join(l2.rows(name)) in page


STAGES = {(28, 128): 98, (14, 256): 98, (7, 512): 104}  # rows and filters of ResNet-50's 3x3, and blocks at batch 32


@pytest.mark.parametrize("stage", STAGES)
def test_no_number_of_parts_fills_uneven_waves_for_less(stage: tuple[int, int]) -> None:
    """Of tiles that leave a quarter of the multiprocessors idle, also beyond the numbers that are tried otherwise."""
    (rows, filters), target = stage, TARGETS["sm_90"]
    problem = conv_gemm.Problem(
        "fp16", 32, rows, rows, filters, filters, filters, filters, (3, 3), sides=(1, 1, 1, 1), tail=(RELU,)
    )
    chosen = conv_gemm.suggest(problem, target)
    assert conv_gemm.tiling(problem, chosen).blocks == STAGES[stage] < 0.8 * target.units
    least = conv_gemm.tiling(problem, chosen).seconds(target)
    for config in conv_gemm.configurations(target, "fp16"):
        for parts in range(1, 33):
            split = replace(conv_gemm.fit(config, problem), splits=parts)
            assert conv_gemm.tiling(problem, split).seconds(target) >= least, split


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("googlenet", "resnet50", "densenet121")]


@pytest.mark.parametrize("name", ["squeezenet1_0", *SLOW])
def test_a_summary_has_the_times_of_the_benchmark(name: str) -> None:
    graph, card = cnndsl.load(name).graph, CARDS["A100"]
    found = floors(graph, card)
    assert set(found) <= {node.name for node in graph}
    plan = make_plan(graph, card.name, batch=BATCH)
    counts = (roofline.count("eager", roofline.eager(graph, BATCH)), roofline.count_launches("ours", plan.launches))
    for way, count in enumerate(counts):
        seconds = count.floors["A100"]
        for depth in (1, 2, 99):
            summary = summarize(graph, depth, floors=found)
            assert summary.floors[way].seconds == pytest.approx(seconds)
            outer = [(row.unfused, row.fused)[way] for row in summary.rows if row.level == 0]
            assert sum(floor.seconds for floor in outer) == pytest.approx(seconds)
            assert sum(floor.on_memory for floor in outer) <= seconds


def test_what_waits_for_memory_is_what_has_fewer_operations_a_byte_than_the_card() -> None:
    card = CARDS["H200"]
    ridge = card.flops / card.bandwidth
    assert floor_of(Work(1000, int(1000 * ridge * 0.9)), card).bound == "memory"
    assert floor_of(Work(1000, int(1000 * ridge * 1.1)), card).bound == "compute"
    assert (floor_of(Work(1000, 0), card) + floor_of(Work(3000, int(9000 * ridge)), card)).bound == "compute"


def test_the_command_knows_the_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuple(name.lower().replace(" ", "") for name in CARDS) == summary_command.CARDS
    assert main(["summary", "lenet5", "--roofline", "rtx4090", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads((files("cnndsl.analysis") / "summary.schema.json").read_text("utf-8")))
    assert document["fused"]["seconds"] > 0 and document["unfused"]["on_memory"] > 0
    assert main(["summary", "lenet5", "--roofline", "h200", "--sort", "macs"]) == 2
