"""The forms of pictures: what the ending of a file says is what it holds, and all of them tell of the same network."""

from __future__ import annotations

import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import get_args

import pydot
import pytest
from drawings import read
from PIL import Image
from test_draw import judge

import cnndsl
from cnndsl.cli import draw as command
from cnndsl.cli.main import main
from cnndsl.draw import Look, draw, draw_as
from cnndsl.draw.boxes import picture
from cnndsl.draw.dot import dot
from cnndsl.draw.forms import FORMS, PRINTS, TEXTS
from cnndsl.draw.look import PAGES, PageName
from cnndsl.draw.model import Fact
from cnndsl.draw.sizes import TINY
from cnndsl.errors import PictureError

FEW = ("alexnet", "unet", "googlenet")
ODD = """network n {
  input 3 x 8 x 8 as graph
  conv 1x1, 3 as subgraph
  concat {
    | conv 3x3, 4 -> relu
    | identity
  } as end
}"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, check=True)


def network(name: str) -> cnndsl.Architecture:
    return cnndsl.loads(ODD) if name == "odd" else cnndsl.load(name)


@pytest.mark.parametrize("ending", FORMS)
def test_the_ending_says_the_form(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"net.{ending}"
    assert main(["draw", "alexnet", "-o", str(path)]) == 0
    begins = {"svg": b"<svg", "png": b"\x89PNG", "pdf": b"%PDF", "html": b"<!doctype html>", "md": b"# ", "dot": b"dig"}
    assert path.read_bytes().startswith(begins[ending])


def test_the_command_knows_what_there_is() -> None:
    """Its choices are written out, so that a usage error needs no import."""
    assert set(command.ENDINGS) == set(FORMS) and set(command.FACTS) == set(get_args(Fact))
    assert {*command.PRINTED, "svg"} == set(PRINTS) and set(command.UNPLACED) == set(TEXTS)


def test_an_unknown_ending_is_an_error_before_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["draw", "no such network", "-o", str(tmp_path / "net.gif")])
    assert ended.value.code == 2 and "says no format" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_what_is_missing_is_said_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None)
    program = (
        "import sys, cnndsl.extras; cnndsl.extras.find_spec = lambda name: None;"
        "from cnndsl.cli.main import main; sys.exit(main(['draw', 'no such network', '-o', 'net.png']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and 'pip install "cnndsl[image]"' in done.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", FEW)
def test_text_of_a_pdf_is_found(tmp_path: Path, name: str) -> None:
    graph = cnndsl.load(name).graph
    path = tmp_path / "net.pdf"
    path.write_bytes(bytes(draw_as([graph], "pdf", Look())))  # type: ignore[arg-type]
    found = run("pdftotext", "-layout", str(path), "-").stdout
    words = re.sub(r"\s+", "", found)
    for text, _ in read(draw(graph)).texts:
        assert re.sub(r"\s+", "", text) in words
    fonts = run("pdffonts", str(path)).stdout.splitlines()[2:]
    assert fonts and all("Arimo" in font and " yes yes yes " in font for font in fonts)  # embedded, subset, Unicode
    assert b"/Subtype /Image" not in path.read_bytes()


def test_a_picture_is_the_same_every_time() -> None:
    graph = cnndsl.load("alexnet").graph
    for form in FORMS:
        assert draw_as([graph], form, Look()) == draw_as([graph], form, Look())


def test_a_png_has_two_pixels_to_one_and_letters() -> None:
    graph = cnndsl.load("alexnet").graph
    image = Image.open(BytesIO(bytes(draw_as([graph], "png", Look()))))  # type: ignore[arg-type]
    view = read(draw(graph)).view
    assert image.size == (2 * view.right, 2 * view.bottom)
    heading = image.convert("L").crop((40, 30, 160, 70))
    assert 0.02 < sum(shade < 128 for shade in heading.tobytes()) / (120 * 40) < 0.5


@pytest.mark.parametrize("name", ["odd", "alexnet"])
def test_graphviz_reads_the_same_boxes_and_wires(name: str) -> None:
    drawn = picture(network(name).graph)
    (graph,) = pydot.graph_from_dot_data(dot(drawn)) or ()
    nodes, edges, pending = set(), set(), [graph]
    while pending:
        inner = pending.pop()
        pending.extend(inner.get_subgraphs())
        nodes |= {name.strip('"') for each in inner.get_nodes() if (name := each.get_name()) not in ("node", "edge")}
        edges |= {tuple(end.strip('"') for end in (e.get_source(), e.get_destination())) for e in inner.get_edges()}
    assert nodes == set(drawn.boxes) and edges == {tuple(wire) for wire in drawn.wires}


@pytest.mark.parametrize("name", ["odd", *FEW])
def test_mermaid_has_the_same_boxes_and_wires(name: str) -> None:
    graph = network(name).graph
    drawn, text = picture(graph), str(draw_as([graph], "md", Look()))
    assert len(re.findall(r"^ *n\d+ -->", text, re.MULTILINE)) == len(drawn.wires)
    assert len(re.findall(r"^ *n\d+[(\[]+\".*:::\w+$", text, re.MULTILINE)) == len(drawn.boxes)
    assert text.count("subgraph ") == len(drawn.frames) - 1 == len(re.findall(r"^ *end$", text, re.MULTILINE))


def test_a_broken_network_is_drawn_as_far_as_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.arch"
    path.write_text("network n {\n input 3 x 8 x 8\n conv 3x3, 7\n conv 3x3, 8, groups=3\n relu\n}")
    assert main(["draw", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "conv 3x3, 7" in out and out.rstrip().endswith("</svg>") and "error" in err


def test_a_block_is_left_out_of_which_nothing_is_drawn(tmp_path: Path) -> None:
    """A mistake breaks it off where there are only branches that pass on what comes in."""
    path = tmp_path / "broken.arch"
    path.write_text("block b {\n mul { | identity | foo }\n}\nnetwork n {\n input 3 x 8 x 8\n relu\n b\n}")
    assert main(["draw", str(path), "-o", str(tmp_path / "n.svg")]) == 1
    assert set(read((tmp_path / "n.svg").read_text()).boxes) == {"input", "relu"}


@pytest.mark.parametrize("name", ("resnet50", "unet", "resnet50_fpn"))
def test_a_network_runs_to_the_right(name: str) -> None:
    for depth in (1, None):
        judge(picture(cnndsl.load(name).graph, depth), "right")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ("alexnet", "resnet50"))
def test_a_page_has_letters_of_nine_points(name: str, page: PageName) -> None:
    found = read(draw(cnndsl.load(name).graph, Look(page=page)))
    width, height = (float(found.root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    scale = width / (found.view.right - found.view.left)
    assert width == PAGES[page].width and height == pytest.approx(PAGES[page].height or height)
    assert height / (found.view.bottom - found.view.top) == pytest.approx(scale, abs=0.01)
    assert all(found.view.holds(area) for _, area in found.texts)
    assert TINY * scale >= 8.99


def test_what_fits_no_page_is_said() -> None:
    layers = "\n".join("conv 3x3, 8 -> maxpool 3x3, /1, pad=1" for _ in range(60))
    graph = cnndsl.loads(f"network n {{\n input 3 x 8 x 8\n {layers}\n}}").graph
    with pytest.raises(PictureError, match="n does not fit 16:9 with letters of 9 points: it takes"):
        draw(graph, Look(page="16:9"))
