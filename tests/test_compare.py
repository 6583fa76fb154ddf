"""Networks beside each other: accuracies with their sources, tables, and charts whose labels a browser measures."""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest

from cnndsl.checking import check_model
from cnndsl.cli.main import main
from cnndsl.comparison.measures import CompareError, Comparison, Entry, compare, mixed
from cnndsl.comparison.results import all_results, chosen
from cnndsl.comparison.table import comparison_csv, comparison_table
from cnndsl.draw.chart import chart
from cnndsl.draw.placement import Box, Disc, placed
from cnndsl.models import find_model

RENAMED = {"alexnet_torchvision": "alexnet", "googlenet_torchvision": "googlenet"}
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CANZIANI = ("alexnet_torchvision", "googlenet_torchvision", "vgg16", "resnet50", "densenet121")


# --- accuracies


def test_every_result_is_of_a_network_that_there_is_and_says_who_measured_it() -> None:
    seen = set()
    for each in all_results():
        assert find_model(each.network).network == each.network
        assert each.top1 is not None or each.top5 is not None
        assert all(50 < value < 100 for value in (each.top1, each.top5) if value is not None)
        assert each.top1 is None or each.top5 is None or each.top1 < each.top5
        assert each.crop.startswith(("1 crop", "10 crops", "dense")) and each.page.startswith("https://")
        assert each.by and each.title and each.where and each.dataset == "ImageNet"
        assert (each.network, each.by) not in seen
        seen.add((each.network, each.by))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("torchvision") is None, reason="needs torchvision")
def test_torchvisions_results_are_those_of_its_metadata() -> None:
    from oracles import torchvision_models

    models = torchvision_models()
    for each in all_results():
        if each.source == "torchvision":
            weights = models.get_model_weights(RENAMED.get(each.network, each.network)).IMAGENET1K_V1
            metrics, transforms = weights.meta["_metrics"]["ImageNet-1K"], weights.transforms()
            assert (each.top1, each.top5) == (metrics["acc@1"], metrics["acc@5"]), each.network
            assert each.crop == f"1 crop of {transforms.crop_size[0]} pixels"


def test_one_source_is_taken_if_it_has_measured_all() -> None:
    assert {each.source for each in chosen(CANZIANI, ["top1"], None).values()} == {"torchvision"}
    both = chosen(["vgg16", "alexnet", "resnet18"], ["top1"], None)
    assert [both[name].source for name in ("vgg16", "alexnet", "resnet18")] == ["papers", "papers", "torchvision"]
    assert set(chosen(["googlenet", "vgg16"], ["top1"], "papers")) == {"vgg16"}  # whose paper prints top-5 alone
    assert set(chosen(["googlenet", "vgg16"], ["top5"], "papers")) == {"googlenet", "vgg16"}


def compared(*names: str, **axes: str) -> Comparison:
    networks = [(name, check_model(find_model(name)).facts[name]) for name in names]
    return compare(networks, **{"x": "macs", "y": "top1", "size": "params"} | axes)


def test_sources_are_not_mixed_without_a_note() -> None:
    alike, unlike = compared("alexnet_torchvision", "vgg16"), compared("alexnet", "vgg16", "resnet18")
    assert mixed(alike) == ""
    assert "2 papers and torchvision (10 crops, dense, 1 crop of 224 pixels)" in mixed(unlike)
    assert mixed(unlike) in comparison_table(unlike).notes
    assert "small gaps say nothing" in chart(unlike) and "Blue" in chart(unlike)
    assert "torchvision 0.28" in chart(alike)


def test_a_table_has_the_numbers_of_the_networks() -> None:
    rows = list(csv.DictReader(io.StringIO(comparison_csv(compared(*CANZIANI)))))
    assert [row["network"] for row in rows] == [*CANZIANI]
    assert [float(row["macs"]) for row in rows][2:4] == [15.470264320, 4.089184256]
    assert [float(row["params"]) for row in rows][2:4] == [138.357544, 25.557032]
    assert [float(row["top1"]) for row in rows] == [56.522, 69.778, 71.592, 76.13, 74.434]


