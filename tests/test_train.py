"""Training: recipes, runs that go on bit for bit, what ends them, and pictures that are odd."""

from __future__ import annotations

import csv
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image
from published import squeezenet

import cnndsl
from cnndsl.cli.main import main
from cnndsl.errors import DataError, ParameterError, TrainingError
from cnndsl.files import replace_folder, sweep
from cnndsl.train import run as running
from cnndsl.train.data import fake
from cnndsl.train.data.folder import read_folder
from cnndsl.train.data.images import Stored
from cnndsl.train.data.stored import read_cifar, read_fashion
from cnndsl.train.job import Job, parse_job
from cnndsl.train.presets import PRESETS, RECIPES
from cnndsl.train.progress import read_metrics
from cnndsl.train.recipe import KINDS, changed, read_recipe
from cnndsl.train.schedule import learning_rate, plateaus

FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist; scripts/setup installs it
SCHEMA = json.loads((files("cnndsl.train") / "train.schema.json").read_text("utf-8"))
TINY = """arch 1

network tiny(classes = 10) {
    input 3 x 8 x 8
    conv 3x3, 4 -> bn -> relu
    head side, train_only=true { global_avgpool -> linear classes }
    dropout 0.2
    global_avgpool -> linear classes
}
"""
EVERYTHING = [
    *("--epochs", "2", "--batch", "16", "--lr", "0.05", "--schedule", "cosine", "--warmup", "0.5", "--ema", "0.9"),
    *("--mixup", "0.2", "--label-smoothing", "0.1", "--clip", "1", "--accumulate", "2", "--augment", "shift_flip"),
]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tiny.arch, in which `fake` is small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fake, "TRAIN", 64)
    monkeypatch.setattr(fake, "HELD_OUT", 20)
    Path("tiny.arch").write_text(TINY)
    return tmp_path


def train(*arguments: str) -> int:
    return main(["train", "tiny.arch", "--data", "fake", *arguments])


# --- recipes


def test_every_preset_is_a_recipe_and_says_where_it_is_from() -> None:
    assert {"resnet2015", "wide_resnet", "densenet", "fractalnet", "stochastic_depth", "squeezenet", "vgg"} <= {
        *PRESETS
    }
    for preset in PRESETS.values():
        assert replace(preset.recipe) == preset.recipe and "20" in preset.source
    schema = SCHEMA["properties"]["recipe"]
    assert [*asdict(RECIPES["vgg"])] == schema["required"] and {*KINDS} == {*schema["properties"]}


def test_a_file_changes_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "densenet"\nepochs = 40\nmilestones = [0.25]\nlr = 1\n')
    recipe = read_recipe(path, RECIPES)
    assert (recipe.epochs, recipe.milestones, recipe.lr, recipe.nesterov) == (40, (0.25,), 1, True)
    assert changed(recipe, {"schedule": "cosine"}).milestones == ()


WRONG_RECIPES = {
    'base = "resnet"\n': "base names one of",
    "epochs = 3\n": "base names one of",
    'base = "vgg"\nspeed = 3\n': "has no speed",
    'base = "vgg"\nepochs = 0\n': "epochs is at least 1",
    'base = "vgg"\nepochs = 1.5\n': "epochs is a whole number",
    'base = "vgg"\nepochs = true\n': "epochs is a whole number",
    'base = "vgg"\nlr = nan\n': "lr is a number",
    'base = "vgg"\nmomentum = 1\n': "momentum is from 0 to below 1",
    'base = "vgg"\nschedule = "fast"\n': "schedule is one of",
    'base = "vgg"\nschedule = "steps"\n': "go together",
    'base = "vgg"\nmilestones = [0.5, 0.2]\n': "stand in their order",
    'base = "vgg"\nmilestones = [2]\n': "between 0 and 1",
    'base = "vgg"\nmilestones = ["a"]\n': "a list of numbers",
    'base = "vgg"\naccumulate = 7\n': "equal parts",
    "base =": "cannot read the recipe",
}


@pytest.mark.parametrize("text", WRONG_RECIPES)
def test_wrong_recipes_are_told_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(ParameterError) as error:
        read_recipe(tmp_path / "mine.toml", RECIPES)
    assert WRONG_RECIPES[text] in str(error.value) and "\n" not in str(error.value)


