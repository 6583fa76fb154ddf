"""From syntax tree to graph: names, arguments, blocks, loops, shapes."""

from cnndsl.elaborate.loader import Loader
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.networks import Elaboration, elaborate_network

__all__ = ["Elaboration", "Loader", "Module", "elaborate_network"]
