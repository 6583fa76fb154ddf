"""What oneDNN's operators take, asked of them, and that an optimised network never asks for more.

All of it runs in processes of its own: what oneDNN cannot do may end the process, which here is a failure like others.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import cnndsl
from cnndsl.ops import all_layers
from cnndsl.ops.fused_source import FUSED

HERE = Path(__file__).parent

# Every pointwise layer, as its examples write it.
ACTIVATIONS = sorted(
    {example.partition("-> ")[2] for cls in all_layers().values() if cls.pointwise for example in cls.examples}
)
AFTER = {
    "conv": "conv 3x3, 4 -> {act}",
    "depthwise": "depthwise 3x3 -> {act}",
    "transposed": "conv_transpose 2x2, 4, /2 -> bn -> {act}",
    "linear": "flatten -> linear 5 -> {act}",
    "sum of two": "residual {{ conv 3x3, 4 -> bn }}\n {act}",
    "sum, then two": "residual {{ conv 3x3, 4 -> bn }}\n {act} -> {act}",
    "sum of three": "add {{ | conv 3x3, 4 | conv 1x1, 4 | identity }}\n {act}",
    "projection": "residual shortcut=projection {{ conv 3x3, 6, /2 -> bn }}\n {act}",
    "concat": "concat {{ | conv 1x1, 2 -> {act} | conv 1x1, 2 -> {act} }}\n {act}",
    "pool": "maxpool 2x2, /2 -> {act} -> conv 1x1, 3",
    "norms": "conv 3x3, 4 -> {act} -> group_norm 1 -> conv 1x1, 1 -> group_norm 1",
}


def in_its_own_process(function: str) -> None:
    program = f"import sys; sys.path.insert(0, {str(HERE)!r}); import test_optimize_onednn as t; t.{function}()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, f"exit code {done.returncode}, last words: {done.stdout[-300:]}{done.stderr[-2000:]}"


@pytest.mark.parametrize(
    "function", ["compare_activations", "compare_geometries", "ask_for_activations", "ask_for_one_channel"]
)
def test_in_a_process_of_its_own(function: str) -> None:
    in_its_own_process(function)


# --- the law


@torch.no_grad()
def stirred(module: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and tensor.dim() < 2:
            values = torch.rand(tensor.shape, generator=generator)
            tensor.copy_(values + 0.5 if name.endswith(("running_var", "bn.weight")) else values - 0.5)
    return module.eval()


def compare(text: str, *inputs: Tensor) -> None:
    """The optimised module errs like the plain one, measured against float64; twice, for weights that are kept."""
    network = cnndsl.loads(text)
    plain, fast = stirred(network.compile(), 1), network.optimize()
    fast.load_state_dict(plain.state_dict())
    for x in inputs:
        print(text, tuple(x.shape), x.stride(), flush=True)
        with torch.inference_mode():
            usual, found, again = plain(x), fast(x), fast(x)
            exact = plain.double()(x.double())
            plain.float()
        error, allowed = float((found - exact).abs().max()), float((usual - exact).abs().max())
        assert torch.equal(found, again)
        assert error <= 10 * allowed + 2e-6 * max(1.0, float(exact.abs().max())), f"off by {error}, not {allowed}"


def compare_activations() -> None:
    """Every activation of the registry after everything that it can be fused to, in both layouts."""
    images = [torch.randn(batch, 4, 6, 6) for batch in (1, 3)]
    images += [x.contiguous(memory_format=torch.channels_last) for x in images]
    for act, body in itertools.product(ACTIVATIONS, AFTER.values()):
        compare(f"network n {{ input 4 x 6 x 6\n {body.format(act=act)} }}", *images)


def compare_geometries() -> None:
    """Convolutions of any geometry: kernels that fit into the padding, maps of a pixel, one channel."""
    for seed in range(150):
        draw = random.Random(seed)
        word = draw.choice(("conv", "conv", "depthwise"))
        kernel, pad = draw.choice((1, 2, 3, 5)), draw.choice((0, 1, 2, 3, 4))
        channels, height, width = draw.choice((1, 2, 4, 17)), draw.randint(1, 9), draw.randint(1, 9)
        dilation, stride = draw.randint(1, 3), f"/{draw.randint(1, 3)}x{draw.randint(1, 3)}"
        if min(height, width) + 2 * pad < dilation * (kernel - 1) + 1:
            continue
        filters = draw.choice((1, 4, 16, 24))
        groups = draw.choice([n for n in (1, 2, 4) if channels % n == filters % n == 0])
        made = f", {filters}, groups={groups}" if word == "conv" else ""
        body = f"{word} {kernel}x{kernel}{made}, {stride}, pad={pad}, dilation={dilation} -> relu"
        compare(
            f"network n {{ input {channels} x {height} x {width}\n {body} }}", torch.randn(2, channels, height, width)
        )


# --- the table, asked of oneDNN


def fused_class() -> type:
    scope = {"nn": nn, "torch": torch, "F": F}
    exec(FUSED, scope)
    return scope["FusedConv2d"]  # type: ignore[return-value]


STEPS: list[str | tuple] = ["relu", "relu6", ("leaky_relu", 0.1), ("gelu", "none"), ("gelu", "tanh")]
STEPS += ["silu", "hardswish", "hardsigmoid", "sigmoid", "tanh"]
KERNELS = [(kernel, pad) for kernel in (1, 2, 3, 5) for pad in range(kernel)]  # and their paddings


def conv(epilogue: tuple, in_place: bool = False) -> nn.Module:
    return fused_class()(4, 4, 3, padding=1, epilogue=epilogue, in_place=in_place).eval()


def ask_for_activations() -> None:
    """Every row of the table is a name that oneDNN's operator knows, for the function that it stands for."""
    x, other = torch.randn(2, 4, 6, 6), torch.randn(2, 4, 6, 6)
    known = {step if isinstance(step, str) else step[0] for step in STEPS}
    assert known == set(fused_class().known), "a row that is not asked for"
    for step, before, in_place in itertools.product(STEPS, ((), ("add",)), (False, True)):
        module = conv((*before, step), in_place)
        copy = other.clone(memory_format=torch.channels_last)
        with torch.inference_mode(False), torch.no_grad():
            assert module.runs_on_onednn(x), "the probe asks nothing"
            found = module(x, copy) if before else module(x)
            plain = nn.functional.conv2d(x, module.weight, module.bias, padding=1)
            wanted = module.after(plain, other, (*before, step))
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    for step, in_place in itertools.product(STEPS, (False, True)):
        ask_after_a_sum(step, in_place)


