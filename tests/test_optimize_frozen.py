"""The frozen module: a compiled program is the same network, and never one of weights that are gone."""

from __future__ import annotations

import copy
import pickle
import shutil
import time
from collections.abc import Callable
from types import MethodType

import pytest
import torch
from test_optimize import assert_same, example, outputs, scrambled
from torch import Tensor, nn

import cnndsl
from cnndsl.backends.torch import frozen, programs, ways
from cnndsl.backends.torch.frozen import Frozen
from cnndsl.backends.torch.programs import Inputs, Program, inductor, onednn_graph
from cnndsl.backends.torch.seen import Seen

without_cpp = pytest.mark.skipif(not shutil.which("g++"), reason="PyTorch's compiler needs one for C++")
X = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


# What a frozen module does with a program is the same for both; that of torch.compile takes seconds for each.
with_inductor = pytest.mark.parametrize(
    "compiler", [pytest.param(inductor, marks=without_cpp), onednn_graph], indirect=True, ids=lambda each: each.__name__
)


def the_last_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ways, "typical_times", lambda programs, inputs: [0.5**number for number in range(len(programs))]
    )


@pytest.fixture(
    autouse=True,
    params=[pytest.param(inductor, marks=[without_cpp, pytest.mark.slow]), onednn_graph],
    ids=lambda compiler: compiler.__name__,
)
def compiler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """The only one, and it wins, whatever the clock says."""
    monkeypatch.setattr(frozen, "COMPILERS", (request.param,))
    monkeypatch.setattr(frozen, "installed", list)
    the_last_wins(monkeypatch)
    return request.param  # type: ignore[no-any-return]


def freezer(module: nn.Module) -> Frozen:
    found = module.forward.__self__
    assert isinstance(found, Frozen)
    return found


def compiled_programs(module: nn.Module) -> list[Program]:
    return [each for each in freezer(module).programs.values() if not isinstance(each, MethodType)]


@pytest.mark.parametrize("name", ["projection", "dense", "heads"])
def test_it_computes_what_the_plain_module_computes(name: str) -> None:
    network = example(name)
    plain, fast = scrambled(network.compile()), network.optimize(freeze=True)
    fast.load_state_dict(plain.state_dict())
    for x in (X, X, X.contiguous(memory_format=torch.channels_last)):
        assert_same(fast, plain, x, 1e-5)
    assert len(compiled_programs(fast)) == 1  # one serves all three


