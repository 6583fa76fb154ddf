"""Tensors of 8 bits: which they are, how they are rounded, and that whole plans compute what their scales say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
triton = pytest.importorskip("triton")

import triton.language as tl  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.torch.steps import Steps  # noqa: E402
from cnndsl.backends.triton import make_plan  # noqa: E402
from cnndsl.backends.triton.building import Building, suggested  # noqa: E402
from cnndsl.backends.triton.calibration import RANGE, Pictures, ranged, ranges  # noqa: E402
from cnndsl.backends.triton.eight_bits import range_of, sources, stretches  # noqa: E402
from cnndsl.backends.triton.execute import Executor  # noqa: E402
from cnndsl.backends.triton.lower import _started, rewritten  # noqa: E402
from cnndsl.backends.triton.module import compile_graph  # noqa: E402
from cnndsl.backends.triton.plan import View  # noqa: E402
from cnndsl.backends.triton.stored import dumps, load_plan, loads  # noqa: E402
from cnndsl.backends.triton.text import format_plan, in_eight_bits  # noqa: E402
from cnndsl.backends.triton.traffic import total_work  # noqa: E402
from cnndsl.cli.main import main  # noqa: E402
from cnndsl.errors import DeviceError, WeightsError  # noqa: E402
from cnndsl.kernels.precision import LARGEST  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402
from cnndsl.kernels.templates.eight_bits import stored  # noqa: E402
from cnndsl.kernels.trials.arithmetic import nearest  # noqa: E402
from cnndsl.ops.fused import Fused, Subsample  # noqa: E402
from cnndsl.ops.merge import Concat  # noqa: E402
from cnndsl.ops.reshape import ChannelSlice, Flatten  # noqa: E402
from cnndsl.passes.notes import Notes  # noqa: E402
from cnndsl.states import load_weights  # noqa: E402
from cnndsl.states.recipes import derive  # noqa: E402

TARGET = replace(TARGETS["sm_90"], units=2)  # large tiles, with which the interpreter is fastest


@triton.jit
def store_kernel(x, y, N: tl.constexpr):
    n = tl.arange(0, N)
    tl.store(y + n, stored(tl.load(x + n), y.dtype.element_ty))


@pytest.mark.parametrize("dtype", LARGEST)
def test_numbers_are_rounded_as_pytorch_rounds_them(dtype: Any) -> None:
    """Every number of 8 bits, what is between two of them, and what is too large for all."""
    whole = torch.arange(-128, 128).to(torch.int8)
    every = whole.float() if dtype == "int8" else whole.view(torch.float8_e4m3fn).float()
    every = every[every.isfinite()].sort().values
    between = (every[1:] + every[:-1]) / 2
    tiny = torch.full_like(between, 1e-4)
    large = torch.tensor([1e9, -1e9, 449.0, 464.0, 480.0, 0.0, -0.0, 1e-20])
    x = torch.cat([every, between, between + between.abs() * tiny, between - between.abs() * tiny, large])
    x = torch.cat([x, torch.zeros(triton.next_power_of_2(len(x)) - len(x))])
    y = nearest(torch.zeros(len(x)), dtype)
    store_kernel[(1,)](x, y, len(x))
    assert torch.equal(y.float(), nearest(x, dtype).float())


NETWORKS = {
    "a residual block": """
        conv 3x3, 16 -> bn -> relu -> maxpool 3x3, /2, pad=1
        residual { conv 3x3, 16 -> bn -> relu -> conv 3x3, 16 -> bn } -> relu
        global_avgpool -> linear 10""",
    "projections": """
        conv 3x3, 16 -> relu
        residual shortcut=projection { conv 1x1, 8 -> bn -> relu -> conv 3x3, 8, /2 -> relu -> conv 1x1, 32 -> bn }
        relu
        conv 1x1, 16 -> relu -> avgpool 2x2, /2 -> conv 1x1, 7""",
    "fire": """
        conv 3x3, 16, /2 -> relu -> conv 1x1, 8 -> relu
        concat { | conv 1x1, 16 -> relu | conv 3x3, 16 -> relu }
        conv 1x1, 5 -> relu -> global_avgpool""",
    "inception": """
        conv 3x3, 16 -> relu
        concat {
            | conv 1x1, 16 -> relu
            | conv 1x1, 8 -> relu -> conv 3x3, 16 -> relu
            | conv 1x1, 6 -> relu -> conv 5x5, 8 -> relu
            | maxpool 3x3, /1, pad=1 -> conv 1x1, 8 -> relu
        }
        maxpool 2x2, /2 -> global_avgpool -> linear 10""",
    "linear layers": """
        conv 3x3, 16 -> relu -> maxpool 2x2, /2
        conv 3x3, 16 -> relu -> maxpool 2x2, /2
        flatten -> linear 32 -> relu -> linear 10""",
    "among others": """
        conv 1x1, 24 -> relu -> depthwise 3x3 -> relu -> conv 1x1, 16 -> sigmoid
        conv 3x3, 16, groups=2 -> relu -> conv 1x1, 16 -> relu -> conv 1x1, 12""",
}


def network(name: str) -> cnndsl.Architecture:
    return cnndsl.loads(f"network n {{ input 3 x 8 x 8 {NETWORKS[name]} }}")


class Rounded:
    """A network layer by layer in float64 by PyTorch, with every tensor rounded as a plan stores it."""

    def __init__(self, graph: Any, state: Any, pictures: Any, precision: str) -> None:
        self.building = building = started(graph, precision)
        self.graph, self.layout, self.dtype = building.graph, building.layout, building.eight_bits
        plan = make_plan(graph, "sm_90", precision=precision)
        self.ranges = ranges(self.graph, ranged(plan), state, Pictures((pictures,)))
        self.steps = Steps(self.graph, derive(self.graph, state)).double()
        names, tensors = {key: own for own, key in self.steps.keys.items()}, dict(self.steps.named_parameters())
        for node in self.graph:
            if isinstance(node.op, Fused):
                weight, narrow = tensors[names[node.key("weight")]], building.narrow(*self.sources(node))
                weight.copy_(self.weight(node, weight) if narrow else weight.half())

    def sources(self, node: Any) -> list[str]:
        return sources(self.graph, self.layout, node.inputs[0])

    def step(self, ranged: str) -> Any:
        return self.ranges[RANGE + ranged].double() / LARGEST[self.dtype]

    def weight(self, node: Any, weight: Any) -> Any:
        """The weights that the numbers of 8 bits stand for."""
        names = self.sources(node)
        steps = [self.step(range_of(self.graph, self.layout, name)) for name in names]
        parts = [weight]
        if len(names) > 1:
            parts = weight.split([self.building.view(name).channels for name in names], 1)
        joined = torch.cat([part.flatten(1) * step for part, step in zip(parts, steps, strict=True)], 1)
        scale = joined.abs().amax(1).reshape(-1, *[1] * (weight.dim() - 1)) / LARGEST[self.dtype]
        numbers = [
            nearest((part * step / scale).float(), self.dtype).double() for part, step in zip(parts, steps, strict=True)
        ]
        return torch.cat([part * scale / step for part, step in zip(numbers, steps, strict=True)], 1)

    def stored(self, node: Any, value: Any) -> Any:
        if isinstance(node.op, ChannelSlice | Concat | Flatten | Subsample):  # what is there already
            return value
        if not self.layout.places(node.name) or not node.inputs:
            return value.half().double()
        known = stretches(self.graph, self.layout, node.name)
        parts = value.split([channels for channels, _ in known], 1)
        return torch.cat([self.nearest(part, whose) for part, (_, whose) in zip(parts, known, strict=True)], 1)

    def nearest(self, value: Any, whose: str | None) -> Any:
        """Half precision, or steps of the tensor whose range it has."""
        if whose is None:
            return value.half().double()
        return nearest(value / self.step(whose), self.dtype).double() * self.step(whose)

    def __call__(self, x: Any) -> Any:
        found = {self.graph.inputs[0].name: x.half().double()}
        for step in self.steps.steps:
            value = step(*(found[name] for name in step.node.inputs))
            found[step.node.name] = self.stored(step.node, value)
        return found[self.graph.output.node if hasattr(self.graph.output, "node") else self.graph.output.name]


def started(graph: Any, precision: str) -> Building:
    return _started(rewritten(graph, precision=precision), TARGET, 1, precision, suggested, Notes())


USUAL = {*((name, "int8") for name in NETWORKS), ("fire", "fp8")}
EVERY = [(name, precision) for name in NETWORKS for precision in LARGEST]


@pytest.mark.parametrize(
    ("name", "precision"), [pytest.param(*each, marks=() if each in USUAL else pytest.mark.slow) for each in EVERY]
)
def test_a_plan_computes_what_its_scales_say(name: str, precision: Any) -> None:
    graph = network(name).graph
    plain = network(name).compile(seed=1).eval()
    pictures = torch.randn(4, *network(name).input_shape, generator=torch.Generator().manual_seed(3))
    module = compile_graph(graph, precision=precision, target=TARGET, calibration=pictures)
    module.load_state_dict(plain.state_dict())
    x = pictures[:1]
    module.executor(1, x.device).arena.fill_(128 if precision == "int8" else 255)  # what no kernel writes, and NaN
    found = module(x).double()
    wanted = Rounded(graph, plain.state_dict(), pictures, precision)(x)
    most = float(wanted.abs().max())
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.02 * most)
    exact = plain(x).double().detach()
    assert float((found - exact).abs().max()) < (0.06 if precision == "int8" else 0.15) * most
    assert precision in {weight.dtype for weight in module.plan(1).weights}


SMALL: dict[str, dict[str, Any]] = {"resnet18": {"depths": [1, 1]}, "squeezenet1_1": {}}


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("resnet18", "int8"),
        pytest.param("resnet18", "fp8", marks=pytest.mark.slow),
        pytest.param("squeezenet1_1", "int8", marks=pytest.mark.slow),
        pytest.param("squeezenet1_1", "fp8", marks=pytest.mark.slow),
    ],
)
def test_known_networks_are_near_float32(name: str, precision: Any) -> None:
    small = cnndsl.load(name, input=(3, 32, 32), **SMALL[name])
    plain = small.compile(seed=1).eval()
    pictures = torch.randn(8, *small.input_shape, generator=torch.Generator().manual_seed(3))
    module = compile_graph(small.graph, seed=1, precision=precision, target=TARGET, calibration=pictures)
    with torch.no_grad():
        found, exact = module(pictures[:1]).float(), plain(pictures[:1])
    off = (found - exact).norm() / exact.norm()
    assert off < (0.05 if precision == "int8" else 0.2)


LAWFUL = ("googlenet", "vgg16", "squeezenet1_0", "densenet121", "resnet18_a")


@pytest.mark.parametrize("name", LAWFUL)
def test_kernels_that_know_8_bits_alone_meet_them(name: str) -> None:
    """In one buffer everything has one type, and a problem says of each tensor which it has."""
    plan, large = (make_plan(cnndsl.load(name).graph, "sm_90", batch=n, precision="int8") for n in (1, 32))
    assert loads(dumps(plan)) == plan
    known = {weight.name: weight for weight in plan.weights}
    assert all(known[weight.name] == weight for weight in large.weights)  # as one module holds them for all batches
    assert {port.view.dtype for port in (*plan.inputs, *plan.outputs)} == {"fp16"}
    types: dict[str, set[str]] = {}
    for launch in plan.launches:
        views = {name: tensor for name, tensor in launch.tensors.items() if isinstance(tensor, View)}
        for tensor, view in views.items():
            types.setdefault(view.buffer, set()).add(view.dtype)
            if launch.kernel == "conv_gemm":
                assert view.dtype == launch.problem.type_of(tensor)
        if not LARGEST.keys().isdisjoint(view.dtype for view in views.values()):
            assert launch.kernel in ("conv_gemm", "pool") and launch.problem.scaled
    assert all(len(each) == 1 for each in types.values())
    multiply, touch = in_eight_bits(plan)
    assert multiply and f"{multiply} launches multiply it, {touch} others" in format_plan(plan)


def test_most_of_a_residual_network_has_8_bits() -> None:
    """All but the picture, the first convolution's products, and the classes."""
    plan = make_plan(cnndsl.load("resnet50").graph, "sm_90", batch=32, precision="int8")
    wide = [launch for launch in plan.launches if launch.kernel == "conv_gemm" and launch.problem.dtype == "fp16"]
    assert len(wide) == 1
    half = make_plan(cnndsl.load("resnet50").graph, "sm_90", batch=32)
    assert total_work(plan).bytes < 0.65 * total_work(half).bytes
    assert plan.weight_bytes < 0.55 * half.weight_bytes