def ask_after_a_sum(step: str | tuple, in_place: bool) -> None:
    """oneDNN takes there what the table says, and nothing else: a table that is too short is as wrong."""
    x, other = torch.randn(1, 4, 6, 6), torch.randn(1, 4, 6, 6)
    module = conv(("add",), in_place)
    module.operator = conv((step,)).operator  # as it is named where there is no sum
    name = step if isinstance(step, str) else step[0]
    try:
        with torch.no_grad():
            module.run(x, other)
        taken = True
    except RuntimeError as error:
        assert "fusion" in str(error).lower(), f"{name} was asked for wrongly: {error}"
        taken = False
    assert taken == (name in module.after_sums), f"oneDNN {'takes' if taken else 'does not take'} {name} after a sum"


def innermost(x: Tensor) -> Tensor:
    """The same with its channels innermost, one channel too, whose strides `channels_last` leaves alone."""
    _, channels, height, width = x.shape
    strides = (channels * height * width, 1, width * channels, channels)
    return torch.empty_strided(x.shape, strides).copy_(x)


def ask_for_one_channel() -> None:
    """It is computed right however its strides call it, in the input and in the weight."""
    for seed in range(400):
        draw = random.Random(seed)
        (kernel, pads), filters = zip(*(draw.choice(KERNELS) for _ in "hw"), strict=True), draw.choice((1, 4, 13, 16))
        size, stride = (draw.randint(5, 12), draw.randint(5, 12)), (draw.randint(1, 3), draw.randint(1, 3))
        module = fused_class()(1, filters, kernel, stride=stride, padding=pads).eval()
        if seed % 2:
            module.weight.data = innermost(module.weight.data)
        x = torch.randn(1 + seed % 3, 1, *size)
        with torch.no_grad():
            found = module(innermost(x))
            wanted = F.conv2d(*(each.double() for each in (x, module.weight, module.bias)), stride, pads)
        torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-5, msg=f"{module} of {tuple(x.shape)}")
