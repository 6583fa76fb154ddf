"""Layers: one class each, all facts in one place. Importing this package registers the built-in ones."""

from cnndsl.ops import (
    activation,
    channels,
    convolution,
    linear,
    merge,
    normalization,
    pooling,
    regularization,
    reshape,
    resize,
    scale,
)
from cnndsl.ops.base import LayerError, Op, Shape, all_layers, find, register, show_shape

__all__ = [
    "LayerError",
    "Op",
    "Shape",
    "activation",
    "all_layers",
    "channels",
    "convolution",
    "find",
    "linear",
    "merge",
    "normalization",
    "pooling",
    "register",
    "regularization",
    "reshape",
    "resize",
    "scale",
    "show_shape",
]
