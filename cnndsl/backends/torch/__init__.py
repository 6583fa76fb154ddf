"""The PyTorch backend: a graph as a readable Python file, and that very file as a live module.

The module importing this does not import torch; building and writing do.
"""

from cnndsl.backends.torch.loading import build, load_written, outline
from cnndsl.backends.torch.optimized import explain_frozen, optimize, optimized_graph, write_optimized
from cnndsl.backends.torch.output import write
from cnndsl.backends.torch.source import TorchSource, generate, generate_source

__all__ = [
    "TorchSource",
    "build",
    "explain_frozen",
    "generate",
    "generate_source",
    "load_written",
    "optimize",
    "optimized_graph",
    "outline",
    "write",
    "write_optimized",
]