def test_what_says_how_large_values_become_is_asked_for_first() -> None:
    small, pictures = network("fire"), torch.randn(2, 3, 8, 8)
    wrong = {
        "needs calibration": {"precision": "int8"},
        "takes no calibration": {"calibration": pictures},
        "one or more": {"precision": "int8", "calibration": pictures[:0]},
        "N x 3 x 8 x 8, not 2 x 3 x 8 x 7": {"precision": "int8", "calibration": pictures[..., :7]},
        "not finite": {"precision": "fp8", "calibration": pictures / 0},
        "for each of 1 inputs": {"precision": "fp8", "calibration": (pictures, pictures)},
        "a tensor of floating point numbers": {"precision": "fp8", "calibration": pictures.numpy()},
        "there is no precision 'int4'": {"precision": "int4", "calibration": pictures},
    }
    for said, settings in wrong.items():
        with pytest.raises(ValueError, match=said):
            small.compile("triton", **settings)
    with pytest.raises(DeviceError, match="sm_80 multiplies no fp8"):
        make_plan(small.graph, "sm_80", precision="fp8")


def test_other_weights_bring_other_ranges() -> None:
    """Also half of a state dict's precision changes nothing but the weights themselves; a part of one is refused."""
    small, pictures = network("fire"), torch.randn(4, 3, 8, 8)
    module = small.compile("triton", seed=1, precision="int8", calibration=pictures)
    state = {name: 7 * tensor for name, tensor in small.compile(seed=2).state_dict().items()}
    module.load_state_dict(state)
    fresh = small.compile("triton", seed=2, precision="int8", calibration=pictures)
    fresh.load_state_dict(state)
    assert all(torch.equal(one, fresh.state_dict()[name]) for name, one in module.state_dict().items())
    own = module.state_dict()
    assert {tensor.dtype for tensor in own.values()} == {torch.int8, torch.float16, torch.float32}
    fresh.load_state_dict({name: tensor.half() for name, tensor in state.items()})
    for name, tensor in fresh.state_dict().items():
        step = 1.0 if tensor.dtype is torch.int8 else 1e-3
        torch.testing.assert_close(tensor.float(), own[name].float(), rtol=2e-3, atol=step)
    with pytest.raises(RuntimeError, match=r"Missing key\(s\)"):
        module.load_state_dict({name: tensor for name, tensor in state.items() if not name.startswith("conv2.")})
    with pytest.raises(WeightsError, match="has values that are not finite"):
        module.load_state_dict({name: tensor / 0 for name, tensor in state.items()})


