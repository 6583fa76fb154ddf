"""The HTML of a network, in a browser: it asks for nothing, unfolds, is searched, and no text lies on another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import jsonschema
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import cnndsl
from cnndsl.analysis import summarize, summary_json
from cnndsl.draw.boxes import picture
from cnndsl.draw.viewer import states
from cnndsl.draw.viewer.page import page
from cnndsl.draw.viewer.states import viewer_data
from cnndsl.ir.graph import Graph

NETWORKS = {  # a block of each, and the depth of a summary that shows its layers, for which branches count
    "googlenet": ("inception4e", 3),
    "resnet50": ("stage3", 2),
    "densenet121": ("transition2", 2),
    "resnet50_fpn": ("c[2]", 2),
    "unet": ("level2", 2),
}
TEXTS = """() => [...document.querySelectorAll(".scene text")].map(text => {
  const at = text.getBoundingClientRect();
  return [text.textContent, at.left, at.top + at.height * 0.15, at.right, at.bottom - at.height * 0.15];
})"""
SCHEMA = Path(states.__file__).with_name("viewer.schema.json")
STILL = ".viewer * { animation: none !important; transition: none !important; }"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page, and what it said and asked for."""

    def __init__(self, browser: Browser, path: Path, **settings: object) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page: Page = browser.new_page(**{"viewport": {"width": 1200, "height": 800}, **settings})
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.page.add_style_tag(content=STILL)
        self.page.evaluate("document.fonts.ready")

    @property
    def boxes(self) -> set[str]:
        return set(self.page.evaluate("[...document.querySelectorAll('[data-box]')].map(box => box.dataset.box)"))

    def overlapping(self) -> list[tuple[str, str]]:
        """The texts that lie on each other, as the browser has set them."""
        found = self.page.evaluate(TEXTS)
        return [
            (one[0], other[0])
            for one, other in combinations(found, 2)
            if min(one[3], other[3]) - max(one[1], other[1]) > 0.5
            and min(one[4], other[4]) - max(one[2], other[2]) > 0.5
        ]


@pytest.fixture(scope="module", params=NETWORKS)
def opened(browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    path = tmp_path_factory.mktemp("viewer") / f"{request.param}.html"
    path.write_text(page(cnndsl.load(request.param).graph, 1), encoding="utf-8")
    return Opened(browser, path)


def test_a_network_unfolds_in_place(opened: Opened) -> None:
    """A click shows what the summary has inside of a block, another folds it, and all of it is silent and offline."""
    name = opened.page.title()
    graph, (block, depth) = cnndsl.load(name).graph, NETWORKS[name]
    assert opened.boxes == set(picture(graph, 1).boxes)
    assert opened.overlapping() == []
    before = opened.page.locator(f'[data-box="{block}"]').bounding_box()
    opened.page.locator(f'[data-box="{block}"]').click()
    inside = {key for key in opened.boxes if key.startswith(f"{block}.")}
    assert len(inside) == rows_inside(graph, block, depth) and block not in opened.boxes
    assert opened.overlapping() == []
    after = opened.page.locator(f'[data-frame="{block}"]').bounding_box()
    assert before and after and abs(before["x"] - after["x"]) < 2 and abs(before["y"] - after["y"]) < 2
    opened.page.locator(f'[data-frame="{block}"] > text').first.click()
    assert opened.boxes == set(picture(graph, 1).boxes)
    opened.page.keyboard.press("]")
    assert opened.boxes == set(picture(graph, 2).boxes)
    assert opened.overlapping() == []
    opened.page.keyboard.press("[")
    assert opened.boxes == set(picture(graph, 1).boxes)
    assert opened.said == [] and len(opened.asked) == 1


def rows_inside(graph: Graph, block: str, depth: int) -> int:
    """How many layers a summary has inside of a block: rows without rows inside of them."""
    names = [row["name"] for row in json.loads(summary_json(summarize(graph, depth)))["rows"]]
    inside = [name for name in names if name.startswith(f"{block}.")]
    return sum(not any(other.startswith(f"{name}.") for other in inside) for name in inside)


def test_search_keyboard_and_colours(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "net.html"
    path.write_text(page(cnndsl.load("resnet50").graph, 1), encoding="utf-8")
    opened = Opened(browser, path, color_scheme="dark", viewport={"width": 420, "height": 700})
    looking, viewer = opened.page.keyboard, opened.page.locator(".viewer")
    paper = "getComputedStyle(document.querySelector('.viewer')).backgroundColor"
    dark = opened.page.evaluate(paper)
    viewer.get_by_text("light/dark").click()
    assert viewer.get_attribute("data-theme") == "light" and opened.page.evaluate(paper) != dark
    looking.press("/")
    looking.type("stage3 3x3 conv2")
    looking.press("Enter")
    chosen = opened.page.locator(".item.chosen > [data-box]")
    assert (chosen.get_attribute("data-box") or "").startswith("stage3.")
    chosen.hover()
    hint = opened.page.locator(".hint").inner_text()
    for told in (
        "conv 3x3",
        "puts out 256 x 14 x 14",
        "params",
        "MACs",
        "in float32",
        "receptive field",
        "resnet.arch:",
    ):
        assert told in hint
    looking.press("1")  # means nothing
    looking.press("[")
    looking.press("[")
    opened.page.locator('.item:has(> [data-box="stage2"])').focus()
    looking.press("Enter")
    assert "stage2.bottleneck1" in opened.boxes and "stage2" not in opened.boxes
    looking.press("Enter")
    assert "stage2" in opened.boxes
    transform = "document.querySelector('.scene').style.transform"
    fitted = opened.page.evaluate(transform)
    looking.press("+")
    looking.press("ArrowLeft")
    assert opened.page.evaluate(transform) != fitted
    looking.press("0")
    assert opened.page.evaluate(transform) == fitted
    assert opened.said == [] and len(opened.asked) == 1


def test_text_of_a_network_ends_no_script(browser: Browser, tmp_path: Path) -> None:
    file, path = tmp_path / "a<script>b.arch", tmp_path / "net.html"
    file.write_text("network n {\n input 3 x 8 x 8\n conv 1x1, 3\n}")
    path.write_text(page(cnndsl.load(file).graph), encoding="utf-8")
    opened = Opened(browser, path)
    assert opened.boxes == {"input", "conv", ":output"} and opened.said == []


@pytest.mark.parametrize("name", ["googlenet", "resnet50", "unet"])
def test_every_way_of_the_viewer_leads_somewhere(name: str) -> None:
    """From each state to one in which the block is open, or the frame is not."""
    data = json.loads(json.dumps(viewer_data(cnndsl.load(name).graph)))
    jsonschema.validate(data, json.loads(SCHEMA.read_text(encoding="utf-8")))
    shown = {key: {item[0] for item in state["items"]} for key, state in data["states"].items()}
    for key, state in data["states"].items():
        boxes = {item[4:] for item in shown[key] if item.startswith("box ")}
        assert boxes <= set(data["details"]) | {item for item in boxes if item.startswith(":")}
        for block, after in state["opens"].items():
            assert f"box {block}" in shown[key] and f"frame {block}" in shown[after]
        for frame, after in state["folds"].items():
            assert f"frame {frame}" in shown[key] and f"frame {frame}" not in shown[after]
        assert all(0 <= item[1] < len(data["marks"]) for item in state["items"])
    assert data["first"] in shown and set(data["depths"]) <= set(shown)
