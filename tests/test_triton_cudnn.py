"""cuDNN's graphs as candidates, without a GPU: what they are told, where they write, when they are chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

import fake_cudnn  # noqa: E402
from fake_cuda import FakeCuda  # noqa: E402
from triton_problems import PROBLEMS  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.triton import cudnn_graph, library_steps, stored  # noqa: E402
from cnndsl.backends.triton import table as tables  # noqa: E402
from cnndsl.backends.triton.building import Chosen, suggested  # noqa: E402
from cnndsl.backends.triton.candidates import candidates  # noqa: E402
from cnndsl.backends.triton.execute import Executor  # noqa: E402
from cnndsl.backends.triton.library import (  # noqa: E402
    LIBRARIES,
    POSED,
    RANKS,
    GraphConfig,
    LibraryConfig,
    graph_refusal,
    refusal,
)
from cnndsl.backends.triton.lower import lower, rewritten  # noqa: E402
from cnndsl.backends.triton.module import compile_graph  # noqa: E402
from cnndsl.backends.triton.table import choose_from  # noqa: E402
from cnndsl.backends.triton.trial import trial  # noqa: E402
from cnndsl.backends.triton.tuning import checked, tune  # noqa: E402
from cnndsl.errors import MissingExtra  # noqa: E402
from cnndsl.kernels.families.conv_gemm import Problem  # noqa: E402
from cnndsl.kernels.tails import expression  # noqa: E402
from cnndsl.kernels.targets import TARGETS, Target  # noqa: E402
from cnndsl.ops.base import all_layers  # noqa: E402

CPU, TARGET = torch.device("cpu"), TARGETS["sm_90"]
TAKEN = {
    name: problem for name, (kernel, problem) in PROBLEMS.items() if kernel in POSED and graph_refusal(problem) is None
}
CONCAT = """network n {
    input 16 x 6 x 6
    concat { | conv 1x1, 8 -> silu | conv 3x3, 12, pad=[2, 0, 1, 1] | conv 3x3, 28 -> bn -> relu }
    residual { bn -> relu -> conv 1x1, 48 }
    conv 3x3, 8
}"""


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeCuda(monkeypatch)
    fake_cudnn.install(monkeypatch)


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("name", TAKEN)
def test_a_graph_computes_the_problem_in_its_place(name: str) -> None:
    """With all that is fused to it, by every engine that there is."""
    kernel, problem = PROBLEMS[name]
    assert {("cudnn_graph", GraphConfig(rank)) for rank in range(RANKS)} <= set(candidates(kernel, problem, TARGET))
    found = trial(kernel, problem, CPU)
    wanted = found.expected()
    for rank in range(fake_cudnn.ENGINES):
        assert checked(("cudnn_graph", GraphConfig(rank)), found, wanted) is None
    beyond = checked(("cudnn_graph", GraphConfig(fake_cudnn.ENGINES)), found, wanted)
    assert beyond == "RuntimeError: cuDNN has 2 engines for it"


@pytest.mark.usefixtures("_installed")
def test_graphs_take_what_pytorchs_calls_do_not() -> None:
    silu = "x / (1.0 + tl.exp(-x))"
    problem = Problem("fp16", 1, 8, 8, 16, 16, 16, 32, (3, 3), sides=(1, 0, 1, 0), tail=(silu,))
    assert graph_refusal(problem) is None and refusal(problem) is not None
    assert {"conv_gemm, residual", "conv_gemm, linear over a map", "conv1x1_pre"} <= TAKEN.keys()
    every = {
        name
        for name, posed in PROBLEMS.items()
        if "cudnn_graph" in {kernel for kernel, _ in candidates(*posed, TARGET)}
    }
    assert every == TAKEN.keys()


EXACT = Problem("fp32", 1, 4, 4, 8, 16, 8, 16, precision="ieee")


@pytest.mark.parametrize("change", ({"precision": "tf32"}, {"dtype": "fp16"}, {"dtype": "bf16"}))
def test_products_that_may_not_be_rounded_are_not_given_away(change: dict[str, Any]) -> None:
    assert graph_refusal(EXACT) is not None and graph_refusal(replace(EXACT, **change)) is None


def pointwise_layers() -> Iterator[tuple[str, Any]]:
    """Every pointwise layer of one tensor, with the arguments of its examples."""
    for layer in all_layers().values():
        for line in layer.examples if layer.arity == 1 else ():
            shape, _, text = line.partition(" -> ")
            op = [*cnndsl.loads(f"network n {{ input {shape}\n {text} }}").graph][-1].op
            if op.triton is not None:
                yield text, op


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("op", [pytest.param(op, id=text) for text, op in pointwise_layers()])
def test_every_pointwise_layer_is_made_of_operations_of_graphs(op: Any) -> None:
    problem = Problem("fp16", 1, 5, 5, 16, 16, 16, 16, tail=(expression(op),))
    found = trial("conv_gemm", problem, CPU)
    assert checked(("cudnn_graph", GraphConfig()), found, found.expected()) is None


@pytest.mark.usefixtures("_installed")
def test_what_has_no_operation_is_refused_with_its_text() -> None:
    problem = replace(TAKEN["conv_gemm"], tail=("libdevice.lgamma(x)",))
    reason = checked(("cudnn_graph", GraphConfig()), trial("conv_gemm", problem, CPU), {})
    assert reason == "ValueError: cuDNN has no operation for `lgamma`"


def by_graphs(kernel: str, problem: Any, target: Target) -> Chosen:
    taken = kernel in POSED and graph_refusal(problem) is None
    return Chosen("cudnn_graph", GraphConfig()) if taken else suggested(kernel, problem, target)


@pytest.mark.usefixtures("_installed")
def test_a_network_runs_by_graphs_where_tensors_start_at_whole_vectors() -> None:
    """Slices of a concat are written in place; one that starts between vectors is left to our kernel."""
    network = cnndsl.loads(CONCAT)
    module, plain = compile_graph(network.graph, choose=by_graphs), network.compile(seed=1).eval()
    kernels = {launch.nodes[0]: launch.kernel for launch in module.plan(1).launches}
    assert kernels == {
        "input": "pack",
        "branch1.conv": "cudnn_graph",
        "branch2.conv": "cudnn_graph",
        "branch3.conv": "conv_gemm",  # after 8 and 12 channels
        "conv1": "cudnn_graph",  # with its prologue and its sum
        "conv2": "cudnn_graph",
    }
    module.load_state_dict(plain.state_dict())
    x = torch.randn(1, 16, 6, 6)
    torch.testing.assert_close(module(x).float(), plain(x), rtol=2e-2, atol=2e-2)
    assert len(module.executor(1, CPU).steps) == len(kernels) - 1, "biases are read as they are, in float32"


@pytest.mark.usefixtures("_installed")
def test_graphs_are_chosen_where_they_were_measured_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNDSL_CACHE_DIR", str(tmp_path))
    graph = cnndsl.loads("network n { input 16 x 4 x 4\n conv 1x1, 16 -> relu }").graph
    fast = {"cudnn_graph": 1e-6, "cudnn": 2e-6}
    table = tune(graph, device=CPU, timer=lambda choice, steps: fast.get(choice[0], 9e-6), observe=tables.save_table)
    assert {each.reason for each in table.rejected} == {"RuntimeError: cuDNN has 2 engines for it"}
    chosen = choose_from(tables.known_table("interpreter"))

    def kernels(choose: Any) -> set[str]:
        return {launch.kernel for launch in lower(rewritten(graph), TARGET, choose=choose).launches}

    assert "cudnn_graph" in kernels(chosen) and not {*LIBRARIES} & kernels(choose_from(table, strict=True))
    monkeypatch.setattr(cudnn_graph, "version", lambda: "10, 1")
    tables.kernel_hash.cache_clear()
    assert {*LIBRARIES} & kernels(choose_from(tables.known_table("interpreter"))) == {"cudnn"}
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None)
    assert "cudnn_graph" not in kernels(chosen), "a table made a plan that does not run here"


def test_a_kept_plan_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = lower(rewritten(cnndsl.loads(CONCAT).graph), TARGET, choose=by_graphs)
    assert stored.loads(stored.dumps(plan)) == plan
    weights = {each.name: torch.zeros(each.shape) for each in plan.weights}
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'needs cudnn: pip install "cnndsl\[cudnn\]"'):
        Executor(plan, weights, CPU)


def test_the_real_package_describes_every_problem() -> None:
    """Of which describing, unlike planning, needs no GPU."""
    real = pytest.importorskip("cudnn")
    for name, problem in TAKEN.items():
        found = trial(PROBLEMS[name][0], problem, CPU)
        lying = cudnn_graph.geometry(found.tensors)
        graph, numbers = cudnn_graph.described(real, problem, lying)
        assert {each.name for each in graph.get_inputs()} >= numbers.keys() - {"y"}


class Searches:
    """PyTorch's calls of cuDNN, which say whether they may search."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[bool] = []
        real = torch.nn.functional.conv2d
        monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *given: (self.note(), real(*given))[1])

    def note(self) -> None:
        self.seen.append(torch.backends.cudnn.benchmark)


@pytest.mark.parametrize("before", (False, True))
def test_cudnn_searches_for_its_candidates_alone(before: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", before)
    searches = Searches(monkeypatch)
    found = trial("conv_gemm", PROBLEMS["conv_gemm"][1], CPU)
    assert checked(("cudnn", LibraryConfig()), found, found.expected()) is None
    assert searches.seen[-1] and torch.backends.cudnn.benchmark is before


def test_nothing_is_searched_while_a_graph_is_captured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    seen = []
    with library_steps.searching(SimpleNamespace(is_cuda=True)):
        seen.append(torch.backends.cudnn.benchmark)
    with library_steps.searching(SimpleNamespace(is_cuda=False)):
        seen.append(torch.backends.cudnn.benchmark)
    assert seen == [False, True]
