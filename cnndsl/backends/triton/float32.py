"""Whether PyTorch's own kernels may round products of float32 to TF32: the precision of a plan decides.

PyTorch keeps that in global settings, and allows it in cuDNN's convolutions and not in cuBLAS's products unless the
user says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

BACKENDS: Any = torch.backends  # whose modules have attributes that types do not know


@contextmanager
def float32_products(products: str) -> Iterator[None]:
    """Make them in "tf32" or "ieee" inside; afterwards the settings are the user's again.

    cuDNN asks its newer setting alone. cuBLAS raises where the newer and the older one differ, so its older one is
    written, which sets both.
    """
    conv, matmul = BACKENDS.cudnn.conv, BACKENDS.cuda.matmul
    settings = (conv, matmul, BACKENDS.mkldnn.matmul)  # the last is written with cuBLAS's older one
    before = [each.fp32_precision for each in settings]
    older = _older_setting()
    try:
        conv.fp32_precision = products
        matmul.allow_tf32 = products == "tf32"
        yield
    finally:
        torch.set_float32_matmul_precision(older)
        for each, value in zip(settings, before, strict=True):
            each.fp32_precision = value


def _older_setting() -> str:
    """That of cuBLAS and oneDNN, which can only be read while the newer ones agree with it: they are left so."""
    newer = BACKENDS.cuda.matmul, BACKENDS.mkldnn.matmul
    for values in (("ieee", "ieee"), ("tf32", "tf32"), ("tf32", "bf16")):
        for each, value in zip(newer, values, strict=True):
            each.fp32_precision = value
        try:
            return torch.get_float32_matmul_precision()
        except RuntimeError:
            continue
    raise AssertionError("PyTorch has a fourth precision of products")


def with_products(products: str, step: Callable[[], object]) -> Callable[[], object]:
    """The step under that setting; a CUDA graph that has recorded it needs none."""

    def run() -> None:
        with float32_products(products):
            step()

    return run
