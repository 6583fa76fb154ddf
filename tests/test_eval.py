"""Evaluation: rates with intervals, confusion and mistakes, by their definitions and by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from importlib.resources import files
from math import sqrt
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image

from cnndsl.cli.main import main
from cnndsl.draw.confusion import confusion_svg
from cnndsl.states import save_weights
from cnndsl.train.evaluation import NORMAL, Evaluation, Guess, Rate

SCHEMA = json.loads((files("cnndsl.train") / "eval.schema.json").read_text("utf-8"))
COLOURS = "network colours {\n input 3 x 8 x 8\n global_avgpool -> linear 3, bias=false\n}\n"
PREPROCESSING = """resize = 8
crop = 8
interpolation = "bilinear"
channels = "RGB"
scale = 1.0
mean = [0.0, 0.0, 0.0]
std = [51.0, 51.0, 51.0]
classes = "colours.txt"
"""
PIXELS = {"red": (255, 0, 51), "green": (0, 255, 51), "blue": (51, 0, 255)}


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable:
    """`cnndsl eval colours.arch --data photos ...`; of three red photographs one is green."""
    monkeypatch.chdir(tmp_path)
    Path("colours.arch").write_text(COLOURS)
    save_weights({"linear.weight": torch.eye(3)}, Path("colours.safetensors"), "colours")
    Path("colours.preprocess.toml").write_text(PREPROCESSING)
    Path("colours.txt").write_text("red\ngreen\nblue\n")
    for number, (label, shown) in enumerate([("red", "red"), ("red", "red"), ("red", "green"), ("green", "green")]):
        Path("photos", label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), PIXELS[shown]).save(f"photos/{label}/{number}.png")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["eval", "colours.arch", "--data", "photos", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (5, 10), (93, 100), (10_000, 10_000)])
def test_intervals_are_wilsons(right: int, count: int) -> None:
    """Their ends are the rates from which the measured one is just as far as a normal distribution allows."""
    low, high = Rate(right, count).interval
    assert 0 <= low <= right / count <= high <= 1
    for end in (low, high):
        far = abs(right / count - end)
        assert far == pytest.approx(NORMAL * sqrt(end * (1 - end) / count), abs=1e-9) or end in (0, 1)


def test_text_names_what_is_wrong(evaluate: Callable) -> None:
    code, out, err = evaluate()
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "colours on photos: 4 pictures" and lines[1].split()[:3] == ["top-1", "75.00", "%"]
    assert "top-5" not in out  # there are three classes
    assert any(line.startswith("red") and line.endswith("green (1)") for line in lines)
    assert any(line.startswith("blue") and "no pictures" in line for line in lines)
    assert "photos/red/2.png" in lines[-1] and lines[-1].count("green") == 1


def test_json_and_csv_say_the_same(evaluate: Callable) -> None:
    said = json.loads(evaluate("--format", "json")[1])
    jsonschema.validate(said, SCHEMA)
    assert said["top1"]["right"] == 3 and said["top5"]["rate"] == 1.0 and said["classes"][2]["rate"] is None
    assert sum(each["pictures"] for each in said["confusion"]) == 4
    rows = list(csv.DictReader(evaluate("--format", "csv")[1].splitlines()))
    assert sum(row["rank"] == "1" for row in rows) == 3
    (wrong,) = [row for row in rows if row["class"] != row["taken_for"]]
    assert wrong["picture"] == said["worst"][0]["picture"] == "photos/red/2.png"
    assert float(wrong["probability"]) == said["worst"][0]["probability"] == pytest.approx(0.0066, abs=1e-3)


def test_what_cannot_be_read_is_left_out(evaluate: Callable) -> None:
    photo = Path("photos/green/3.png")
    photo.write_bytes(photo.read_bytes()[:-30])
    code, out, err = evaluate()
    assert code == 1 and "3 pictures" in out and "1 left out" in out
    assert err.count("\n") == 1 and "cannot read photos/green/3.png" in err


def test_other_classes_and_no_pictures_are_told(evaluate: Callable) -> None:
    Path("photos/blue").mkdir()
    code, _, err = evaluate()
    assert code == 0 and "without a picture: blue" in err
    Path("photos/green").rename("photos/cyan")
    Path("photos/blue").rmdir()
    code, out, err = evaluate()
    assert code == 2 and "has 3 classes, and 'cyan' of the data is none of them" in err and out == ""
    code, _, err = evaluate("--confusion", "picture.png")
    assert code == 2 and ".svg" in err


def test_a_network_that_does_not_classify_is_one_line(evaluate: Callable) -> None:
    Path("colours.arch").write_text("network colours {\n input 3 x 8 x 8\n conv 1x1, 3, bias=false\n}\n")
    save_weights({"conv.weight": torch.zeros(3, 3, 1, 1)}, Path("colours.safetensors"), "colours")
    code, out, err = evaluate()
    assert (code, out) == (2, "") and "colours gives no single vector of classes" in err


def test_confusion_is_a_picture(evaluate: Callable) -> None:
    assert evaluate("--confusion", "confusion.svg")[0] == 0
    text = Path("confusion.svg").read_text()
    ElementTree.fromstring(text)
    assert "red taken for green: 1 of 3" in text and 'fill-opacity="0.33"' in text
    large = confusion_svg("large", [f"class <{n}>" for n in range(1000)], {(n, n): 1 for n in range(1000)})
    assert len(large) < 400_000 and ElementTree.fromstring(large) is not None


def test_the_most_wrong_come_first() -> None:
    guesses = (Guess("a", 0, 1, 0.2, 0.5, 2), Guess("b", 1, 0, 0.1, 0.6, 1), Guess("c", 1, 1, 0.9, 0.9, 0))
    done = Evaluation("n", "d", ("x", "y", "z"), guesses)
    assert [each.picture for each in done.worst(5)] == ["b", "a"]
    assert (done.top(1).right, done.top(2).right, done.top(5).right) == (1, 2, 3)
    assert done.mistaken_for(0) == (1, 1) and done.mistaken_for(2) is None


def test_values_that_are_not_finite_are_no_answer(evaluate: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is greater than nan, so that each class would seem to be the most probable one."""
    save_weights({"linear.weight": torch.full((3, 3), torch.nan)}, Path("colours.safetensors"), "colours")
    why = "cnndsl: error: these weights make values of photos/green/3.png that are not finite\n"
    assert evaluate() == (2, "", why)
    assert main(["predict", "colours.arch", "photos"]) == 2 and capsys.readouterr() == ("", why)
    conv = {"conv.weight": torch.full((3, 3, 1, 1), torch.inf), "linear.weight": torch.eye(3)}
    Path("colours.arch").write_text(COLOURS.replace("global", "conv 1x1, 3, bias=false -> global"))
    save_weights(conv, Path("colours.safetensors"), "colours")
    assert main(["features", "colours.arch", "photos", "-o", "f.npz"]) == 2 and capsys.readouterr() == ("", why)


