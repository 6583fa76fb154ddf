"""Networks of the papers learn on a small machine, and their errors by epoch become figures.

    python benchmarks/learning.py FASHIONMNIST --runs FOLDER [--figure NAME]

degradation: plain and residual networks of 20 and 56 layers, He et al. 2015 (arXiv:1512.03385), Figure 6
families: a FractalNet without and with drop-path, a DenseNet and a ResNet with pre-activation, by their papers' recipes
stochastic_depth: stochastic against constant depth, Huang et al. 2016 (arXiv:1603.09382), Figure 3

The first images of FashionMNIST, 16 pixels wide, and the recipes of the papers over fewer epochs: ten minutes to an
hour for a figure on two cores. It runs `cnndsl train` for each network (again: it goes on where it was), copies their
metrics to `benchmarks/results/learning/`, and draws them with `cnndsl curves`.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Figure(NamedTuple):
    """What is drawn in one chart: runs by their names, each what `cnndsl train` is asked besides data and epochs.

    `images` are learned from, and `held_out` are measured on.
    """

    epochs: int
    images: int
    held_out: int
    runs: dict[str, str]


# So few pictures are learned by heart only as they are: without shifts and flips, as the paper trains on SVHN.
DEPTH = "stochastic_depth -p n=3 --recipe stochastic_depth --augment none"
FRACTAL = "fractalnet -p widths=[16,32,64,128] -p dropout=0 --recipe fractalnet"
FIGURES = {
    "degradation": Figure(
        epochs=15,
        images=10_000,
        held_out=10_000,
        runs={name: f"{name} --recipe resnet2015_cifar" for name in ("plain20", "plain56", "resnet20", "resnet56")},
    ),
    "families": Figure(
        epochs=10,
        images=5_000,
        held_out=2_000,
        runs={
            "fractalnet16": f"{FRACTAL} -p drop_path=0",
            "fractalnet16_drop_path": FRACTAL,
            "densenet16": "densenet_cifar -p depth=16 -p growth=12 --recipe densenet",
            "preresnet20": "preresnet_cifar -p body=two_convs -p n=3 -p filters=16 --recipe resnet2015_cifar",
        },
    ),
    "stochastic_depth": Figure(
        epochs=12,
        images=5_000,
        held_out=2_000,
        runs={"constant20": f"{DEPTH} -p survival=1", "stochastic20": DEPTH},
    ),
}
RESULTS = Path(__file__).resolve().parent / "results" / "learning"


def first(source: Path, target: Path, count: int, header: int, item: int) -> None:
    """The first items of an IDX file, whose second number counts them."""
    with gzip.open(source) as packed:
        head, data = packed.read(header), packed.read(count * item)
    target.write_bytes(gzip.compress(head[:4] + count.to_bytes(4, "big") + head[8:] + data, mtime=0))


def subset(data: Path, folder: Path, counts: dict[str, int]) -> Path:
    """The same data set with fewer images in each of its two parts."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in counts.items():
        for name, header, item in (
            (f"{part}-images-idx3-ubyte.gz", 16, 28 * 28),
            (f"{part}-labels-idx1-ubyte.gz", 8, 1),
        ):
            first(data / name, folder / name, count, header, item)
    return folder


def train(asked: str, data: Path, run: Path, epochs: int) -> None:
    command = [sys.executable, "-m", "cnndsl", "train"]
    if (run / "state.pt").is_file():
        command += ["--resume", str(run), "--epochs", str(epochs)]
    else:
        command += [*asked.split(), "--data", f"fashionmnist:{data}", "--input", "3x16x16"]
        command += ["--epochs", str(epochs), "-o", str(run)]
    run_or_end(command)


def run_or_end(command: list[str]) -> None:
    """What is wrong, or that it was asked to end, the command has said itself."""
    print("$", *command[1:], flush=True)
    code = subprocess.run(command).returncode
    if code:
        sys.exit(code)


def make(name: str, figure: Figure, data: Path, folder: Path) -> None:
    part = subset(data, folder / "data", {"train": figure.images, "t10k": figure.held_out})
    for run, asked in figure.runs.items():
        train(asked, part, folder / run, figure.epochs)
        shutil.copy(folder / run / "metrics.csv", RESULTS / f"{run}.csv")
    runs = [str(folder / run) for run in figure.runs]
    run_or_end([sys.executable, "-m", "cnndsl", "curves", *runs, "-o", str(RESULTS / f"{name}.svg")])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="FASHIONMNIST", type=Path, help="the folder of the IDX files")
    parser.add_argument("--runs", metavar="FOLDER", type=Path, required=True, help="where runs are kept")
    parser.add_argument("--figure", choices=FIGURES, action="append", help="(default: all)")
    options = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in options.figure or FIGURES:
        make(name, FIGURES[name], options.data, options.runs / name)


if __name__ == "__main__":
    main()
