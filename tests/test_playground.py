"""What Python answers the page of the playground: text, repairs, tables and pictures as the commands have them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from answers import Desk

import cnndsl
from cnndsl.formatting import formatted
from cnndsl.source import read_source

START = Path(__file__).resolve().parent.parent / "playground" / "static" / "start.arch"
WRONG = "# 𝔸\nnetwork n {\n    input 3 x 32 x 32\n    cnov 3x3, 8 -> relu\n    global_avgpool -> linear 10\n}\n"


class Asked:
    """A desk that is asked in Python's words."""

    def __init__(self) -> None:
        self.desk = Desk()

    def __call__(self, ask: str, **settings: object) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.desk.answer(json.dumps({"ask": ask, **settings})))
        return answer

    def look(self, text: str, line: int = 0, network: str = "", whole: bool = True) -> dict[str, Any]:
        return self("look", text=text, line=line, network=network, whole=whole)


@pytest.fixture
def asked() -> Asked:
    return Asked()


def utf16(text: str, start: int, end: int) -> str:
    """What lies between two places as scripts count them."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def repaired(text: str, edits: list[dict[str, Any]]) -> str:
    for edit in sorted(edits, key=lambda each: -each["from"]):
        end = len(text.encode("utf-16-le")) // 2
        text = utf16(text, 0, edit["from"]) + edit["text"] + utf16(text, edit["to"], end)
    return text


def test_a_text_is_looked_at_and_repaired(asked: Asked) -> None:
    """Places are right behind letters that take two units, and a repair leaves nothing to repair."""
    seen = asked.look(WRONG)
    (finding,) = seen["findings"]
    assert utf16(WRONG, finding["from"], finding["to"]) == "cnov" and finding["severity"] == "error"
    assert seen["network"] == "n" and utf16(WRONG, seen["networks"]["n"], seen["networks"]["n"] + 7) == "network"
    mended = repaired(WRONG, finding["fixes"][0]["edits"])
    seen = asked.look(mended)
    assert seen["findings"] == []
    lines = {mended.count("\n", 0, hint["at"]): hint["text"] for hint in seen["hints"]}
    assert ": 8 x 32 x 32" in lines.values() and ": 10" in lines.values()


def test_a_change_is_looked_at_first_in_the_network_in_view(asked: Asked) -> None:
    text = asked("text", network="resnet50")["text"]
    line = text[: text.index("network resnet50")].count("\n")
    assert asked.look(text, line)["network"] == "resnet50"
    seen = asked.look(text.replace("conv 7x7", "cnov 7x7"), 0, "resnet50", whole=False)
    assert not seen["whole"] and seen["network"] == "resnet50" and seen["findings"][0]["fixes"]
    seen = asked.look(text.replace("conv 7x7", "conv 5x5"), 0, "resnet50", whole=True)
    assert seen["whole"] and len(seen["networks"]) > 10
    assert asked.look("")["network"] == "" and "no network" in asked("picture", network="", state="")["error"]


def test_words_are_completed_and_explained(asked: Asked) -> None:
    """Names are those of the last text that could be read; a text that has changed since has no hovers."""
    good = WRONG.replace("cnov", "conv")
    typing = good.replace("-> relu", "-> re")
    asked.look(good)
    at = len(typing[: typing.index("-> re") + 5].encode("utf-16-le")) // 2
    found = {each["word"]: each for each in asked("complete", text=typing, at=at)["completions"]}
    assert found["relu"]["kind"] == "layer" and "Nair" in found["relu"]["documentation"]
    about = asked("hover", text=good, at=good.index("relu") + 2)["about"]
    assert utf16(good, about["from"], about["to"]) == "relu" and "`8 x 32 x 32`" in about["text"]
    assert asked("hover", text=typing, at=at)["about"] is None is asked("hover", text=good, at=0)["about"]
    assert Asked()("complete", text=good, at=10**9)["completions"] == []


def test_tables_say_what_the_commands_say(asked: Asked) -> None:
    asked.look(asked("text", network="lenet5")["text"], 0, "lenet5")
    table = {"network": "lenet5", "choice": ""}
    net = cnndsl.load("lenet5")
    assert f"{net.params:,}" in asked("table", kind="summary", **table)["html"]
    assert "class Lenet5(nn.Module)" in asked("table", kind="source", **table)["html"]
    assert " us<" in asked("table", kind="roofline", network="lenet5", choice="A100")["html"]
    assert "no difference" in asked("table", kind="difference", network="lenet5", choice="lenet5")["html"]
    difference = asked("table", kind="difference", network="lenet5", choice="vgg16")["html"]
    assert "vgg16 -&gt; lenet5" in difference
    assert '<img alt="vgg16 and lenet5" src="data:image/svg+xml,%3C' in difference


def test_of_a_network_with_a_mistake_there_is_what_can_be(asked: Asked) -> None:
    asked.look(WRONG)
    assert "mistake" in asked("table", kind="source", network="n", choice="")["error"]
    assert "<table>" in asked("table", kind="summary", network="n", choice="")["html"]
    assert asked("picture", network="n", state="")["network"] == "n"
    assert "more than 10,000" in asked.look("#" * 20_000)["error"]
    assert asked.look("\ud800")["findings"][0]["code"] == "E102"


def test_a_glimpse_is_a_state_of_the_whole_picture(asked: Asked) -> None:
    """But for the ways from it: the marks at their places are the same."""
    asked.look(asked("text", network="googlenet")["text"], 0, "googlenet")
    whole = asked("picture", network="googlenet", state="")
    for name in ("1", "2", "1:inception4e"):
        glimpse = asked("picture", network="googlenet", state=name)
        drawn = [
            [(key, data["marks"][mark], x, y) for key, mark, x, y in data["states"][name]["items"]]
            for data in (whole, glimpse)
        ]
        assert drawn[0] == drawn[1] and glimpse["details"].items() <= whole["details"].items()


def test_nothing_that_a_text_says_is_fetched() -> None:
    """A comment is shown as Markdown, which may ask for a picture: the page's policy knows only those in itself."""
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', (START.parent / "index.html").read_text("utf-8"))
    assert policy is not None
    assert {"default-src 'self'", "img-src data:", "font-src data:"} <= {*policy[1].split("; ")}


def test_the_first_text_is_a_whole_network() -> None:
    start = read_source(START)
    assert not cnndsl.check(START)
    assert formatted(start).text == start.text
