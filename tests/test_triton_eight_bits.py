"""Tensors of 8 bits: which they are, how they are rounded, and that whole plans compute what their scales say."""

from __future__ import annotations

from dataclasses import replace
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
from cnndsl.backends.triton.lower import _started, rewritten  # noqa: E402
from cnndsl.backends.triton.module import compile_graph  # noqa: E402
from cnndsl.kernels.precision import LARGEST  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402
from cnndsl.kernels.templates.eight_bits import stored  # noqa: E402
from cnndsl.kernels.trials.arithmetic import nearest  # noqa: E402
from cnndsl.ops.fused import Fused, Subsample  # noqa: E402
from cnndsl.ops.merge import Concat  # noqa: E402
from cnndsl.ops.reshape import ChannelSlice, Flatten  # noqa: E402
from cnndsl.passes.notes import Notes  # noqa: E402
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
