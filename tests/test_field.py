"""Pictures of receptive fields: the numbers of lectures, squares to scale, and gradients that stay inside of them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

import cnndsl
from cnndsl.analysis.field_steps import FieldError, field_steps
from cnndsl.cli.main import main
from cnndsl.draw.field import SIDE, field_svg
from cnndsl.ir import Graph

THREE = "network three { input 64 x 14 x 14\n repeat 3 { conv 3x3, 64, bias=false -> relu } }"
SEVEN = "network seven { input 64 x 14 x 14\n conv 7x7, 64, bias=false -> relu }"
SVG = "{http://www.w3.org/2000/svg}"


def graph_of(text: str) -> Graph:
    return cnndsl.loads(text).graph


def test_three_small_kernels_see_what_a_large_one_sees_with_half_of_the_weights() -> None:
    three, seven = field_steps(graph_of(THREE)), field_steps(graph_of(SEVEN))
    assert three.field == seven.field == (7, 7)
    assert [step.size for step in three.steps] == [(3, 3), (5, 5), (7, 7)]
    assert (three.weights, seven.weights) == ("27C² = 110,592 weights, C = 64", "49C² = 200,704 weights, C = 64")


def squares(text: str, kind: str) -> list[float]:
    rects = ElementTree.fromstring(text).iter(f"{SVG}rect")
    return [float(rect.attrib["width"]) for rect in rects if kind in rect.attrib["class"].split()]


def test_squares_are_to_scale() -> None:
    text = field_svg([field_steps(graph_of(THREE)), field_steps(graph_of(SEVEN))])
    pixel = SIDE / 14
    assert squares(text, "ring") == pytest.approx([7 * pixel, 5 * pixel, 3 * pixel, 7 * pixel], abs=0.1)
    assert squares(text, "picture") == [SIDE, SIDE]
    assert text.count('class="wire grid"') == 2 * 2 * 8


@pytest.mark.parametrize(
    ("name", "at", "field"),
    [
        ("vgg16", None, (212, 212)),
        ("vgg16", "stage2", (16, 16)),
        ("vgg16", "stage2.conv2", (14, 14)),
        ("resnet18", "stage2", (99, 99)),
        ("googlenet", "inception3a", (59, 59)),
    ],
)
def test_fields_of_the_zoo(name: str, at: str | None, field: tuple[int, int]) -> None:
    steps = field_steps(cnndsl.load(name).graph, at)
    assert steps.field == field
    assert steps.steps[-1].size == field
    assert len(steps.rings(10)) <= 10 and steps.rings(10)[-1].size == field
    ElementTree.fromstring(field_svg([steps]))


@pytest.mark.parametrize(
    ("at", "words"), [("stage9", "no layer stage9"), ("linear1", "sees the whole picture"), ("flatten", "name a layer")]
)
def test_a_layer_that_has_no_field_is_said(at: str, words: str) -> None:
    with pytest.raises(FieldError, match=words):
        field_steps(cnndsl.load("vgg16").graph, at)


def test_vectors_have_no_field() -> None:
    with pytest.raises(FieldError, match="takes no picture"):
        field_steps(graph_of("network n { input 7\n linear 3 }"))


def test_gradients_stay_inside_of_the_field_and_are_strongest_in_its_middle() -> None:
    pytest.importorskip("torch")
    from cnndsl.features.effective import effective_field

    body = "conv 3x3, 8 -> relu\n repeat 5 { conv 3x3, 8 -> relu }"
    graph = graph_of(f"network n {{ input 3 x 41 x 41\n {body} }}")
    steps = field_steps(graph)
    heat = effective_field(graph, steps.at)
    assert steps.field == (13, 13)
    assert max(max(abs(row), abs(column)) for row, column in heat) == 6
    border = [counts for (row, column), counts in heat.items() if max(abs(row), abs(column)) == 6]
    middle = [counts for (row, column), counts in heat.items() if max(abs(row), abs(column)) <= 1]
    assert sum(middle) / len(middle) > 20 * sum(border) / len(border)
    cells = squares(field_svg([steps], [heat]), "heat")
    assert 9 < len(cells) <= 13 * 13


def test_the_command_writes_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "field.svg"
    assert main(["field", "vgg16", "resnet18", "-o", str(place)]) == 0
    ElementTree.fromstring(place.read_text(encoding="utf-8"))
    assert main(["field", "lenet5"]) == 0
    assert capsys.readouterr().out.startswith("<svg")
    assert main(["field", "vgg16", "--at", "stage7", "-o", str(tmp_path / "no.svg")]) == 2
    assert main(["field", "vgg16", "-o", str(tmp_path / "field.png")]) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["field.svg"]
