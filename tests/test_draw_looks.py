"""What a picture can be asked to say: numbers in boxes, colours by cost, rings around what is chosen."""

from __future__ import annotations

import pytest
from drawings import read
from test_draw import crossing

import cnndsl
from cnndsl.cli.main import main
from cnndsl.draw import Look, PictureError, draw
from cnndsl.draw.boxes import picture
from cnndsl.draw.notes import heat
from cnndsl.draw.style import DARK, HEATS, LIGHT, Ink
from cnndsl.ir.graph import Graph

EVERYTHING = Look(labels=("params", "macs", "memory", "field"), colour="macs", depth=1)


def graph(name: str) -> Graph:
    return cnndsl.load(name).graph


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "unet"])
def test_boxes_hold_what_they_say(name: str) -> None:
    found = read(draw(graph(name), EVERYTHING))
    assert crossing(found.texts) == [] and crossing(list(found.boxes.items())) == []
    assert all(found.view.holds(area) for _, area in found.texts)
    notes = [area for text, area in found.texts if " MACs, " in text and "depth" not in text]
    assert len(notes) > 4
    assert all(any(box.holds(area) for box in found.boxes.values()) for area in notes)


def test_numbers_are_those_of_the_network() -> None:
    texts = [text for text, _ in read(draw(graph("alexnet"), EVERYTHING)).texts]
    assert "34.9K params, 105M MACs, 1.16MB, sees 11" in texts
    assert "37.8M params, 37.7M MACs, 16.4KB, sees the whole input" in texts


@pytest.mark.parametrize("fact", ["macs", "params"])
def test_the_hottest_box_costs_most(fact: str) -> None:
    svg = draw(graph("vgg16"), Look(colour=fact, depth=2))  # type: ignore[arg-type]
    drawn = picture(graph("vgg16"), 2)
    costs = {key: getattr(box.cost, fact) for key, box in drawn.boxes.items() if box.cost is not None}
    hottest = {
        group.attrib["data-box"]
        for group in read(svg).root.iter("{http://www.w3.org/2000/svg}g")
        if "data-box" in group.attrib and any(f"heat{HEATS}" == part.attrib.get("class") for part in group)
    }
    assert max(costs, key=lambda key: costs[key]) in hottest
    assert hottest == {key for key, cost in costs.items() if heat(cost, max(costs.values())) == HEATS}


def test_heat_grows_with_cost() -> None:
    levels = [heat(value, 1000) for value in range(1001)]
    assert levels == sorted(levels) and levels[0] == 0 and levels[1] == 1 and levels[-1] == HEATS
    assert heat(0, 0) == 0


@pytest.mark.parametrize("ink", [*LIGHT.heats, *DARK.heats], ids=str)
def test_text_on_heat_can_be_read(ink: Ink) -> None:
    """A contrast of 4.5 to 1, as WCAG asks for."""
    light, dark = sorted((luminance(ink.fill), luminance(ink.text)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_legend_names_the_kinds_that_are_there() -> None:
    texts = {text for text, _ in read(draw(graph("alexnet"), Look(colour="kind"))).texts}
    assert {"with weights", "pooling", "normalization", "activation"} <= texts
    assert not {"closed block", "merge"} & texts


def test_rings_around_what_is_chosen() -> None:
    def ringed(svg: str) -> set[str]:
        groups = (g for g in read(svg).root.iter("{http://www.w3.org/2000/svg}g") if "data-box" in g.attrib)
        return {g.attrib["data-box"] for g in groups if any("ring" in part.attrib.get("class", "") for part in g)}

    assert ringed(draw(graph("googlenet"), Look(highlight=("inception4a",)))) == {"inception4a"}
    assert ringed(draw(graph("googlenet"), Look(highlight=("inception4a.branch1", "conv1")))) == {
        "inception4a",
        "conv1.conv",
    }
    with pytest.raises(PictureError, match="nothing called 'inception4x'; did you mean inception4"):
        draw(graph("googlenet"), Look(highlight=("inception4x",)))


def test_a_repeat_that_grows_says_both_ends() -> None:
    texts = {text for text, _ in read(draw(graph("densenet121"))).texts}
    assert "96 x 56 x 56 to 256 x 56 x 56" in texts


def test_a_dropout_that_drops_nothing_is_not_drawn() -> None:
    text = "network n {\n input 3 x 8 x 8\n conv 3x3, 4 -> relu -> dropout 0.0\n flatten\n dropout 0.5\n linear 2\n}"
    found = [text for text, _ in read(draw(cnndsl.loads(text).graph)).texts]
    assert sum("dropout" in each for each in found) == 1


def test_several_inputs_have_their_names() -> None:
    texts = [text for text, _ in read(draw(graph("siamese"))).texts]
    assert {"first 1 x 64 x 64", "second 1 x 64 x 64"} <= {*texts} or sum("1 x 64 x 64" in each for each in texts) == 2


def test_what_means_nothing_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["draw", "alexnet", "--label", "params,flops"])
    assert ended.value.code == 2 and "'flops' is none of params, macs, memory, field" in capsys.readouterr().err
    assert main(["draw", "alexnet", "--highlight", "conv9"]) == 2
    assert "did you mean conv" in capsys.readouterr().err
