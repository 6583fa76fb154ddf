"""What "did you mean" offers, and what it must not."""

from __future__ import annotations

import pytest

from cnndsl.diagnostics.suggest import closest, meant
from cnndsl.source import Source

LAYERS = ["conv", "conv_transpose", "bn", "relu", "maxpool", "avgpool", "global_avgpool", "dropout", "linear", "add"]
ARGUMENTS = ["kernel", "filters", "stride", "pad", "dilation", "groups", "bias"]


@pytest.mark.parametrize(
    ("word", "candidates", "meant"),
    [
        ("conf", LAYERS, "conv"),
        ("convv", LAYERS, "conv"),
        ("maxpol", LAYERS, "maxpool"),
        ("Conv2d", LAYERS, "conv"),
        ("ReLU", LAYERS, "relu"),
        ("nb", LAYERS, "bn"),
        ("global_average_pool", LAYERS, "global_avgpool"),
        ("drop", LAYERS, "dropout"),
        ("convtranspose", LAYERS, "conv_transpose"),
        ("filter", ARGUMENTS, "filters"),
        ("padding", ARGUMENTS, "pad"),
        ("strdie", ARGUMENTS, "stride"),
        ("kernel_size", ARGUMENTS, "kernel"),
        ("attention", LAYERS, None),
        ("lstm", LAYERS, None),
        ("residual", LAYERS, None),
        ("x", ["y", "n1", "in"], None),
        ("i", ARGUMENTS, None),
        ("conv", ["conv"], None),
        ("conv", [], None),
        ("c" * 10_000, ["c" * 10_001], None),
    ],
)
def test_closest(word: str, candidates: list[str], meant: str | None) -> None:
    assert closest(word, candidates) == meant
    assert closest(word, reversed(candidates)) == meant


@pytest.mark.parametrize(
    ("word", "candidates", "certain"),
    [
        ("convv", LAYERS, True),
        ("cov", LAYERS, True),
        ("rleu", LAYERS, True),
        ("ReLU", LAYERS, True),
        ("droqout", LAYERS, True),
        ("conf", LAYERS, False),  # another letter in a short word
        ("sum", ["sub", "mul"], False),
        ("drop", LAYERS, False),
        ("global_minpool", ["global_maxpool"], False),
        ("enc4", ["enc1"], False),
        ("relux", ["relu", "relu6"], False),
    ],
)
def test_what_is_certain(word: str, candidates: list[str], certain: bool) -> None:
    place = Source("a.arch", word).span(0, len(word))
    assert [fix.safe for fix in meant(place, candidates)] == [certain]