def test_defaults_of_pytorch_change_nothing() -> None:
    small, pictures = network("fire"), torch.randn(2, 3, 8, 8)
    usual = small.compile("triton", precision="int8", calibration=pictures).state_dict()
    torch.set_default_dtype(torch.float64)
    try:
        found = small.compile("triton", precision="int8", calibration=pictures).state_dict()
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(torch.equal(tensor, found[name]) for name, tensor in usual.items())


def test_what_has_no_weights_has_8_bits_nowhere() -> None:
    small, x = cnndsl.loads("network n { input 4 x 5 x 7\n concat { | relu | identity } }"), torch.randn(2, 4, 5, 7)
    module = small.compile("triton", batch=2, precision="int8", calibration=x)
    torch.testing.assert_close(module(x).float(), small.compile()(x), rtol=1e-3, atol=1e-3)


def test_what_is_written_runs(tmp_path: Path) -> None:
    small, pictures = network("fire"), torch.randn(4, 3, 8, 8)
    small.write(tmp_path, "triton", seed=1, precision="int8", calibration=pictures)
    run = Executor(load_plan(tmp_path / "plan.json"), load_weights(tmp_path / "weights.safetensors"), pictures.device)
    module = small.compile("triton", seed=1, precision="int8", calibration=pictures)
    assert torch.equal(run(pictures[:1])[0], module(pictures[:1]))


def test_the_command_line_takes_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "n.arch").write_text(f"network n {{ input 3 x 8 x 8 {NETWORKS['fire']} }}")
    settings = ["--backend", "triton", "--precision", "int8", "--calibrate", "fake"]
    assert main(["compile", "n.arch", *settings, "--run-interpreted"]) == 0
    said = capsys.readouterr().out
    assert "launches multiply it" in said and "ran a forward pass: 1 x 3 x 8 x 8" in said
    assert {path.name for path in (tmp_path / "n").iterdir()} == {"plan.json", "weights.safetensors"}
    assert main(["compile", "n.arch", *settings[:-1], "nowhere"]) == 2
    assert capsys.readouterr().err == (
        "cnndsl: error: there is no folder 'nowhere'; data is a folder, fashionmnist:DIR, cifar10:DIR, or fake\n"
    )
