"""Transfer: what trained weights are worth where there are few pictures, Sharif Razavian et al. 2014 (arXiv:1403.6382).

    python benchmarks/transfer.py FASHIONMNIST --weights WEIGHTS --runs FOLDER [--each 5] [--held-out 30]

A few pictures of each class of FashionMNIST, in a folder for each, are learned by SqueezeNet 1.1 in three ways: all of
it from random weights, its head alone on trained ones (`cnndsl train --weights --freeze all-but-head`), and a linear
classifier on its features (`cnndsl features`, logistic regression). WEIGHTS is the folder that `cnndsl weights import
squeezenet1_1` wrote. Each is measured by the same pictures that are held out, with Wilson's interval, and goes to
`transfer.json` in FOLDER, as `benchmarks/results/transfer.json` was written. It needs scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cnndsl.train.data.images import Pictures
from cnndsl.train.data.stored import FASHION, read_fashion
from cnndsl.train.evaluation import Rate

NETWORK = "squeezenet1_1"
# Pictures have a quarter of the paper's pixels. At a rate of 0.01 the random network stayed at a guess.
LEARN = ("--input", "3x112x112", "--recipe", "squeezenet", "--batch", "10", "--augment", "none", "--lr", "0.004")


@dataclass(frozen=True)
class Result:
    """How many of those that are held out a way of learning has right."""

    way: str
    right: int
    count: int
    interval: tuple[float, float]


def export(pictures: Pictures, folder: Path, each: int) -> None:
    """The first pictures of each class as PNG files, in a folder for each."""
    for label, name in enumerate(FASHION):
        (folder / name).mkdir(parents=True)
        for at in [index for index, own in enumerate(pictures.labels) if own == label][:each]:
            pictures.image(at).save(folder / name / f"{at:05}.png")


def cnndsl(*arguments: str) -> str:
    """What it prints; what is wrong it has said itself."""
    print("$ cnndsl", *arguments, flush=True)
    done = subprocess.run([sys.executable, "-m", "cnndsl", *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def trained(way: str, runs: Path, *arguments: str) -> Result:
    print(cnndsl("train", NETWORK, *LEARN, "--data", str(runs / "photos"), "-o", str(runs / way), *arguments))
    said = json.loads(cnndsl("eval", str(runs / way / "last"), "--data", str(runs / "photos"), "--format", "json"))
    return result(way, said["top1"]["right"], said["top1"]["pictures"])


def off_the_shelf(runs: Path, weights: str) -> Result:
    """A linear classifier on features, which are scaled alike."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    arrays = []
    for part in ("train", "val"):
        file = runs / f"{part}.npz"
        cnndsl("features", NETWORK, "--weights", weights, str(runs / "photos" / part), "-o", str(file))
        arrays.append(np.load(file))
    learned, held = arrays
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    guessed = linear.fit(learned["features"], learned["folders"]).predict(held["features"])
    return result("features", int((guessed == held["folders"]).sum()), len(guessed))


def result(way: str, right: int, count: int) -> Result:
    return Result(way, right, count, Rate(right, count).interval)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="FASHIONMNIST", type=Path, help="the folder of the IDX files")
    parser.add_argument("--weights", required=True, help="the folder of squeezenet1_1.safetensors")
    parser.add_argument("--runs", metavar="FOLDER", type=Path, required=True, help="a new one, for pictures and runs")
    parser.add_argument("--each", type=int, default=5, help="pictures of a class to learn from")
    parser.add_argument("--held-out", type=int, default=30, help="pictures of a class to measure on")
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    whole, runs = read_fashion(options.data), options.runs
    export(whole.train, runs / "photos" / "train", options.each)
    export(whole.held_out, runs / "photos" / "val", options.held_out)
    epochs = ("--epochs", str(options.epochs))
    results = [
        trained("random", runs, *epochs),
        trained("head", runs, *epochs, "--weights", options.weights, "--freeze", "all-but-head"),
        off_the_shelf(runs, options.weights),
    ]
    (runs / "transfer.json").write_text(json.dumps([asdict(each) for each in results], indent=2) + "\n")
    for each in results:
        low, high = each.interval
        print(f"{each.way:<10}{each.right / each.count:8.2%}  {low:.2%} to {high:.2%}  {each.right} of {each.count}")


if __name__ == "__main__":
    main()
