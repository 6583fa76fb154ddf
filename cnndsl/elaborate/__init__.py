"""From syntax tree to graph: names, arguments, blocks, loops, shapes."""

from cnndsl.elaborate.modules import Loader, Module
from cnndsl.elaborate.networks import Elaboration, elaborate_network

__all__ = ["Elaboration", "Loader", "Module", "elaborate_network"]