def test_bfloat16_without_a_processor_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is computed in float32, by a copy that does not go stale."""
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    network = example("heads")
    plain, fast = scrambled(network.compile()), network.optimize(freeze=True)
    fast.load_state_dict(plain.state_dict())
    fast.to(torch.bfloat16)
    before = outputs(fast, X.bfloat16())
    for expected, found in zip(outputs(plain, X), before, strict=True):
        assert found.dtype is torch.bfloat16
        torch.testing.assert_close(found.float(), expected, rtol=3e-2, atol=3e-2)
    fast.load_state_dict(network.compile(seed=5).state_dict())
    assert not torch.equal(outputs(fast, X.bfloat16())[0], before[0])
    with pytest.raises(RuntimeError, match="type"):  # float32 weights on bfloat16 stay the error that they are
        outputs(network.optimize(freeze=True), X.bfloat16())


@pytest.mark.parametrize(
    "compiler",
    [pytest.param(inductor, marks=[without_cpp, pytest.mark.slow]), onednn_graph],
    indirect=True,
    ids=lambda each: each.__name__,
)
def test_bfloat16() -> None:
    network = example("inception")
    plain, fast = scrambled(network.compile()), network.optimize(freeze=True)
    fast.load_state_dict(plain.state_dict())
    (found,) = outputs(fast.bfloat16(), X.bfloat16())
    assert found.dtype == torch.bfloat16 and compiled_programs(fast)
    torch.testing.assert_close(found.float(), outputs(plain, X)[0], rtol=0.1, atol=0.1)


@torch.no_grad()
def written_over(module: nn.Module) -> None:
    next(module.parameters()).mul_(2)


def replaced(module: nn.Module) -> None:
    layer = next(each for each in module.modules() if isinstance(each, nn.Conv2d))
    layer.weight = nn.Parameter(2 * layer.weight, requires_grad=False)


def swapped(module: nn.Module) -> None:
    weight = next(module.parameters())
    weight.data = 2 * weight.data


def loaded(module: nn.Module) -> None:
    module.load_state_dict(example("residual").compile(seed=7).state_dict())


@torch.inference_mode()
def loaded_in_inference_mode(module: nn.Module) -> None:
    loaded(module)


def part_replaced(module: nn.Module) -> None:
    """By a layer with other weights."""
    name, layer = next((name, each) for name, each in module.named_modules() if isinstance(each, nn.Conv2d))
    other = copy.deepcopy(layer)
    written_over(other)
    module.get_submodule(name.rpartition(".")[0]).register_module(name.rpartition(".")[2], other)


CHANGES = (written_over, replaced, part_replaced, swapped, loaded, loaded_in_inference_mode)


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_never_stale(change: Callable[[nn.Module], None]) -> None:
    network = example("residual")
    fast, direct = network.optimize(freeze=True), network.optimize()
    before = outputs(fast, X)[0]
    assert compiled_programs(fast)
    change(fast)
    change(direct)
    assert not torch.allclose(outputs(fast, X)[0], before)
    assert_same(fast, direct, X, 1e-5)


def parameter_added(module: nn.Sequential) -> None:
    module[0].register_parameter("gain", nn.Parameter(torch.ones(2)))  # the very last of what is held


def parameter_gone(module: nn.Sequential) -> None:
    del module[0].bias


def layer_added(module: nn.Sequential) -> None:
    module.append(nn.ReLU())


@pytest.mark.parametrize("change", [parameter_added, parameter_gone, layer_added, written_over, swapped])
def test_a_change_is_seen(change: Callable[[nn.Module], None]) -> None:
    module = nn.Sequential(nn.Linear(2, 2))
    seen = Seen(module)
    assert seen.unchanged()
    change(module)
    assert not seen.unchanged() and Seen(module).unchanged()


@with_inductor
def test_each_shape_has_its_program() -> None:
    network = example("residual")
    fast, plain = network.optimize(freeze=True), network.compile().eval()
    for x in (X, X[:1], X):
        assert_same(fast, plain, x, 1e-5)
    assert len(compiled_programs(fast)) == 2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_a_copy_is_one_of_its_own(copied: Callable[[nn.Module], nn.Module]) -> None:
    network = example("residual")
    first = network.optimize(freeze=True)
    before = outputs(first, X)
    second = copied(first)
    second.load_state_dict(network.compile(seed=2).state_dict())
    assert_same(second, network.compile(seed=2).eval(), X, 1e-5)
    assert compiled_programs(second) and torch.equal(outputs(first, X)[0], before[0])


def test_a_slower_program_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "typical_times", lambda programs, inputs: [1.0] * len(programs))
    fast = example("residual").optimize(freeze=True)
    assert_same(fast, example("residual").compile().eval(), X, 1e-5)
    assert freezer(fast).programs and not compiled_programs(fast)


@pytest.mark.filterwarnings("error")
def test_what_cannot_be_frozen_runs_as_written() -> None:
    network = example("residual")
    fast, plain = network.optimize(freeze=True), network.compile().eval()
    x = X.clone().requires_grad_()
    fast(x).sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0
    assert_same(fast.double(), plain.double(), X.double(), 1e-6)
    with torch.inference_mode():
        weights_of_inference = copy.deepcopy(fast).float()
    assert_same(weights_of_inference, plain.float(), X, 1e-5)
    assert not freezer(fast).programs and not freezer(weights_of_inference).programs


def test_it_can_be_compiled_and_exported() -> None:
    network = example("inception")
    fast, plain = network.optimize(freeze=True), network.compile().eval()
    assert_same(torch.compile(fast, backend="eager", fullgraph=True), plain, X, 1e-5)
    assert_same(torch.export.export(fast, (X,)).module(), plain, X, 1e-5)


@pytest.mark.parametrize(("name", "rows"), [("residual", 4), ("heads", 3)])
def test_a_batch_of_large_tensors_goes_in_parts(
    name: str, rows: int, compiler: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of equal size, so that one program serves them all."""
    compiled_for: list[int] = []

    def noted(module: nn.Module, run: Program, inputs: Inputs, largest: int) -> Program:
        compiled_for.append(len(inputs[0]))
        return compiler(module, run, inputs, largest)

    network = example(name)
    written, fast, plain = network.optimize(), network.optimize(freeze=True), network.compile().eval()
    outputs(written, X[:1])  # its weights are packed
    limit = rows * programs.largest_tensor(lambda: outputs(written, X[:1]))
    monkeypatch.setattr(programs, "KEPT_BY_MALLOC", limit)
    monkeypatch.setattr(frozen, "COMPILERS", (noted,))
    x = torch.randn(12, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    assert_same(fast, plain, x, 1e-5)
    assert compiled_for == [rows] and len(compiled_programs(fast)) == 1


@pytest.mark.parametrize(
    ("batch", "largest", "rows"), [(16, 64, 8), (16, 2**20, 1), (17, 64, 1), (6, 64, 3), (4, 32, 4)]
)
def test_rows_at_a_time(batch: int, largest: int, rows: int) -> None:
    assert programs.rows_at_a_time(batch, largest * 2**20) == rows


def test_the_fastest() -> None:
    """One that is faster by less than noise is does not win."""

    def slow(x: Tensor) -> None:
        time.sleep(0.01)

    def fast(x: Tensor) -> None:
        pass

    assert [programs.fastest(programs.typical_times(each, (X,))) for each in ([slow, fast], [fast, slow])] == [1, 0]
    assert programs.fastest([1.0, 0.995, 0.991]) == 0 and programs.fastest([1.0, 0.97, 0.96, 0.9]) == 3


def broken(*args: object) -> Program:
    raise RuntimeError("no compiler here\nand more lines")


def mistaken(module: nn.Module, run: Program, inputs: Inputs, largest: int) -> Program:
    return lambda x: run(x) + 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (broken, "not frozen by broken: RuntimeError: no compiler here$"),
        (mistaken, "by mistaken: it computes something"),
    ],
)
def test_without_a_working_compiler_it_says_so_and_runs(
    monkeypatch: pytest.MonkeyPatch, wrong: Callable[..., Program], says: str
) -> None:
    monkeypatch.setattr(frozen, "COMPILERS", (wrong,))
    fast = example("residual").optimize(freeze=True)
    with pytest.warns(UserWarning, match=says):
        assert_same(fast, example("residual").compile().eval(), X, 1e-5)
    assert not compiled_programs(fast)


def test_nothing_is_left_switched_on() -> None:
    before = torch.jit.onednn_fusion_enabled()
    assert outputs(example("residual").optimize(freeze=True), X)
    assert torch.jit.onednn_fusion_enabled() == before


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "name",
    ["alexnet", "vgg16", "googlenet", "resnet50", "resnext50_32x4d", "densenet121", "squeezenet1_1", "inception_v4"],
)
def test_the_networks_of_the_benchmark(name: str, dtype: torch.dtype) -> None:
    network = cnndsl.load(name)
    plain, fast = network.compile().eval(), network.optimize(freeze=True)
    x = torch.randn(1, *network.input_shape, generator=torch.Generator().manual_seed(0))
    (expected,) = outputs(plain, x)
    (found,) = outputs(fast.to(dtype), x.to(dtype))
    assert compiled_programs(fast)
    tolerance = 2e-5 if dtype is torch.float32 else 0.1
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=tolerance * float(expected.abs().max()))
