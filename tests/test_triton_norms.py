"""Local response normalisation and the max-pools beside it: what is one launch, and that it computes the same."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

import cnndsl  # noqa: E402
from cnndsl.backends.triton.lower import lower, rewritten  # noqa: E402
from cnndsl.backends.triton.module import compile_graph  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402
from cnndsl.passes.notes import Notes  # noqa: E402

STEPS = {  # layers on 24 x 9 x 8, and the launches after the first, which packs the input
    "before a pool": ("lrn 5, alpha=1 -> maxpool 3x3, /2", [("lrn", "lrn", "maxpool")]),
    "after a pool": ("maxpool 3x3, /2, pad=1 -> lrn 5, alpha=1", [("lrn", "maxpool", "lrn")]),
    "with a window of ceil": ("maxpool 3x3, /2, round=ceil -> lrn 4, k=2", [("lrn", "maxpool", "lrn")]),
    "between pools": (
        "maxpool 2x2, /1 -> lrn 5 -> maxpool 3x3, /2",
        [("lrn", "maxpool1", "lrn"), ("pool", "maxpool2")],
    ),
    "for each pixel nine times": ("lrn 5 -> maxpool 3x3, /1", [("lrn", "lrn"), ("pool", "maxpool")]),
    "after a mean": ("avgpool 2x2, /2 -> lrn 5", [("pool", "avgpool"), ("lrn", "lrn")]),
    "of what others read": (
        "maxpool 2x2, /2\n concat { | lrn 5 | identity }",
        [("pool", "maxpool"), ("lrn", "branch1.lrn")],
    ),
    "before a pool that a 1x1 would keep": (
        "lrn 5, alpha=1 -> maxpool 3x3, /2\n concat { | conv 1x1, 8 | identity }",
        [("lrn", "lrn", "maxpool"), ("conv_gemm", "branch1.conv")],
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_pool_beside_it_is_one_launch_where_that_pays(name: str) -> None:
    layers, launches = STEPS[name]
    network = cnndsl.loads(f"network n {{ input 24 x 9 x 8\n {layers} }}")
    module, plain = compile_graph(network.graph, batch=2, precision="fp32"), network.compile(seed=1).eval()
    assert [(each.kernel, *each.nodes) for each in module.plan(2).launches[1:]] == launches
    module.load_state_dict(plain.state_dict())
    x = torch.randn(2, 24, 9, 8)
    torch.testing.assert_close(module(x), plain(x), rtol=1e-4, atol=1e-4)


def test_an_output_between_them_is_written() -> None:
    layers = "lrn 5 as a\n maxpool 3x3, /2 as b\n group { | from a | from b }"
    network = cnndsl.loads(f"network n {{ input 24 x 9 x 8\n {layers} }}")
    plan = lower(rewritten(network.graph), TARGETS["sm_90"])
    assert [each.kernel for each in plan.launches] == ["pack", "lrn", "pool"]


def test_the_fusion_is_explained() -> None:
    notes = Notes()
    graph = cnndsl.loads("network n { input 24 x 9 x 8\n lrn 5 -> maxpool 3x3, /2 }").graph
    lower(rewritten(graph, notes), TARGETS["sm_90"], notes=notes)
    assert "normalised and pooled in one kernel" in {each.how for each in notes.fusions}
