"""Whole libraries are lifted, and every network of the zoo comes back from its compiled module."""

from __future__ import annotations

from pathlib import Path

import pytest
from lifting.models import SEGMENTATION, TIMM, torchvision_models
from zoo import FILES, first_two, stem

import cnndsl
from cnndsl.alignment.difference import differences
from cnndsl.alignment.graph_skeleton import skeleton_of
from cnndsl.foreign.modules import build_foreign, usual_input

QUICK = ("torchvision:squeezenet1_1", "torchvision:shufflenet_v2_x0_5", "timm:test_resnet", "timm:test_convnext")
QUICK_ZOO = ("lenet5", "squeezenet1_1", "resnet20")
LARGEST = 128  # of images
MOST_LINES = 80  # of a file, for half of the models


def lifted(source: str, largest: int = LARGEST) -> cnndsl.Lifted:
    """A model, lifted at a size that runs fast; the proof is made at that size."""
    channels, *size = usual_input(source, build_foreign(source)) or (3, 224, 224)
    largest = 299 if source == "torchvision:inception_v3" else largest  # whose heads need maps of some size
    return cnndsl.lift(source, input=(channels, *(min(each, largest) for each in size)))


@pytest.mark.parametrize("source", QUICK)
def test_a_sample_of_models(source: str) -> None:
    result = lifted(source, 64)
    module = build_foreign(source)
    assert result.architecture.params == sum(each.numel() for each in module.parameters())
    assert result.text.count("\n") < MOST_LINES


@pytest.mark.slow
@pytest.mark.parametrize("source", torchvision_models())
def test_every_convolutional_model_of_torchvision(source: str) -> None:
    result = lifted(source)
    heads = source.endswith(("googlenet", "inception_v3"))  # whose training alone has further ones
    theirs = sum(each.numel() for each in build_foreign(source).parameters())
    assert result.architecture.params == theirs or heads


@pytest.mark.slow
@pytest.mark.parametrize("name", [names[0] for family, names in TIMM.items() if family != "with attention"])
def test_families_of_timm(name: str) -> None:
    if name.startswith("gcresnet"):
        with pytest.raises(cnndsl.LiftError, match="no layer of the language"):
            lifted(f"timm:{name}")
    else:
        lifted(f"timm:{name}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["edgenext_xx_small", "halonet26t"])
def test_attention_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(cnndsl.LiftError, match="no layer of the language"):
        lifted(f"timm:{name}", 256)


def comes_back(name: str) -> None:
    net = cnndsl.load(name)
    result = cnndsl.lift(net.compile(), input=[node.shape for node in net.graph.inputs])
    found = differences(skeleton_of(result.architecture.graph), skeleton_of(net.graph))
    assert [str(each) for each in found] == []


@pytest.mark.parametrize("name", QUICK_ZOO)
def test_a_sample_of_the_zoo_comes_back(name: str) -> None:
    comes_back(name)


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=stem)
def test_the_zoo_comes_back(path: Path) -> None:
    for graph in first_two(path):
        comes_back(f"{path}:{graph.name}")


def test_segmentation_is_among_the_models() -> None:
    assert {f"torchvision:{name}" for name in SEGMENTATION} <= {*torchvision_models()}
