"""He et al. 2015, Figure 6, on a small machine: plain and residual networks of 20 and 56 layers learn.

    python benchmarks/learning.py FASHIONMNIST --runs FOLDER [--epochs 15] [--images 10000]

The first images of FashionMNIST, 16 pixels wide, and the recipe of the paper's section 4.2 over fewer epochs, which
takes an hour on two cores. It runs `cnndsl train` for each network (again: it goes on where it was), copies their
metrics to `benchmarks/results/learning/`, and draws them with `cnndsl curves`.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
from pathlib import Path

NETWORKS = ("plain20", "plain56", "resnet20", "resnet56")
RESULTS = Path(__file__).resolve().parent / "results" / "learning"
HELD_OUT = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def first(source: Path, target: Path, count: int, header: int, item: int) -> None:
    """The first items of an IDX file, whose second number counts them."""
    with gzip.open(source) as packed:
        head, data = packed.read(header), packed.read(count * item)
    target.write_bytes(gzip.compress(head[:4] + count.to_bytes(4, "big") + head[8:] + data, mtime=0))


def subset(data: Path, folder: Path, count: int) -> Path:
    """The same data set with fewer images to learn from, and all that are held out."""
    folder.mkdir(parents=True, exist_ok=True)
    first(data / "train-images-idx3-ubyte.gz", folder / "train-images-idx3-ubyte.gz", count, 16, 28 * 28)
    first(data / "train-labels-idx1-ubyte.gz", folder / "train-labels-idx1-ubyte.gz", count, 8, 1)
    for name in HELD_OUT:
        shutil.copy(data / name, folder / name)
    return folder


def train(network: str, data: Path, run: Path, epochs: int) -> None:
    command = [sys.executable, "-m", "cnndsl", "train"]
    if (run / "state.pt").is_file():
        command += ["--resume", str(run), "--epochs", str(epochs)]
    else:
        command += [network, "--data", f"fashionmnist:{data}", "--recipe", "resnet2015_cifar"]
        command += ["--input", "3x16x16", "--epochs", str(epochs), "-o", str(run)]
    run_or_end(command)


def run_or_end(command: list[str]) -> None:
    """What is wrong, or that it was asked to end, the command has said itself."""
    print("$", *command[1:], flush=True)
    code = subprocess.run(command).returncode
    if code:
        sys.exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="FASHIONMNIST", type=Path, help="the folder of the IDX files")
    parser.add_argument("--runs", metavar="FOLDER", type=Path, required=True, help="where runs are kept")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    data = subset(options.data, options.runs / "data", options.images)
    for network in NETWORKS:
        train(network, data, options.runs / network, options.epochs)
        RESULTS.mkdir(parents=True, exist_ok=True)
        shutil.copy(options.runs / network / "metrics.csv", RESULTS / f"{network}.csv")
    runs = [str(options.runs / network) for network in NETWORKS]
    run_or_end([sys.executable, "-m", "cnndsl", "curves", *runs, "-o", str(RESULTS / "error.svg")])


if __name__ == "__main__":
    main()
