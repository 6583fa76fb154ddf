"""The playground in a browser: one writes, errs, repairs and shares a network; it asks only its own server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import cnndsl
from cnndsl.analysis import summarize, summary_json

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "playground"
LOADING = 180_000  # milliseconds
pytestmark = [pytest.mark.slow, pytest.mark.network]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of the site, while it is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("playground") / "site"
    command = [sys.executable, str(SCRIPT), "--build", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


class Playground:
    """A page of the site, and what it said and asked for."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.said: list[str] = []
        self.asked: set[str] = set()
        self.page: Page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        context.on("request", lambda request: self.asked.add(re.sub(r"^(\w+://[^/]+).*", r"\1", request.url)))
        self.page.goto(address)
        self.shown(timeout=LOADING)

    def shown(self, network: str | None = None, timeout: float = 60_000) -> None:
        """Wait until a network is drawn with all of its states."""
        heading = f' h1:text-is("{network}")' if network else " h1"
        self.page.wait_for_selector(f'.viewer[data-whole="true"]{heading}', timeout=timeout)

    def write(self, text: str) -> None:
        """Type a text, as a user does, in place of what is there. The editor indents by itself."""
        self.page.click(".cm-content")
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(re.sub(r"\n +", "\n", text))

    @property
    def boxes(self) -> set[str]:
        return set(self.page.evaluate("[...document.querySelectorAll('[data-box]')].map(box => box.dataset.box)"))


TYPED = """\
network typed {
    input 3 x 32 x 32
    conv 3x3, 8 -> relu
    stage {
        conv 3x3, 16, /2 -> relu
        conv 3x3, 16 -> relu
    }
    global_avgpool -> linear 10
}"""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1300, "height": 850}, reduced_motion="reduce")
    yield context
    context.close()


def test_a_network_is_written_and_repaired(site: Path, context: BrowserContext) -> None:
    with served(site) as address:
        opened = Playground(context, address)
        page = opened.page
        opened.write(TYPED)
        opened.shown("typed")
        expect(page.locator(".cm-line", has_text="stage {")).to_contain_text(re.compile("^    stage"))
        expect(page.locator(".shape-hint").last).to_have_text(": 10")
        expect(page.locator("#status")).to_contain_text("no findings")
        line = page.locator(".cm-line", has_text="conv 3x3, 8")
        line.click(position={"x": 200, "y": 8})
        page.keyboard.press("Home")
        page.keyboard.type("x")
        message = page.locator(".message-error")
        expect(message).to_contain_text("xconv")
        expect(page.locator(".found-error")).to_have_text("xconv")
        below = message.bounding_box(), line.bounding_box()
        assert below[0] and below[1] and 0 < below[0]["y"] - below[1]["y"] < 40
        message.get_by_role("button").first.click()
        expect(message).to_have_count(0)
        expect(page.locator(".cm-content")).not_to_contain_text("xconv")
        expect(page.locator("#status")).to_contain_text("no findings")
        assert opened.said == [] and opened.asked == {address.rstrip("/")}


def test_words_are_offered_and_explained(site: Path, context: BrowserContext) -> None:
    """Tab takes what is offered, and Enter ends the line; what is shown of a word is no HTML of the text's."""
    with served(site) as address:
        opened = Playground(context, address)
        page = opened.page
        opened.write("# <img src=x onerror=alert(1)>\n" + TYPED.replace("    global_avgpool -> linear 10\n}", ""))
        page.keyboard.type("global_a")
        offered = page.locator(".cm-tooltip-autocomplete")
        expect(offered.locator("li").first).to_contain_text("global_avgpool")
        page.wait_for_timeout(150)  # the editor takes no word in the first moment that it is offered
        page.keyboard.press("Tab")
        page.keyboard.type(" -> linear 10")
        page.keyboard.press("Enter")
        page.keyboard.type("}")
        opened.shown("typed")
        expect(page.locator("#status")).to_contain_text("no findings")
        page.locator(".cm-line", has_text="network").get_by_text("typed").hover()
        expect(page.locator(".about")).to_contain_text("<img src=x onerror=alert(1)>")
        assert page.locator(".about img").count() == 0
        assert opened.said == [] and opened.asked == {address.rstrip("/")}


def test_a_network_of_the_zoo_is_unfolded_compared_and_shared(site: Path, context: BrowserContext) -> None:
    with served(site) as address:
        opened = Playground(context, address)
        page = opened.page
        page.select_option("#zoo", "resnet50")
        opened.shown("resnet50")
        expect(page.locator("#networks option:checked")).to_have_text("resnet50")
        while page.locator('[data-frame="stage3"]').count():
            page.get_by_role("button", name="− level").click()
        page.locator('[data-box="stage3"]').click()
        inside = {key for key in opened.boxes if key.startswith("stage3.")}
        rows = json.loads(summary_json(summarize(cnndsl.load("resnet50").graph, 2)))["rows"]
        assert len(inside) == sum(row["name"].startswith("stage3.") for row in rows)
        expect(page.locator(".cm-activeLine")).to_contain_text("conv 1x1, filters")  # where what was clicked begins
        page.locator(".cm-content").focus()
        page.keyboard.press("End")
        page.keyboard.type("  # mine")  # the picture stays as it is unfolded
        expect(page.locator('.viewer[data-whole="false"]')).to_have_count(0)
        assert inside <= opened.boxes
        for kind, told in (
            ("summary", "25,557,032"),
            ("source", "class Bottleneck(nn.Module)"),
            ("roofline", "total"),
            ("difference", "no difference"),
        ):
            page.click(f'[data-kind="{kind}"]')
            expect(page.locator(f'#table[data-kind="{kind}"]')).to_contain_text(told, timeout=LOADING)
        page.select_option("#others", "resnet34")
        expect(page.locator("#table")).to_contain_text("resnet34 -> resnet50", timeout=LOADING)
        page.get_by_role("button", name="copy link").click()
        expect(page.locator("#status")).to_contain_text("link")
        again = Playground(context, page.url)
        again.shown("resnet50")
        again.page.locator(".cm-content").focus()
        again.page.keyboard.press("Control+Home")  # the editor holds only what is in view
        expect(again.page.locator(".cm-content")).to_contain_text("# mine")
        assert len(page.url) < 3_000
        assert opened.said == again.said == [] and opened.asked == {address.rstrip("/")}


def test_a_link_names_a_network_of_the_zoo(site: Path, context: BrowserContext) -> None:
    with served(site) as address:
        opened = Playground(context, f"{address}#network=lenet5")
        opened.shown("lenet5")
        opened.page.evaluate("location.hash = '#network=nothing'")
        expect(opened.page.locator("#note")).to_contain_text("nothing")
        assert opened.said == []


def test_it_works_without_its_server_and_with_a_broken_link(site: Path, context: BrowserContext) -> None:
    with served(site) as address:
        first = Playground(context, address)
        first.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        first.page.close()
    offline = Playground(context, f"{address}#text=nonsense")
    offline.shown("small")
    expect(offline.page.locator("#zoo option")).not_to_have_count(1)
    assert offline.said == []


def test_its_scripts_are_typed(site: Path) -> None:
    """`site` has installed what they need."""
    done = subprocess.run(
        ["npm", "run", "check"], cwd=SCRIPT.parent.parent / "playground", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
