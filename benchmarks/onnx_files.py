"""How ONNX files are read: prints a row of docs/lift.md for each, `python benchmarks/onnx_files.py FILE.onnx ...`.

The error is the largest difference of an output to ONNX Runtime's in float32, over its largest value. Ours is float64.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from interpreter import interpret

from cnndsl.errors import Error
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.foreign.onnx.compute import compute
from cnndsl.foreign.onnx.read import read_onnx


def row(path: Path) -> str:
    network = read_onnx(path)
    unread = [str(node.op) for node in network.unread()]
    layers = len(network.graph) - len(network.graph.inputs)
    return (
        f"| {path.stem} | {layers} | {', '.join(unread) or '-'} | {'-' if unread else f'{error(path, network):.1e}'} |"
    )


def error(path: Path, network: ForeignNetwork) -> float:
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(1, *node.shape, generator=generator) for node in network.graph.inputs]
    theirs = compute(path, inputs)
    state = {key: each.double() if each.is_floating_point() else each for key, each in network.tensors.items()}
    torch.set_default_dtype(torch.float64)
    ours = interpret(network.graph, state, *(each.double() for each in inputs)).values()
    torch.set_default_dtype(torch.float32)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    print("| file | layers | unread | error |\n| --- | --- | --- | --- |")
    for name in sys.argv[1:]:
        try:
            print(row(Path(name)), flush=True)
        except Error as problem:
            print(f"| {name} | {problem} | | |", flush=True)


if __name__ == "__main__":
    main()
