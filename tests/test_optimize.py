"""The optimised module: computes what the plain one computes, loads its weights, and is written as it runs."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch
from examples import examples
from hypothesis import HealthCheck, given, settings
from random_networks import networks
from torch import Tensor, nn

import cnndsl
from cnndsl import Architecture
from cnndsl.backends.torch import build, load_written, optimize
from cnndsl.cli.main import main
from cnndsl.ir import Graph
from cnndsl.ops import base
from cnndsl.ops.activation import Pointwise
from cnndsl.ops.base import Shape, TorchExpression

EXAMPLES = {
    "residual": "conv 3x3, 8 -> bn -> relu\n residual { conv 1x1, 4 -> bn -> relu -> conv 3x3, 8 -> bn }\n relu",
    "projection": "residual shortcut=projection { conv 3x3, 8, /2 -> bn }\n relu -> global_avgpool -> linear 5",
    "inception": "concat { | conv 1x1, 4 -> relu | conv 1x1, 3 -> relu -> conv 3x3, 4 -> relu | conv 1x1, 2 -> relu }",
    "dense": "dense 2 { bn -> relu -> conv 1x1, 8 -> bn -> relu -> conv 3x3, 4 }\n"
    " bn -> relu -> conv 1x1, 4, bias=false\n avgpool 2x2, /2",
    "mobile": "conv 1x1, 8 -> bn -> relu6 -> depthwise 3x3, /2 -> bn -> relu6 -> conv 1x1, 4 -> bn",
    "activations": "conv 3x3, 4 -> gelu -> conv 3x3, 4 -> silu -> conv 3x3, 4 -> leaky_relu 0.2 -> conv 3x3, 4\n"
    " elu 0.5 -> conv 3x3, 4 -> hardswish -> conv 3x3, 4 -> gelu approximate=tanh -> conv 3x3, 4 -> hardsigmoid\n"
    " conv 1x1, 3 -> tanh -> conv 3x3, 4 -> sigmoid -> conv 1x1, 3 -> scale 0.5",
    "vectors": "flatten -> linear 8 -> bn -> relu -> dropout -> linear 4 -> softmax",
    "asymmetric": "conv 2x2, 4, pad=[0, 1, 0, 1] -> bn -> relu -> conv_transpose 2x2, 4, /2 -> bn -> relu",
    "reserved names": "conv 3x3, 4 as half\n bn as forward\n relu",
    "heads": "conv 3x3, 4 -> bn -> relu as kept\n head side { conv 1x1, 2 }\n"
    " head late, train_only=true { global_avgpool -> linear 3 }\n conv 1x1, 3 -> bn",
}


def example(name: str) -> Architecture:
    return cnndsl.loads(f"network n {{ input 3 x 8 x 8\n {EXAMPLES[name]} }}")


@torch.no_grad()
def scrambled(module: nn.Module, seed: int = 0) -> nn.Module:
    """`module` in eval mode with weights and statistics such as training leaves: no shift zero, no scale one."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and tensor.dim() < 2:
            positive = name.endswith(("running_var", "bn.weight"))
            values = torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
            tensor.copy_(values + 0.5 if positive else values - 0.5)
    return module.eval()


def outputs(module: nn.Module, *inputs: Tensor) -> tuple[Tensor, ...]:
    with torch.inference_mode():
        result = module(*inputs)
    return (result,) if isinstance(result, Tensor) else tuple(each for each in result if each is not None)


def assert_same(one: nn.Module, other: nn.Module, inputs: Tensor | list[Tensor], tolerance: float) -> None:
    inputs = [inputs] if isinstance(inputs, Tensor) else inputs
    for a, b in zip(outputs(one, *inputs), outputs(other, *inputs), strict=True):
        scale = max(1.0, float(b.abs().max()))
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance * scale)


@given(networks())
@settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_network(graph: Graph) -> None:
    """As it runs, with reordered weights and sums in place; twice, since those could spoil what they read."""
    plain, optimised = scrambled(build(graph)), optimize(graph)
    optimised.load_state_dict(plain.state_dict())
    generator = torch.Generator().manual_seed(1)
    inputs = [torch.randn(2, *node.shape, generator=generator) for node in graph.inputs]
    for _ in range(2):
        assert_same(optimised, plain, inputs, 1e-4)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_computes_what_the_plain_module_computes(name: str, dtype: torch.dtype) -> None:
    network = example(name)
    plain = scrambled(network.compile().to(dtype))
    optimised = network.optimize().to(dtype)
    optimised.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1)).to(dtype)
    assert_same(optimised, plain, x, 1e-5 if dtype is torch.float32 else 1e-12)


def test_it_starts_with_the_weights_of_the_plain_module() -> None:
    network = example("residual")
    assert_same(network.optimize(seed=3), network.compile(seed=3).eval(), torch.randn(1, 3, 8, 8), 1e-5)


