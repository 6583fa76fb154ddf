"""From syntax tree to graph: names, arguments, blocks, loops, shapes."""

from cnndsl.elaborate.modules import Loader, Module
from cnndsl.elaborate.networks import Elaboration, ParameterError, elaborate_network

__all__ = ["Elaboration", "Loader", "Module", "ParameterError", "elaborate_network"]
