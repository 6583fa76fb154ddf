"""Sizes of pictures that networks take: against building each network at each size, and windows pixel by pixel."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import product
from pathlib import Path

import jsonschema
import pytest
from zoo import FILES, graphs, stem

import cnndsl
from cnndsl.analysis.sizes import SizesError, in_words, sizes
from cnndsl.analysis.sizes_render import sizes_json, sizes_text
from cnndsl.cli.main import main
from cnndsl.diagnostics import Report
from cnndsl.elaborate import Loader, Module, elaborate_network
from cnndsl.ir import Graph
from cnndsl.source import read_source

SCHEMA = json.loads((files("cnndsl.analysis") / "sizes.schema.json").read_text(encoding="utf-8"))
QUICK = ("lenet5", "mtcnn", "unet")
TRIED = 320


def built(module: Module, graph: Graph, size: int) -> dict[str, tuple[int, ...]] | None:
    """The weights of the network if it can be built at that size, by name."""
    inputs = {node.name: (node.shape[0], size, size) for node in graph.inputs}
    given = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    report = Report(told=0)
    done = elaborate_network(module, graph.name, report, input=given)
    if not done.complete:
        return None
    found = done.graph.inference()
    return {
        f"{node.name}.{name}": shape
        for node in found
        for name, shape in node.op.parameters(*found.input_shapes(node)).items()
    }


def hold(path: Path, tried: range) -> None:
    graph = next(iter(graphs(path).values()))
    found, module = sizes(graph), Loader(Report()).load_root(read_source(path))
    stride, largest = max(found.stride), len(found.trials)
    own = built(module, graph, graph.inputs[0].shape[1])
    for size in tried:
        said = found.trials[(size if size <= largest else largest - stride + 1 + (size - largest - 1) % stride) - 1]
        weights = built(module, graph, size)
        assert said.legal == (weights is not None), (graph.name, size, said)
        if weights is not None and graph.inputs[0].shape[1] == graph.inputs[0].shape[2]:
            # A shortcut with a stride is none where a single pixel keeps its shape: weights of both sizes are compared.
            alike = all(own[name] == shape for name, shape in weights.items() if name in own)
            assert said.fits == alike, (graph.name, size, said)


@pytest.mark.parametrize("path", [path for path in FILES if path.stem in QUICK], ids=stem)
def test_legal_sizes_are_those_at_which_the_network_can_be_built(path: Path) -> None:
    hold(path, range(1, 100))


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=stem)
def test_legal_sizes_in_the_zoo(path: Path) -> None:
    hold(path, range(1, TRIED + 1))


WINDOWS = [*product((1, 2, 3, 5), (1, 2, 3), (0, 1), (1, 2), ("conv", "maxpool"))]


@pytest.mark.parametrize(("kernel", "stride", "pad", "dilation", "layer"), WINDOWS)
def test_a_size_is_whole_if_no_pixel_is_left_over(
    kernel: int, stride: int, pad: int, dilation: int, layer: str
) -> None:
    """By the pixels that windows read, one by one: what lies behind the last one, more than between two windows."""
    if (layer == "maxpool" and (dilation > 1 or pad > kernel // 2)) or (kernel == 1 and pad):
        return
    text = f"conv {kernel}x{kernel}, 2, /{stride}, pad={pad}, dilation={dilation}"
    text = text if layer == "conv" else f"maxpool {kernel}x{kernel}, /{stride}, pad={pad}"
    extent = dilation * (kernel - 1) + 1
    for trial in sizes(cnndsl.loads(f"network n {{ input 2 x 30 x 30\n {text} }}").graph).trials:
        starts = range(-pad, trial.size + pad - extent + 1, stride)
        assert trial.legal == bool(starts)
        if starts:
            read = {start + dilation * tap for start in starts for tap in range(kernel)}
            over = trial.size - 1 - max(read)
            changed = len(starts) != trial.size
            assert (trial.losing is not None) == (changed and over > max(0, stride - extent)), trial


SAID = {
    "vgg16": ["all from 32", "224 to 255", "32, 64, ... (every 32 pixels)"],
    "inception_v3": ["all from 75", "all from 75", "75, 107, ... (every 32 pixels)"],
    "unet": ["16, 32, ... (every 16 pixels)"] * 3,
    "resnet50": ["all from 1"] * 3,
}


@pytest.mark.parametrize("name", SAID)
def test_sizes_in_words(name: str) -> None:
    lines = {line.split("  ")[0]: line for line in sizes_text(sizes(cnndsl.load(name).graph)).splitlines()}
    for kind, words in zip(("legal", "same weights", "whole"), SAID[name], strict=True):
        assert f"  {words}  " in lines[kind]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([], "none"),
        ([7], "7"),
        ([3, 4, 5, 9], "3 to 5, 9"),
        ([*range(5, 41)], "all from 5"),
        ([2, *range(8, 41, 4)], "2, 8, 12, ... (every 4 pixels)"),
        ([*range(6, 41, 8), *range(7, 41, 8)], "6 to 7, 14 to 15, ... (every 8 pixels)"),
    ],
)
def test_lists_of_sizes(found: list[int], words: str) -> None:
    assert in_words(sorted(found), 40, 8) == words


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "siamese"])
def test_json_is_what_its_schema_says(name: str) -> None:
    jsonschema.validate(json.loads(sizes_json(sizes(cnndsl.load(name).graph))), SCHEMA)


def test_vectors_have_no_sizes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    graph = cnndsl.loads("network n { input 7\n linear 3 }").graph
    with pytest.raises(SizesError, match="takes no pictures"):
        sizes(graph)
    path = tmp_path / "n.arch"
    path.write_text("network n { input 7\n linear 3 }\n", encoding="utf-8")
    assert main(["sizes", str(path)]) == 2
    assert "takes no pictures" in capsys.readouterr().err
