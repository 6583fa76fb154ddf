"""Weights: safetensors files, and whether what is in them fits a network."""

from cnndsl.weights.check import check_shapes, expected_shapes
from cnndsl.weights.files import load_weights, save_weights

__all__ = ["check_shapes", "expected_shapes", "load_weights", "save_weights"]