# --- curves and features


METRICS = "epoch,step,lr,train_loss,train_error,held_out_loss,held_out_error,seconds\n"


def test_curves_of_several_runs_are_one_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain20").mkdir()
    Path("plain20/metrics.csv").write_text(f"{METRICS}1,10,0.1,2,0.9,2,0.8,1\n2,20,0.1,1,0.5,1,0.4,1\n")
    Path("<short>.csv").write_text(f"{METRICS}1,10,0.1,2,0.9,2,0.85,1\n")
    assert main(["curves", "plain20", "<short>.csv", "-o", "curves.svg"]) == 0
    root = ElementTree.parse("curves.svg").getroot()
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "plain20: best held-out error 40.00 % at epoch 2" in texts
    assert "<short>: best held-out error 85.00 % at epoch 1" in texts
    lines = [element.get("d") for element in root.iter() if (element.get("class") or "").startswith("held run0")]
    assert lines[0] is not None and lines[0].count("L") == 1
    Path("bare.csv").write_text(METRICS)
    Path("other.csv").write_text("a,b\n1,2\n")
    Path("wild.csv").write_text(f"{METRICS}1,10,0.1,2,inf,2,inf,1\n")
    Path("before.csv").write_text(f"{METRICS}-4,10,0.1,2,0.5,2,0.5,1\n")
    wrong = [("bare.csv", "no epochs yet"), ("no", "no such file")]
    wrong += [(f"{name}.csv", "is not what") for name in ("other", "wild", "before")]
    for path, why in wrong:
        assert main(["curves", path, "-o", "c.svg"]) == 2 and why in capsys.readouterr().err
    assert main(["curves", "plain20", "-o", "c.png"]) == 2 and not Path("c.svg").exists()


def test_features_are_what_the_classifier_reads(evaluate: Callable) -> None:
    """Here the mean of each colour."""
    Path("colours.arch").write_text(COLOURS.replace("global", "conv 1x1, 3, bias=false -> global"))
    state = {"conv.weight": torch.eye(3)[:, :, None, None], "linear.weight": torch.eye(3).flip(0)}
    save_weights(state, Path("colours.safetensors"), "colours")
    code = main(["features", "colours.arch", "photos", "missing.png", "-o", "features.npz"])
    found = np.load("features.npz")
    assert code == 1 and found["features"].shape == (4, 3) and len(found["photos"]) == 4
    assert found["folders"].tolist() == ["green", "red", "red", "red"]
    assert np.allclose(found["features"][0], [0, 5, 1]) and np.allclose(found["features"][1], [5, 0, 1])
    assert main(["features", "colours.arch", "photos", "-o", "features.txt"]) == 2
