"""The traffic of plans without a GPU: eager as others counted it, and ours at or below what fusion was to reach."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")

import roofline

import cnndsl
from cnndsl.backends.triton import make_plan

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
        way: 1e3 * roofline.count(way, work).floors["H200"]
        for way, work in (
            ("eager", roofline.eager(graph, 32)),
            ("inside", roofline.inside(plan)),
            ("ours", roofline.ours(plan)),
            ("ideal", roofline.ideal(plan)),
        )
    }
    assert found["eager"] == pytest.approx(eager, rel=0.005)
    assert found["inside"] <= fused
    assert found["ideal"] < found["inside"] < found["ours"] < found["eager"]
