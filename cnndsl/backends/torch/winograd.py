"""Winograd's minimal filtering for 3x3 convolutions: F(4 x 4, 3 x 3), a quarter of the multiplications.

Lavin and Gray 2016, section 4.3. It is an expression, which PyTorch's compiler turns into passes over memory around a
product of matrices; a model says for which convolutions that is faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnndsl.backends.torch.convolutions import Form, Shapes, is_plain

OUT, IN = 4, 6  # pixels along a side of a tile that Winograd's algorithm computes, and of the window that it reads
# What makes Winograd's algorithm slower than its multiplications: in operations of a convolution in the same time,
# products of narrow matrices, and bytes that are written and read within caches, and that are read from memory.
PRODUCTS, CACHED_BYTE, BYTE = 1.7, 8.0, 16.0
GAIN = 0.85  # of the time of a layer, by that model
LEAST_SAVED = 0.15  # of the time of all convolutions, as a program of its own takes half a minute to compile


def winograd_layers(shapes: Shapes) -> dict[nn.Conv2d, Form]:
    """Those of 3x3 that Winograd's algorithm makes faster by a model; none if all of them together save too little."""
    direct = {layer: _direct(layer, shape) for layer, shape in shapes.items()}
    saved = {
        layer: direct[layer] - _by_winograd(layer, shape)
        for layer, shape in shapes.items()
        if layer.kernel_size == (3, 3) and is_plain(layer)
    }
    chosen = [layer for layer, gain in saved.items() if gain > (1 - GAIN) * direct[layer]]
    if sum(saved[layer] for layer in chosen) < LEAST_SAVED * sum(direct.values()):
        return {}
    return {layer: partial(winograd, _padding(layer)) for layer in chosen}


def largest_of_winograd(layers: Sequence[nn.Conv2d], shapes: Shapes) -> int:
    """Bytes of the largest tensor in between."""
    sizes = (_tiles(layer, shapes[layer]) * max(layer.in_channels, layer.out_channels) for layer in layers)
    return 4 * IN * IN * max(sizes)


def _direct(layer: nn.Conv2d, shape: torch.Size) -> float:
    height, width = _out(layer, shape)
    return 2 * shape[0] * height * width * layer.weight.numel() + BYTE * 4 * layer.weight.numel()


def _by_winograd(layer: nn.Conv2d, shape: torch.Size) -> float:
    tiles, (inputs, outputs) = _tiles(layer, shape), (layer.in_channels, layer.out_channels)
    arithmetic = PRODUCTS * 2 * tiles * inputs * outputs
    return IN * IN * (arithmetic + CACHED_BYTE * 2 * 4 * tiles * (inputs + outputs) + BYTE * 4 * inputs * outputs)


def _out(layer: nn.Conv2d, shape: torch.Size) -> tuple[int, int]:
    def size(side: int) -> int:
        window = layer.dilation[side] * (layer.kernel_size[side] - 1) + 1
        return (shape[2 + side] + 2 * _padding(layer)[side] - window) // layer.stride[side] + 1

    return size(0), size(1)


def _padding(layer: nn.Conv2d) -> tuple[int, ...]:
    assert not isinstance(layer.padding, str)
    return layer.padding


def _tiles(layer: nn.Conv2d, shape: torch.Size) -> int:
    height, width = _out(layer, shape)
    return shape[0] * -(-height // OUT) * -(-width // OUT)


def winograd(padding: Sequence[int], x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 3x3 convolution of stride 1 as `nn.Conv2d._conv_forward` computes it, by way of tiles.

    Each of the 36 values of a transformed window is a product of matrices, tiles x channels by channels x filters.
    The differences cost one decimal digit of float32.
    """
    (batch, channels, *_), filters = x.shape, weight.shape[0]
    height, width = (size + 2 * pad - 2 for size, pad in zip(x.shape[2:], padding, strict=True))
    down, right = -(-height // OUT), -(-width // OUT)
    bottom, end = OUT * down + 2 - x.shape[2] - padding[0], OUT * right + 2 - x.shape[3] - padding[1]
    padded = F.pad(x, (padding[1], end, padding[0], bottom)).permute(0, 2, 3, 1)
    rows = torch.stack(_windows([padded[:, i : i + OUT * down - 3 : OUT] for i in range(IN)]))
    both = torch.stack(_windows([rows[:, :, :, i : i + OUT * right - 3 : OUT] for i in range(IN)]))
    tiles = both.reshape(IN * IN, batch * down * right, channels)
    sums = torch.bmm(tiles, _filters(weight)).view(IN, IN, batch, down, right, filters)
    columns = torch.stack(_pixels(list(sums)), 4)
    y = torch.stack(_pixels(list(columns)), 2).view(batch, OUT * down, OUT * right, filters)
    y = y[:, :height, :width] if bias is None else y[:, :height, :width] + bias
    return y.permute(0, 3, 1, 2)


def _windows(d: list[Tensor]) -> list[Tensor]:
    """The transform of windows along one side: the rows of B' there."""
    even, odd, far_even, far_odd = d[4] - 4 * d[2], d[3] - 4 * d[1], d[4] - d[2], 2 * (d[3] - d[1])
    first, last = 4 * d[0] - 5 * d[2] + d[4], 4 * d[1] - 5 * d[3] + d[5]
    return [first, even + odd, even - odd, far_even + far_odd, far_even - far_odd, last]


def _pixels(m: list[Tensor]) -> list[Tensor]:
    """The transform of sums to pixels along one side: the rows of A' there."""
    near, far = m[1] + m[2], m[3] + m[4]
    near_odd, far_odd = m[1] - m[2], m[3] - m[4]
    return [m[0] + near + far, near_odd + 2 * far_odd, near + 4 * far, near_odd + 8 * far_odd + m[5]]


def _filters(weight: Tensor) -> Tensor:
    """The transform G g G' of filters, in float64: 36 x channels x filters."""
    quarter, sixth, twelfth = 1 / 4, 1 / 6, 1 / 12
    rows = [
        [quarter, 0.0, 0.0],
        [-sixth, -sixth, -sixth],
        [-sixth, sixth, -sixth],
        [twelfth / 2, twelfth, sixth],
        [twelfth / 2, -twelfth, sixth],
        [0.0, 0.0, 1.0],
    ]
    g = torch.tensor(rows, dtype=torch.float64)
    transformed = torch.einsum("ia,ocab,jb->jico", g, weight.double(), g)
    return transformed.reshape(IN * IN, weight.shape[1], weight.shape[0]).to(weight.dtype)
