"""What papers would advise: only where it is asked for, with their numbers, and where it does not hold, not."""

from __future__ import annotations

import re

import pytest
from zoo import FILES, graphs, stem

import cnndsl
from cnndsl.analysis import lint
from cnndsl.analysis.lint.advice import ADVICE
from cnndsl.checking import Request, check_file
from cnndsl.cli.main import main
from cnndsl.diagnostics.codes import all_codes
from cnndsl.ir import Graph
from cnndsl.source import Source

NAIVE = """\
network naive {
    input 256 x 28 x 28
    concat { | conv 1x1, 128 | conv 3x3, 192 | conv 5x5, 96 | maxpool 3x3, /1, pad=1 }
}
"""
REDUCED = """\
network reduced {
    input 256 x 28 x 28
    concat {
        | conv 1x1, 128
        | conv 1x1, 64 -> conv 3x3, 192
        | conv 1x1, 64 -> conv 5x5, 96
        | maxpool 3x3, /1, pad=1 -> conv 1x1, 64
    }
}
"""


def advised(graph: Graph, *codes: str) -> list[str]:
    return [each.code for each in lint(graph, advice=codes or tuple(ADVICE)) if each.code in ADVICE]


def body(text: str, size: str = "64 x 32 x 32") -> Graph:
    return cnndsl.loads(f"network n {{ input {size}\n {text} }}").graph


def test_every_code_of_advice_is_explained_with_a_paper_and_asked_for_by_its_name() -> None:
    codes = {code.code: code for code in all_codes() if code.code.startswith("W7")}
    assert set(codes) == set(ADVICE)
    for name, code in codes.items():
        assert code.advice == {name}
        assert re.search(r"\((?:[^()]* )?(?:et al\. |and \w+ |NVIDIA )\d{4}", code.explanation), name
        report = check_file(Source("example.arch", code.bad), Request()).report
        assert not list(report), "nothing is said of it unless it is asked for"


def test_the_module_of_the_lectures_takes_854m_and_271m() -> None:
    naive, reduced = cnndsl.loads(NAIVE), cnndsl.loads(REDUCED)
    assert (naive.macs, reduced.macs) == (854_196_224, 271_351_808)
    said = [finding for finding in lint(naive.graph, advice=("W703",)) if finding.code == "W703"]
    takes = [int(re.search(r"takes ([\d,]+)", each.message)[1].replace(",", "")) for each in said]
    leaves = [int(re.search(r"leaves ([\d,]+)", each.help)[1].replace(",", "")) for each in said]
    pool_projection = 28 * 28 * 256 * 64
    assert takes == [346_816_512, 481_689_600]
    assert naive.macs - sum(takes) + sum(leaves) + pool_projection == reduced.macs
    assert "W703" not in advised(reduced.graph)


def test_the_first_linear_layer_of_vgg_has_most_of_the_parameters() -> None:
    said = [each for each in lint(cnndsl.load("vgg16").graph, advice=("W702",)) if each.code == "W702"]
    assert [each.message for each in said] == ["this layer has 102,764,544 of 138,357,544 parameters, 74%"]
    assert said[0].help == f"with `global_avgpool` before it, it has {512 * 4096 + 4096:,}"


NETWORKS = {  # what they were made to avoid, and did
    "googlenet": set(),
    "resnet50": set(),
    "densenet121": set(),
    "vgg16": {"W702", "W703"},
    "alexnet": {"W702", "W703"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_that_made_the_argument_keep_to_it(name: str) -> None:
    assert set(advised(cnndsl.load(name).graph)) == NETWORKS[name]


CASES = {
    "conv 3x3, 8 -> conv 3x3, 8": ["W701"],  # a map that is an output
    "conv 3x3, 8 -> mul { | identity | global_avgpool -> conv 1x1, 8 -> sigmoid } -> flatten -> linear 8": ["W702"],
    "conv 33x33, 8 -> conv 33x33, 8": [],
    "global_avgpool -> linear 16": ["W701"],  # the picture's own pixels
    "conv 3x3, 30, /2 -> relu -> conv 33x33, 8": ["W705"],
    "conv 33x33, 8 -> conv 1x1, 3": [],  # as many as the task has
    "conv 33x33, 8 -> mul { | identity | global_avgpool -> conv 1x1, 3 -> conv 1x1, 8 -> sigmoid }": ["W705"],
    "depthwise 33x33 -> depthwise 33x33": [],
}


@pytest.mark.parametrize("text", CASES)
def test_cases(text: str) -> None:
    assert advised(body(text)) == CASES[text]


GROWING = "repeat 3 { concat { | conv 3x3, 32 -> relu | identity } }"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (f"{GROWING} conv 3x3, 256, /2", ["W704"]),
        (f"{GROWING} bn -> relu -> conv 1x1, 80", []),
        (f"{GROWING} global_avgpool -> linear 10", []),
        (f"{GROWING} maxpool 2x2, /2 -> {GROWING} conv 3x3, 512", ["W704"]),
        ("concat { | conv 3x3, 32 | identity } conv 3x3, 256", []),
        ("repeat 3 { concat { | conv 3x3, 32 | conv 1x1, 32 } } conv 3x3, 256", []),
    ],
)
def test_growth(text: str, codes: list[str]) -> None:
    lines = text.replace("} conv", "}\n conv").replace("} bn", "}\n bn").replace("} global", "}\n global")
    lines = lines.replace("} maxpool", "}\n maxpool").replace("-> repeat", "\n repeat")
    assert advised(body(lines), "W704") == codes


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=stem)
def test_advice_about_the_zoo_is_given_without_an_error(path: object) -> None:
    for graph in graphs(path).values():
        for finding in lint(graph, advice=tuple(ADVICE)):
            assert finding.severity == "warning" and finding.remedies


def test_advice_may_be_allowed_and_is_selected(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "n.arch"
    path.write_text(
        "network n {\n    input 256 x 8 x 8\n    conv 5x5, 64  # allow W703: on purpose\n}\n", encoding="utf-8"
    )
    for advice in ([], ["--advice", "W703"], ["--advice", "w703,W702"]):
        assert main(["check", str(path), *advice]) == 0
        assert "W" not in capsys.readouterr().out.replace("W703: on", "")
    assert main(["check", str(path), "--advice", "all"]) == 0
    assert "W701" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["check", str(path), "--advice", "W603"])
    assert stop.value.code == 2
    assert "W603 is no code of advice" in capsys.readouterr().err
