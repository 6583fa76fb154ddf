"""The figures of papers: maps as cuboids, dense blocks with all their connections, chains side by side."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest
from drawings import SVG, read_texts
from test_draw import crossing
from zoo import FILES, first_two, stem

import cnndsl
from cnndsl.cli.main import main
from cnndsl.draw import Look, PictureError, figure
from cnndsl.draw.chain import chain
from cnndsl.draw.dense import dense_blocks
from cnndsl.draw.look import FigureName
from cnndsl.ir.graph import Graph

FIGURES: tuple[FigureName, ...] = ("boxes", "dense", "chain")


def graph(name: str) -> Graph:
    return cnndsl.load(name).graph


def judged(svg: str) -> ElementTree.Element:
    """The SVG, in which no text lies on another or outside."""
    root = ElementTree.fromstring(svg)
    view, texts = read_texts(root)
    assert crossing(texts) == []
    assert all(view.holds(area) for _, area in texts)
    return root


def boxes(root: ElementTree.Element) -> list[str]:
    return [group.attrib["data-box"] for group in root.iter(f"{SVG}g") if "data-box" in group.attrib]


OFTEN = ("alexnet", "densenet_cifar", "fpn", "googlenet", "siamese", "unet")
SLOW = pytest.mark.slow


@pytest.mark.parametrize("path", [pytest.param(p, marks=() if stem(p) in OFTEN else SLOW, id=stem(p)) for p in FILES])
def test_the_zoo(path: Path) -> None:
    """Each network is drawn, or it is said in one line why not."""
    for each in first_two(path)[:1]:
        for name in FIGURES:
            try:
                root = judged(figure([each], Look(figure=name)))
            except PictureError as error:
                assert each.name in str(error) and "\n" not in str(error)
            else:
                assert len(set(boxes(root))) == len(boxes(root)) > 1


def test_maps_of_alexnet() -> None:
    """The cuboids of Krizhevsky et al. 2012, from the picture to the classes."""
    root = judged(figure([graph("alexnet")], Look(figure="boxes")))
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    shapes = [text for text in texts if re.fullmatch(r"\d+( x \d+ x \d+)?", text)]
    assert shapes[0] == "3 x 227 x 227" and shapes[-1] == "1000"
    maps = ["96 x 55 x 55", "256 x 27 x 27", "384 x 13 x 13", "256 x 13 x 13", "256 x 6 x 6", "4096"]
    places = [shapes.index(shape) for shape in maps]
    assert all(shape in shapes for shape in maps) and places[0] < places[1] < places[2] < places[4] < places[5]


@pytest.mark.parametrize(("name", "layers"), [("densenet121", (6, 12, 24, 16)), ("densenet40_12", (12, 12, 12))])
def test_every_layer_of_a_dense_block_reads_all_before_it(name: str, layers: tuple[int, ...]) -> None:
    blocks = [*dense_blocks(graph(name))]
    assert tuple(len(block.layers) for block in blocks) == layers
    for block in blocks:
        count = len(block.layers)
        assert set(block.arcs) == {(source, to) for to in range(1, count + 1) for source in range(to)}
    root = judged(figure([graph(name)], Look(figure="dense")))
    arcs = [path.attrib["data-arc"] for path in root.iter(f"{SVG}path") if "data-arc" in path.attrib]
    assert len(set(arcs)) == sum(count * (count + 1) // 2 for count in layers)


def test_figure_3_of_resnet() -> None:
    """VGG-19, the plain network of 34 layers and the residual one, on common rows."""
    names = ("vgg19", "plain34", "resnet34_a")
    root = judged(figure([graph(name) for name in names], Look(figure="chain")))
    chains = {name: chain(graph(name)) for name in names}
    for found, layers, shortcuts, changes in zip(chains.values(), (19, 34, 34), (0, 0, 16), (0, 0, 3), strict=True):
        weighted = [link for link in found.links if link.kind == "weights"]
        assert len(weighted) == layers and len(found.shortcuts) == shortcuts
        assert sum(each.changes for each in found.shortcuts) == changes
        assert all(each.end - each.start == 2 for each in found.shortcuts)
    rows: dict[str, set[float]] = {}
    for group in root.iter(f"{SVG}g"):
        (name, key), top = group.attrib["data-box"].split(" "), float(group[1].attrib["y"])
        size = next(link.pixels for link in chains[name].links if link.key == key)
        rows.setdefault(" x ".join(map(str, size)), set()).add(top)
    spans = [(min(tops), max(tops)) for tops in rows.values()]
    assert all(one[1] < other[0] for one, other in pairwise(sorted(spans)))


def test_what_is_no_line_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "alexnet", "--kind", "dense"]) == 2
    assert "alexnet has no dense block" in capsys.readouterr().err
    assert main(["draw", "unet", "--kind", "chain"]) == 2
    assert main(["draw", "alexnet", "vgg16"]) == 2
    assert main(["draw", "alexnet", "--kind", "boxes", "--fit", "16:9"]) == 2
    assert "Traceback" not in capsys.readouterr().err