@pytest.mark.parametrize("name", ["residual", "inception", "reserved names", "heads"])
def test_new_weights_are_as_good_as_a_new_compile(name: str) -> None:
    """Also after it has run, when reordered weights are kept, and for another batch."""
    network = example(name)
    optimised = network.optimize()
    for seed, batch in enumerate((1, 2, 2)):
        plain = scrambled(network.compile(seed=seed), seed)
        optimised.load_state_dict(plain.state_dict())
        assert_same(optimised, plain, torch.randn(batch, 3, 8, 8), 1e-5)


@pytest.mark.parametrize("name", ["residual", "inception", "dense", "reserved names"])
def test_it_loads_its_own_weights(name: str) -> None:
    one, other = example(name).optimize(seed=1), example(name).optimize(seed=2)
    other.load_state_dict(one.state_dict())
    assert_same(one, other, torch.randn(1, 3, 8, 8), 0)


def test_as_a_part_of_another_module() -> None:
    network = example("residual")
    whole = nn.ModuleDict({"backbone": network.optimize()})
    plain = scrambled(network.compile())
    whole.load_state_dict(nn.ModuleDict({"backbone": plain}).state_dict())
    assert_same(whole["backbone"], plain, torch.randn(1, 3, 8, 8), 1e-5)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])
def test_a_copy_is_one_of_its_own(copied: object) -> None:
    network = example("inception")
    first = network.optimize(seed=1)
    x = torch.randn(1, 3, 8, 8)
    before = outputs(first, x)
    second = copied(first)  # type: ignore[operator]
    second.load_state_dict(network.compile(seed=2).state_dict())
    assert_same(second, network.compile(seed=2).eval(), x, 1e-5)
    assert torch.equal(outputs(first, x)[0], before[0])


def test_what_does_not_fit_is_named() -> None:
    network = example("vectors")
    state = network.compile().state_dict()
    del state["linear1.weight"]
    state["foreign"] = torch.ones(1)
    state["bn.bias"] = torch.ones(3)
    with pytest.raises(RuntimeError) as caught:
        network.optimize().load_state_dict(state)
    message = str(caught.value)
    assert '"linear1.weight"' in message and '"foreign"' in message and "bn.bias is 3, not 8" in message


def test_without_strict_the_rest_is_loaded() -> None:
    network = example("vectors")
    state = network.compile(seed=1).state_dict()
    lacking = {name: tensor for name, tensor in state.items() if not name.startswith("linear2")}
    optimised = network.optimize(seed=0)
    kept = optimised.state_dict()["linear2.weight"].clone()
    found = optimised.load_state_dict(lacking, strict=False)
    assert set(found.missing_keys) == {"linear2.weight", "linear2.bias"}
    assert torch.equal(optimised.state_dict()["linear2.weight"], kept)


def test_the_written_pair_is_the_same_network(tmp_path: Path) -> None:
    network = example("residual")
    files = network.write(tmp_path, seed=5, optimize=True)
    assert_same(load_written(files).eval(), network.compile(seed=5).eval(), torch.randn(1, 3, 8, 8), 1e-5)


@pytest.mark.parametrize("option", [[], ["--optimize"]])
def test_what_does_not_run_is_not_written(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost(Pointwise):
        """A layer of another package, which names a function that PyTorch does not have."""

        word = "lost"
        function = ("no_such_function",)

        def torch(self, *inputs: Shape) -> TorchExpression:
            return TorchExpression("F.no_such_function({0})")

    monkeypatch.setitem(base._REGISTRY, Lost.word, Lost)
    (tmp_path / "n.arch").write_text("network n { input 4 x 6 x 6\n conv 3x3, 4 -> lost }", encoding="utf-8")
    assert main(["compile", str(tmp_path / "n.arch"), "-o", str(tmp_path / "new"), *option]) == 2
    said = capsys.readouterr().err
    assert "nothing is written, since n does not run: AttributeError: " in said and said.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_bfloat16() -> None:
    network = example("residual")
    plain = scrambled(network.compile())
    optimised = network.optimize()
    optimised.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 8, 8)
    (result,) = outputs(optimised.bfloat16(), x.bfloat16())
    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(result.float(), outputs(plain, x)[0], rtol=0.1, atol=0.1)


def test_gradients_reach_the_input() -> None:
    network = example("residual")
    x = torch.randn(1, 3, 8, 8, requires_grad=True)
    network.optimize()(x).sum().backward()
    expected = x.grad
    assert expected is not None
    x.grad = None
    network.compile().eval()(x).sum().backward()
    torch.testing.assert_close(expected, x.grad, rtol=1e-4, atol=1e-4)


def test_compile_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "n.arch"
    path.write_text("network n {\n input 3 x 8 x 8\n conv 3x3, 4 -> bn -> relu\n bn\n}\n", encoding="utf-8")
    assert main(["compile", str(path), "--optimize", "--explain", "--emit", "ir"]) == 0
    told = capsys.readouterr().out
    assert "n.arch:3: conv 3x3, 4 -> bn -> relu\n" in told
    assert "bn1 bn: in `fused conv 3x3, 4, bias=true + relu` (folded into the weights)" in told
    assert "bn2 bn: not fused: before it stands `relu`" in told
    assert "= affine(%conv)" in told
