"""State dicts: which tensors a network has, files of them, and how a rewritten network's follow from the original's."""

from cnndsl.states.check import check_shapes, expected_shapes
from cnndsl.states.files import load_weights, save_weights

__all__ = ["check_shapes", "expected_shapes", "load_weights", "save_weights"]
