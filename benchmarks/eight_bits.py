"""What 8 bits save: plans of a few networks in half precision and in int8, counted for an H200 without one.

A number in half precision stands in front of that in int8. Columns are those of `plans.py`, and `in 8 bits` says how
many launches multiply 8 bits, and how many others read or write some.

    python benchmarks/eight_bits.py [--batch 32] [--precision int8] [NETWORK ...]
"""

from __future__ import annotations

import argparse

from plans import TARGET, Row, line, row

import cnndsl
from cnndsl.backends.triton import make_plan
from cnndsl.backends.triton.text import in_eight_bits
from cnndsl.kernels.precision import LARGEST

NETWORKS = ("resnet50", "googlenet", "vgg16")


def rows(name: str, batch: int, precision: str) -> tuple[Row, Row, str]:
    """In half precision and in 8 bits, and how many launches know these."""
    graph = cnndsl.load(name).graph
    before, now = (make_plan(graph, TARGET.name, batch=batch, precision=each) for each in ("fp16", precision))
    multiply, touch = in_eight_bits(now)
    return row(name, before), row(name, now), f"{multiply} + {touch}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--precision", choices=LARGEST, default="int8")
    options = parser.parse_args()
    print("| network | batch | launches | MB | L2 | waves | useful | floor | by L2 | in 8 bits |")
    print(f"|{'---|' * 10}")
    for name in options.networks:
        before, now, known = rows(name, options.batch, options.precision)
        print(f"{line(now, before)} {known} |", flush=True)


if __name__ == "__main__":
    main()
