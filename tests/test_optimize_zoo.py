"""The zoo, optimised: every network is well formed after every pass, and one of every file computes what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from zoo import FILES, checked, first_two, stem

import cnndsl
from cnndsl import ArchError, Architecture
from cnndsl.ops.base import Op
from cnndsl.ops.normalization import Bn
from cnndsl.ops.regularization import Dropout, DropPath
from cnndsl.passes import CPU_PIPELINE, run


@pytest.mark.parametrize("path", FILES, ids=stem)
def test_nothing_of_training_is_left(path: Path) -> None:
    """`run` verifies after every pass."""
    left: tuple[type[Op], ...] = (Bn, Dropout, DropPath)
    for graph in first_two(path):
        optimised = run(graph, CPU_PIPELINE)
        assert not [node for node in optimised if isinstance(node.op, left)]
        assert sum(node.op.weighted for node in optimised) <= sum(node.op.weighted for node in graph)


def lightest(path: Path) -> Architecture:
    """The network of the file with the fewest operations, on the smallest map that it takes."""
    facts = checked(path).facts
    name = min(facts, key=lambda each: facts[each].params)
    for size in (32, 64, 96, 128):
        try:
            return cnndsl.load(f"{path}:{name}", input=(3, size, size))
        except (ArchError, ValueError):
            continue
    return cnndsl.load(f"{path}:{name}")


TOLERANCE = {torch.float32: 4e-5, torch.bfloat16: 0.1}


# Many layers, or large ones, of few kinds.
LARGE = ("hrnet", "inception_resnet_v2", "inception_v4", "resnext_branches", "retinanet", "wide_resnet_imagenet")


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=[pytest.mark.slow] if path.stem in LARGE else []) for path in FILES], ids=stem
)
@torch.inference_mode()
def test_optimised_it_computes_the_same(path: Path) -> None:
    """In bfloat16 to its rounding, which layers fused round less often than layers by themselves.

    Or to twice what that does to the plain module, where a network's values are large in its middle.
    """
    network = lightest(path)
    plain, optimised = network.compile().eval(), network.optimize()
    generator = torch.Generator().manual_seed(0)
    for name, tensor in plain.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensor += torch.rand(tensor.shape, generator=generator) / 4
    optimised.load_state_dict(plain.state_dict())
    x = torch.randn(2, *network.input_shape, generator=generator)
    expected = outputs(plain(x))
    for dtype, tolerance in TOLERANCE.items():
        found = outputs(optimised.to(dtype)(x.to(dtype)))
        apart = [float((one.float() - other).abs().max()) for one, other in zip(found, expected, strict=True)]
        allowed = [tolerance * max(1.0, float(each.abs().max())) for each in expected]
        if any(error > limit for error, limit in zip(apart, allowed, strict=True)):
            apart = [float((one.float() - other).abs().max()) for one, other in zip(found, expected, strict=True)]
        allowed = [tolerance * max(1.0, float(each.abs().max())) for each in expected]
        if any(error > limit for error, limit in zip(apart, allowed, strict=True)):
            beside = outputs(plain.to(dtype)(x.to(dtype)))
            allowed = [2 * float((one - other).abs().max()) for one, other in zip(beside, expected, strict=True)]
        assert all(error <= limit for error, limit in zip(apart, allowed, strict=True)), (dtype, apart, allowed)


def outputs(result: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """A network's results, of which there may be several."""
    return (result,) if isinstance(result, torch.Tensor) else tuple(result)