def test_learning_rates_are_those_of_the_papers() -> None:
    wide = RECIPES["wide_resnet"]
    assert [round(learning_rate(wide, at, []), 6) for at in (0, 59.9, 60, 120, 160)] == [0.1, 0.1, 0.02, 0.004, 0.0008]
    fractal = RECIPES["fractalnet"]
    assert [learning_rate(fractal, at, []) for at in (199, 200, 300, 350, 375)] == pytest.approx(
        [0.02 / 10**times for times in range(5)]
    )
    linear = RECIPES["squeezenet"]
    assert learning_rate(linear, 34, []) == pytest.approx(0.02) and learning_rate(linear, 68, []) == 0
    plateau = replace(RECIPES["resnet2015"], patience=2, warmup=2.0)
    assert learning_rate(plateau, 1, []) == pytest.approx(0.05)
    assert learning_rate(plateau, 9, [0.5, 0.4, 0.4, 0.41]) == pytest.approx(0.01)
    assert plateaus([3, 2, 2, 2, 2, 2, 1, 1], 2) == 2


# --- runs


def metrics(folder: str) -> list[dict[str, str]]:
    with open(f"{folder}/metrics.csv", newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def weights(folder: str) -> dict[str, torch.Tensor]:
    return cnndsl.load_bundle(folder).weights()


def assert_same(one: str, other: str) -> None:
    assert metrics(one) == metrics(other)
    for kind in ("last", "best"):
        ours, theirs = weights(f"{one}/{kind}"), weights(f"{other}/{kind}")
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let a process send itself SIGTERM in the middle of a step."""
    learn = running.step

    def arrange(number: int) -> None:
        def step(learner: object, item: object, at: int, rate: float) -> tuple[float, float]:
            if at == number:
                os.kill(os.getpid(), signal.SIGTERM)
            return learn(learner, item, at, rate)  # type: ignore[arg-type]

        monkeypatch.setattr(running, "step", step)

    return arrange


def test_a_run_that_was_stopped_goes_on_bit_for_bit(
    tiny: Path, stop_after: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the middle of an epoch, with everything that is random or has a state."""
    assert train(*EVERYTHING, "-o", "whole") == 0
    stop_after(5)
    assert train(*EVERYTHING, "-o", "parts") == 75
    assert "stopped after step 6" in capsys.readouterr().out and len(metrics("parts")) == 1
    stop_after(7)  # the last of all: there is nothing left to go on with
    assert main(["train", "--resume", "parts"]) == 0
    assert_same("whole", "parts")
    assert "nan" not in Path("parts/metrics.csv").read_text()


def test_a_longer_run_is_the_shorter_one_and_more(tiny: Path) -> None:
    short = ["--batch", "16", "--schedule", "constant"]
    assert train(*short, "--epochs", "2", "-o", "whole") == 0
    assert train(*short, "--epochs", "1", "-o", "parts") == 0
    assert main(["train", "--resume", "parts", "--epochs", "2"]) == 0
    assert_same("whole", "parts")


def test_tensorboard_shows_the_metrics_also_of_what_was_done_twice(tiny: Path) -> None:
    """A run that is killed before its state is written does an epoch again."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    short = ["--batch", "16", "--schedule", "constant"]
    assert train(*short, "--epochs", "1", "-o", "run") == 0
    state = Path("run/state.pt").read_bytes()
    assert main(["train", "--resume", "run", "--epochs", "2"]) == 0
    Path("run/state.pt").write_bytes(state)
    assert main(["train", "--resume", "run", "--epochs", "3"]) == 0
    found = events.EventAccumulator("run/tensorboard").Reload()
    rows = [asdict(row) for row in read_metrics(Path("run/metrics.csv"))]
    assert {*found.Tags()["scalars"]} == {*rows[0]} - {"epoch", "step"}
    for name in found.Tags()["scalars"]:
        shown = [(each.step, each.value) for each in found.Scalars(name)]
        assert shown == [(row["epoch"], pytest.approx(row[name])) for row in rows]


def test_without_tensorboard_a_run_is_the_same(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.train.board.missing", lambda package: [package])
    assert train("--batch", "16", "--epochs", "1", "-o", "run") == 0
    assert len(metrics("run")) == 1 and not Path("run/tensorboard").exists()


def test_a_run_folder_says_what_was_done(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--epochs", "1", "--recipe", "vgg", "-p", "classes=7") == 0
    folder = Path("runs/tiny")
    said = json.loads((folder / "arguments.json").read_text())
    jsonschema.validate(said, SCHEMA)
    assert said["recipe"] == json.loads(json.dumps(asdict(replace(RECIPES["vgg"], epochs=1, batch=64))))
    assert json.loads((folder / "environment.json").read_text())["layout"] == "channels_last"
    assert "best held-out error" in (folder / "curves.svg").read_text()
    bundle = cnndsl.load_bundle(folder / "best")
    assert bundle.classes == tuple(f"class{number}" for number in range(7)) and bundle.preprocessing is not None
    assert "batches of 64 and not 256" in capsys.readouterr().out
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert train("--epochs", "1", "-p", "classes=7") == 2
    assert "`--resume runs/tiny` goes on with a run" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_not_finite_is_told_with_the_layer_that_made_it(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--epochs", "1", "--batch", "16", "--lr", "1e38", "-o", "wild") == 1
    said = capsys.readouterr().err
    assert "is not finite" in said and "tiny.arch:" in said and said.count("\n") == 1
    assert (Path("wild") / "state.pt").exists() and weights("wild/last")


WRONG_CALLS = {
    (): "takes a MODEL and --data",
    ("tiny.arch",): "takes a MODEL and --data",
    ("tiny.arch", "--data", "nowhere"): "there is no folder 'nowhere'",
    ("tiny.arch", "--data", "cifar10:nowhere"): "there is no folder 'nowhere'",
    ("tiny.arch", "--data", "cifar10:."): "holds neither",
    ("tiny.arch", "--data", "fashionmnist:."): "cannot read",
    ("tiny.arch", "--data", "fake", "--recipe", "resnet2016"): "did you mean resnet2015",
    ("tiny.arch", "--data", "fake", "--recipe", "no.toml"): "cannot read the recipe",
    ("tiny.arch", "--data", "fake", "--epochs", "0"): "epochs is at least 1",
    ("tiny.arch", "--data", "fake", "--freeze", "stem"): "no part stem",
    ("tiny.arch", "--data", "fake", "--weights", "no.safetensors"): "cannot read weights",
    ("--resume", "nowhere"): "is no folder of a run",
    ("--resume", "nowhere", "--lr", "1"): "only --epochs",
    ("unet", "--data", "fake"): "puts out 2 x 512 x 512 values",
    ("siamese", "--data", "fake"): "has 2 inputs",
}


@pytest.mark.parametrize("arguments", WRONG_CALLS, ids=" ".join)
def test_wrong_calls_end_in_one_line(
    arguments: tuple[str, ...], tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) in (1, 2)
    said = capsys.readouterr().err
    assert WRONG_CALLS[arguments] in said and "internal error" not in said and said.count("\n") >= 1
    assert {path.name for path in tiny.iterdir()} == {"tiny.arch"}


def test_a_damaged_state_is_told(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--epochs", "1", "-o", "run") == 0
    state = Path("run/state.pt")
    state.write_bytes(state.read_bytes()[:-1000])
    assert main(["train", "--resume", "run", "--epochs", "2"]) == 1
    assert "cannot go on from run/state.pt" in capsys.readouterr().err


SPOILT_ARGUMENTS = [{"data": 5}, {"workers": "many"}, {"workers": -1}, {"seed": "x"}, {"layout": "x"}, {"freeze": 3}]


@pytest.mark.parametrize("change", SPOILT_ARGUMENTS, ids=str)
def test_spoilt_arguments_are_told(change: dict[str, object], tiny: Path) -> None:
    job = Job("tiny", "fake", "vgg", RECIPES["vgg"], 0, 0, "contiguous")
    assert parse_job(job.text()) == job
    with pytest.raises(TrainingError, match="is not one that this version"):
        parse_job(json.dumps(json.loads(job.text()) | change))


def test_pictures_that_came_or_went_are_told(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their epochs have other steps, so that the state is of no place in them."""
    assert main(["train", "tiny.arch", "--data", "odd", "--epochs", "1", "--batch", "2", "-o", "run"]) == 0
    for number in range(5, 15):
        photo(odd / "red" / f"{number}.png", (200, 0, 0))
    assert main(["train", "--resume", "run", "--epochs", "2"]) == 1
    assert "run learned from another number of pictures than the 16 that odd has now" in capsys.readouterr().err


MOMENTS = [("preparation", 1, 130), ("write_bundle", 1, 130), ("write_state", 1, 130), ("step", 1, 75)]
MOMENTS += [("held_out", 1, 75), ("write_bundle", 3, 75), ("write_curve", 1, 75), ("write_state", 2, 75)]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Shells start jobs in the background with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("name", "number", "code"), MOMENTS)
def test_a_run_that_is_interrupted_anywhere_goes_on_or_leaves_nothing(
    name: str, number: int, code: int, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = getattr(running, name), iter(range(1, 100))

    def interrupted(*arguments: object) -> object:
        if next(calls) == number:
            os.kill(os.getpid(), signal.SIGINT)
        return real(*arguments)

    short = ["--batch", "32", "--schedule", "constant", "--epochs", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(running, name, interrupted)
        assert train(*short, "-o", "parts") == code
    assert Path("parts").exists() == (code == 75)
    if code == 75:
        assert main(["train", "--resume", "parts"]) == 0
        assert train(*short, "-o", "whole") == 0
        assert_same("whole", "parts")


@pytest.mark.skipif(os.name != "posix", reason="no limit on the size of files")
def test_a_run_that_cannot_be_written_leaves_nothing(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As on a full disk: the state is larger than a file may be here, and the bundle is not."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, limits[1]))
    try:
        assert train("--epochs", "1", "-o", "run") == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (
        capsys.readouterr().err == "cnndsl: error: cannot write to run: file too large\n" and not Path("run").exists()
    )


def test_a_folder_whose_replacement_was_killed_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(text: str) -> Callable[[Path], object]:
        return lambda path: (path.mkdir(), (path / "text").write_text(text))

    replace_folder(tmp_path / "last", write("one"))
    moves = iter([os.replace])

    def killed(source: Path, target: Path) -> None:
        next(moves)(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("cnndsl.files.os.replace", killed)
        patch.setattr("cnndsl.files.shutil.rmtree", lambda *_, **__: None)
        patch.setattr("cnndsl.files.os.path.lexists", lambda path: True)  # what is done at the end is not done
        with pytest.raises(StopIteration):
            replace_folder(tmp_path / "last", write("two"))
    assert not (tmp_path / "last").exists()
    monkeypatch.setattr("cnndsl.files._alive", lambda process: False)
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["last"] and (tmp_path / "last/text").read_text() == "one"


def test_frozen_parts_stay_and_heads_of_other_classes_are_new(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--epochs", "1", "--batch", "32", "-o", "first") == 0
    given = "first/last/tiny.safetensors"
    rest = ["--epochs", "1", "--batch", "32", "--weights", given, "--freeze", "all-but-head", "-o", "second"]
    assert train("-p", "classes=3", *rest) == 0
    assert "note: pictures are prepared as is said beside the weights" in capsys.readouterr().out
    prepared = [cnndsl.load_bundle(f"{run}/last").preprocessing for run in ("first", "second")]
    assert prepared[0] == prepared[1] is not None
    before, after = weights("first/last"), weights("second/last")
    for name in before:
        if not name.startswith(("linear", "side")):
            assert torch.equal(before[name], after[name]), name
    assert after["linear.weight"].shape[0] == 3


# --- pictures


def photo(path: Path, colour: tuple[int, int, int], mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 9), colour).convert(mode).save(path)


@pytest.fixture
def odd(tiny: Path) -> Path:
    """Ten pictures of red and green things, among them odd ones, and a class without any."""
    for number in range(4):
        photo(Path(f"odd/red/{number}.png"), (200, 10 * number, 0))
        photo(Path(f"odd/green/{number}.jpg"), (0, 200, 10 * number))
    photo(Path("odd/red/grey.png"), (90, 90, 90), "L")
    photo(Path("odd/green/cmyk.jpg"), (0, 200, 0), "CMYK")
    Path("odd/red/text.jpg").write_text("no picture")
    Path("odd/green/.hidden").write_text("no picture")
    Path("odd/blue").mkdir()
    return Path("odd")


def test_odd_pictures_are_told_and_learned_from(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = Path("odd/red/0.png").read_bytes()
    Path("odd/red/0.png").write_bytes(whole[:-30])  # its head is whole: only the epoch sees that it is cut
    assert main(["train", "tiny.arch", "--data", "odd", "--epochs", "1", "--workers", "0", "-o", "run"]) == 0
    said = capsys.readouterr().out
    for told in (
        "odd: without a picture: blue",
        "odd: 1 file left out that cannot be read; odd/red/text.jpg: cannot identify image file",
        "odd: 1 picture of 11 grey, made RGB",
        "odd: 1 picture of 11 CMYK, made RGB",
        "cannot read odd/red/0.png as a photograph",
        "tiny with classes = 3, as the data has",
    ):
        assert told in said, said
    assert len(metrics("run")) == 1 and cnndsl.load_bundle("run/last").classes == ("blue", "green", "red")


def test_workers_read_the_same_pictures(odd: Path) -> None:
    for workers in ("0", "2"):
        rest = ["--epochs", "1", "--augment", "resized_crop", "--workers", workers, "-o", f"run{workers}"]
        assert main(["train", "tiny.arch", "--data", "odd", *rest]) == 0
    assert_same("run0", "run2")


def test_pictures_too_few_are_told_before(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo(Path("one/red/only.png"), (200, 0, 0))
    call = ["train", "tiny.arch", "--epochs", "1", "--data"]
    assert main([*call, "one"]) == 2
    assert "one has 1 picture, which leaves none to measure on" in capsys.readouterr().err
    Path("empty/red").mkdir(parents=True)
    assert main([*call, "empty"]) == 2 and "has no pictures" in capsys.readouterr().err
    Path("bare").mkdir()
    assert main([*call, "bare"]) == 2 and "has no folders" in capsys.readouterr().err
    photo(Path("half/train/red/0.png"), (0, 0, 0))
    assert main([*call, "half"]) == 2 and "neither val nor test" in capsys.readouterr().err
    photo(Path("half/val/blue/0.png"), (0, 0, 0))
    assert main([*call, "half"]) == 2 and "no such class" in capsys.readouterr().err


def test_pictures_are_held_out_of_every_class(odd: Path) -> None:
    data = read_folder(odd)
    assert {*data.train.labels} == {*data.held_out.labels} == {1, 2}
    assert not {data.train.name(at) for at in range(8)} & {data.held_out.name(at) for at in range(2)}


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()


def test_files_of_numbers_are_read_or_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name, count in (("train", 6), ("t10k", 3)):
        pixels = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx(pixels))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.arange(count, dtype=np.uint8)))
    data = read_fashion(tmp_path)
    assert data.held_out.labels == [0, 1, 2] and data.train.image(3).size == (28, 28)
    assert np.array_equal(np.asarray(data.held_out.image(1))[..., 0], pixels[1])
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(2, dtype=np.uint8)))
    with pytest.raises(DataError, match="do not belong"):
        read_fashion(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"\0\0\x08")
    with pytest.raises(DataError, match="cut short"):
        read_fashion(tmp_path)
    rows = random.integers(0, 10, (4, 3073), dtype=np.uint8)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        (tmp_path / f"{name}.bin").write_bytes(rows.tobytes())
    cifar = read_cifar(tmp_path)
    assert len(cifar.train.labels) == 20 and cifar.held_out.labels == rows[:, 0].tolist()
    assert np.asarray(cifar.held_out.image(2))[5, 7].tolist() == rows[2, 1:].reshape(3, 32, 32)[:, 5, 7].tolist()
    (tmp_path / "test_batch.bin").write_bytes(b"short")
    with pytest.raises(DataError, match="no whole pictures"):
        read_cifar(tmp_path)


# --- what is learned

NARROW = """arch 1

network narrow(classes = 10) {
    input 1 x 28 x 28
    conv 3x3, 16, /2 -> bn -> relu
    conv 3x3, 32, /2 -> bn -> relu
    conv 3x3, 32 -> bn -> relu
    flatten -> linear classes
}
"""


def first(pictures: Stored, count: int) -> Stored:
    return Stored(pictures.called, pictures.pixels[:count], pictures.labels[:count])


def test_a_narrow_network_learns_fashion(tmp_path: Path) -> None:
    """80 % from 4,000 pictures in 2 epochs, as Debian's package has them; a guess has 10 %."""
    if not FASHION.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist, which scripts/setup dev installs as root")
    whole = read_fashion(FASHION)
    assert isinstance(whole.train, Stored) and isinstance(whole.held_out, Stored)
    data = replace(whole, train=first(whole.train, 4_000), held_out=first(whole.held_out, 1_000))
    recipe = changed(RECIPES["resnet2015_cifar"], {"epochs": 2, "batch": 50, "lr": 0.05, "augment": "none"})
    job = Job("narrow", f"fashionmnist:{FASHION}", "resnet2015_cifar", recipe, 0, 0, "channels_last")
    lines: list[str] = []
    assert running.begin(cnndsl.loads(NARROW), job, data, tmp_path / "run", lines.append) == "done"
    history = read_metrics(tmp_path / "run" / "metrics.csv")
    assert len(lines) == len(history) == 2
    assert history[-1].held_out_error < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("run", ["fractalnet16", "densenet16", "preresnet20", "constant20", "stochastic20"])
def test_families_of_networks_learn_fashion(run: str, tmp_path: Path) -> None:
    """As `benchmarks/learning.py` lets them, with fewer pictures: 65 % of 500, where a guess has 10 %."""
    if not FASHION.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist, which scripts/setup dev installs as root")
    learning = runpy.run_path(str(Path(__file__).parents[1] / "benchmarks" / "learning.py"))
    data = learning["subset"](FASHION, tmp_path / "data", {"train": 2_000, "t10k": 500})
    (asked,) = (figure.runs[run] for figure in learning["FIGURES"].values() if run in figure.runs)
    rest = ["--data", f"fashionmnist:{data}", "--input", "3x16x16", "--batch", "20", "--lr", "0.05", "--epochs", "4"]
    assert main(["train", *asked.split(), *rest, "-o", str(tmp_path / "run")]) == 0
    assert read_metrics(tmp_path / "run" / "metrics.csv")[-1].held_out_error < 0.35


@pytest.mark.slow
@pytest.mark.network
def test_trained_weights_beat_random_ones(tmp_path: Path) -> None:
    """Outside of both intervals, from five pictures of each class: by a new head, and as features off the shelf."""
    if not FASHION.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist, which scripts/setup dev installs as root")
    pytest.importorskip("sklearn")
    script = Path(__file__).parents[1] / "benchmarks" / "transfer.py"
    few = ["--each", "5", "--held-out", "10", "--epochs", "8", "--runs", str(tmp_path / "runs")]
    command = [sys.executable, str(script), str(FASHION), "--weights", str(squeezenet(tmp_path)), *few]
    subprocess.run(command, check=True, timeout=600)
    said = json.loads((tmp_path / "runs" / "transfer.json").read_text())
    random, head, features = (each["interval"] for each in said)
    assert [each["way"] for each in said] == ["random", "head", "features"]
    assert random[1] < head[0] and random[1] < features[0]


GLOO = """
import sys
from dataclasses import replace
from pathlib import Path
import cnndsl
from cnndsl.train.data.fake import fake_data
from cnndsl.train.job import Job
from cnndsl.train.job import Job
from cnndsl.train.presets import RECIPES
from cnndsl.train.progress import read_metrics
from cnndsl.train.recipe import changed
from cnndsl.train.run import begin

recipe = changed(RECIPES["vgg"], {"epochs": 2, "batch": 64, "augment": "shift_flip", "accumulate": 2})
job = Job("plain", "fake", "vgg", recipe, 0, 0, "contiguous")
network = cnndsl.load("plain.arch")
assert begin(network, job, fake_data(10), Path(sys.argv[1]), print) == "done"
"""


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To rounding, without batch norms, whose statistics are each process's own."""
    monkeypatch.chdir(tmp_path)
    text = TINY.replace(" -> bn", "").replace("    dropout 0.2\n", "").replace("tiny", "plain")
    Path("plain.arch").write_text(text)
    Path("go.py").write_text(GLOO)
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "PYTHONPATH": str(Path(cnndsl.__file__).parents[1])}
    alone, together = [sys.executable], [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    for how, folder in ((alone, "one"), (together, "two")):
        subprocess.run([*how, "go.py", folder], check=True, env=environment, timeout=300)
    ours, theirs = weights("one/last"), weights("two/last")
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-4, atol=1e-6)
    assert json.loads(Path("two/environment.json").read_text())["processes"] == 2
    errors = [[row["held_out_error"] for row in metrics(folder)] for folder in ("one", "two")]
    assert errors[0] == errors[1]


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kill -9` loses the epoch that was not done, and nothing else."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.arch").write_text(TINY)
    call = ["train", "tiny.arch", "--data", "fake", "--epochs", "6", "--batch", "8"]
    assert main([*call, "-o", "whole"]) == 0
    process = subprocess.Popen([sys.executable, "-m", "cnndsl", *call, "-o", "parts"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    process.kill()
    process.wait()
    assert main(["train", "--resume", "parts"]) == 0
    assert_same("whole", "parts")
    assert {path.name for path in Path("parts").iterdir()} == {path.name for path in Path("whole").iterdir()}
