"""`cnndsl conform`: the zoo is what torchvision and timm have under its names, and what differs is listed in full."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import cnndsl
from cnndsl.alignment.difference import differences
from cnndsl.cli.main import main
from cnndsl.foreign.modules import build_foreign, foreign_names
from cnndsl.foreign.pytorch.reader import read_module
from cnndsl.models import zoo_names
from cnndsl.weights.counterparts import counterparts
from cnndsl.weights.transfer import by_graph

GOLDEN = sorted((Path(__file__).parent / "golden" / "conform").glob("*.txt"))


LONG = {"darknet53"}


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[pytest.mark.slow] if path.stem in LONG else []) for path in GOLDEN],
    ids=lambda path: path.stem,
)
def test_golden(path: Path, renew: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line of a golden is the command, the last is its exit code. A new file needs the command alone."""
    command = path.read_text().partition("\n")[0]
    code = main(command.removeprefix("$ cnndsl ").split())
    said = capsys.readouterr()
    # Errors of rounding depend on the machine.
    shown = re.sub(r"\d\.\de-(1\d)\b", "*e-*", said.out).replace("0.0e+00", "*e-*") + said.err
    text = f"{command}\n{shown}exit code {code}\n"
    if renew:
        path.write_text(text)
    assert text == path.read_text()


REGNETS = {"400mf": "004", "3_2gf": "032"}
# The zoo's names for networks that the libraries have under others.
OTHER_NAMES = {
    "alexnet_torchvision": "torchvision:alexnet",
    "googlenet_torchvision": "torchvision:googlenet",
    **{f"preresnet{depth}": f"timm:resnetv2_{depth}" for depth in (18, 34, 50, 101, 152)},
    "mobilenet_v1_relu6": "timm:mobilenetv1_100",
    "xception": "timm:legacy_xception",
    "darknet53_timm": "timm:darknet53",
    # torchvision rounds the groups of the first otherwise, and cannot be built without computing.
    **{f"regnet_{kind}_{size}": f"timm:regnet{kind}_{number}" for kind in "xy" for size, number in REGNETS.items()},
}
# Where the libraries' network of a name is not the paper's; goldens say how.
ANOTHER_NETWORK = {"alexnet", "googlenet", "darknet53"}
# No dropout unless asked, and linear layers that are convolutions.
LARGE = {"hrnet", "densenet", "inception_v4", "inception_resnet_v2", "deeplabv3"}
WAYS_OF_TIMM = ("dropout", "linear, theirs conv")


def conforming() -> dict[str, str]:
    """Every network of the zoo that torchvision, or else timm, has."""
    found = {name: f"timm:{name}" for name in foreign_names("timm")}
    found |= {name: f"torchvision:{name}" for name in foreign_names("torchvision")} | OTHER_NAMES
    return {name: found[name] for name, _ in zoo_names() if name in found and name not in ANOTHER_NETWORK}


def first_of_each_file() -> Iterator[object]:
    """Networks of one file differ in numbers alone, which their claims tell too; all but the first are slow tests.

    So are networks of hundreds of layers.
    """
    known, seen = conforming(), set()
    for name, path in zoo_names():
        if name in known:
            yield pytest.param(name, marks=[pytest.mark.slow] if path in seen or path.stem in LARGE else [])
            seen.add(path)


@pytest.mark.parametrize("name", list(first_of_each_file()))
def test_the_zoo_is_what_the_libraries_have(name: str) -> None:
    """Layer by layer, at full size and without computing anything."""
    title = conforming()[name]
    graph = cnndsl.load(name).graph
    with torch.device("meta"):
        module = build_foreign(title)
    module.to_empty(device="cpu")
    both = counterparts(graph, read_module(module, [node.shape for node in graph.inputs], title))
    allowed = WAYS_OF_TIMM if title.startswith("timm:") else ()
    assert not [each for each in differences(both.ours, both.theirs) if not each.what.startswith(allowed)]
    transfer = by_graph(both, both.alignment())
    kept = {tensor for tensor in module.state_dict() if not tensor.endswith("num_batches_tracked")}
    assert both.heads or set(transfer.kept) <= set(both.left_out), "heads that theirs lacks"
    assert {move.theirs.name for move in transfer.moves} == kept
