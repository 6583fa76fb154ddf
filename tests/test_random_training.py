"""What `compile` accepts runs, and trains: random networks of everything, forward, backward and a step.

In a process of its own, under glibc's checks of its heap where they can be had: some of PyTorch's gradients have
written outside of their tensors, which otherwise ends some later, innocent test.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from examples import examples
from random_networks import random_network
from torch import Tensor

import cnndsl

HERE = Path(__file__).parent
CHECKED = {"LD_PRELOAD": "libc_malloc_debug.so.0", "MALLOC_CHECK_": "3"}

# Kernels of one pixel that skip pixels, reading what a layer norm leaves in another order; fewer channels than a
# vector register holds. Padding that holds a whole kernel. Windows that hang over the end of a map.
KNOWN = {
    "few channels skipped": "layer_norm -> conv 1x1, 6, /2 -> relu",
    "one channel skipped": "conv 3x3, 1 -> layer_norm -> conv 1x1, 5, /3x2",
    "kernels in the padding": "conv 2x2, 16, /2, pad=3, dilation=2 -> depthwise 1x1, pad=2",
    "windows over the end": "avgpool 1x3, /1, round=ceil, count_include_pad=false -> layer_norm -> conv 3x3, 9, /2",
}


def has_checks() -> bool:
    done = subprocess.run([sys.executable, "-c", ""], env=os.environ | CHECKED, capture_output=True, text=True)
    return done.returncode == 0 and not done.stderr


def in_its_own_process(call: str) -> None:
    program = f"import sys; sys.path.insert(0, {str(HERE)!r}); import test_random_training as t; t.{call}"
    environment = os.environ | (CHECKED if has_checks() else {})
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, f"exit code {done.returncode}, last words: {done.stdout[-1500:]}{done.stderr[-2000:]}"


def results(module: torch.nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    found = module(*inputs)
    return [found] if isinstance(found, Tensor) else [each for each in found if each is not None]


def train(text: str) -> None:
    """Two steps, a batch norm over more than one value given, and inference after them."""
    print(text, flush=True)
    network = cnndsl.loads(text)
    module = network.compile().train()
    assert sum(each.numel() for each in module.parameters()) == network.facts.training_params
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-3) if list(module.parameters()) else None
    inputs = [torch.randn(3, *node.shape) for node in network.graph.inputs]
    for _ in range(2):
        loss = sum(each.square().mean() for each in results(module, inputs))
        if optimizer is not None and loss.requires_grad:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.inference_mode():
        shapes = [tuple(each.shape[1:]) for each in results(module.eval(), inputs)]
    assert shapes == [network.graph[output.node].shape for output in network.graph.inference().outputs]


def train_random(first: int, count: int) -> None:
    torch.manual_seed(0)
    for seed in range(first, first + count):
        train(random_network(seed, 3))


def train_known() -> None:
    for body in KNOWN.values():
        for size in ("3 x 16 x 16", "9 x 7 x 5"):
            for _ in range(5):
                train(f"network n {{\n input {size}\n {body}\n}}")


def test_random_networks_train() -> None:
    in_its_own_process(f"train_random(0, {examples(80)})")


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1_000, 3_000, 250))
def test_more_random_networks_train(first: int) -> None:
    in_its_own_process(f"train_random({first}, 250)")


def test_what_crashed_once_trains() -> None:
    in_its_own_process("train_known()")