def test_what_nobody_has_measured_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CompareError, match="no top1 of lenet5, unet; computed are params"):
        compared("lenet5", "vgg16", "unet")
    assert len(compared("lenet5", "unet", y="depth").entries) == 2
    place = tmp_path / "chart.svg"
    assert main(["compare", "lenet5", "-o", str(place)]) == 2
    assert not place.exists() and "no top1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["vgg16", "-o", "chart.png"], "end it in .svg"),
        (["vgg16", "vgg16"], "named twice"),
        (["vgg16", "vgg61"], "vgg61"),
        (["vgg16", "resnet18", "--source", "papers"], "by papers of resnet18"),
    ],
)
def test_usage(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".svg", ".html", ".csv", ".md", ".tex"])
def test_the_ending_says_what_is_written(ending: str, tmp_path: Path) -> None:
    place = tmp_path / f"out{ending}"
    assert main(["compare", "alexnet", "vgg16", "--size", "params", "-o", str(place)]) == 0
    text = place.read_text(encoding="utf-8")
    begins = {".svg": "<svg", ".html": "<!doctype html>", ".csv": "network,", ".md": "### ", ".tex": "% "}
    assert text.startswith(begins[ending]) and "vgg16" in text
    if ending == ".svg":
        ElementTree.fromstring(text)
    if ending == ".html":
        assert "<svg" in text and "<table>" in text


# --- charts


def areas(text: str) -> dict[str, float]:
    root = ElementTree.fromstring(text)
    found = root.iter("{http://www.w3.org/2000/svg}circle")
    return {(circle[0].text or "").partition(":")[0]: float(circle.attrib["r"]) ** 2 for circle in found}


def test_areas_are_as_the_numbers_are() -> None:
    found = areas(chart(compared("vgg16", "resnet50", "resnet152")))
    assert found["resnet50"] / found["vgg16"] == pytest.approx(25_557_032 / 138_357_544, rel=0.02)
    assert found["resnet152"] / found["vgg16"] == pytest.approx(60_192_808 / 138_357_544, rel=0.02)


def many(count: int, seed: int = 0) -> Comparison:
    """The networks that somebody has measured, whose numbers nobody has to count for this; or made ones, crowded."""
    names = list(dict.fromkeys(each.network for each in all_results() if each.top1 is not None))[:count]
    random = Random(seed)
    entries = [
        Entry(
            name,
            {
                "macs": random.lognormvariate(0, 1.2),
                "top1": 80 - random.expovariate(0.2),
                "params": random.lognormvariate(2, 1),
            },
        )
        for name in names
    ]
    return Comparison(tuple(entries), "macs", "top1", "params")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("count", [1, 5, 60])
def test_labels_have_places_of_their_own(count: int, seed: int) -> None:
    random = Random(seed)
    frame = Box(0, 0, 900, 600)
    discs = [
        Disc(random.gauss(450, 60), random.gauss(300, 60), random.uniform(2, 30), (random.uniform(30, 120), 16))
        for _ in range(count)
    ]
    found = placed(discs, frame)
    assert found is not None and len(found) == count
    assert all(frame.holds(box) for box in found)
    assert not any(one.meets(other) for one, other in combinations(found, 2))


def test_a_frame_without_room_is_said() -> None:
    assert placed([Disc(10, 10, 2, (15, 15))] * 9, Box(0, 0, 30, 30)) is None


def test_equal_networks_have_a_chart() -> None:
    numbers = {"macs": 1.0, "top1": 70.0, "params": 0.0}
    text = chart(Comparison(tuple(Entry(f"n{index}", numbers) for index in range(40)), "macs", "top1", "params"))
    assert "nan" not in text and "inf" not in text
    assert all(math.isfinite(area) for area in areas(text).values())


@pytest.fixture(scope="module")
def page() -> Iterator[object]:
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


BOXES = """() => [...document.querySelectorAll('%s')].map(each => {
    const box = each.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]; })"""


@pytest.mark.parametrize(("count", "seed"), [(5, 0), (17, 1), (60, 2), (60, 3)])
def test_no_label_overlaps_another_or_leaves_the_frame(page: object, count: int, seed: int) -> None:
    comparison = many(count, seed)
    page.set_content(chart(comparison))
    labels, texts = ([Box(*box) for box in page.evaluate(BOXES % what)] for what in ("text.label", "svg text"))
    (frame,) = (Box(*box) for box in page.evaluate(BOXES % "rect.frame"))
    (paper,) = (Box(*box) for box in page.evaluate(BOXES % "rect.paper"))
    assert len(labels) == count
    assert all(frame.holds(label) for label in labels)
    assert all(paper.holds(text) for text in texts)
    assert [pair for pair in combinations(texts, 2) if pair[0].meets(pair[1])] == []


@pytest.mark.slow
def test_sixty_networks_of_the_zoo_have_a_chart(page: object, tmp_path: Path) -> None:
    names = list(dict.fromkeys(each.network for each in all_results() if each.top1 is not None))[:60]
    place = tmp_path / "sixty.svg"
    assert main(["compare", *names, "--size", "params", "-o", str(place)]) == 0
    page.set_content(place.read_text(encoding="utf-8"))
    texts = [Box(*box) for box in page.evaluate(BOXES % "svg text")]
    assert [pair for pair in combinations(texts, 2) if pair[0].meets(pair[1])] == []
