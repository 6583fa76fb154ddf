"""The intermediate representation: a typed graph of layers over networkx."""

from cnndsl.ir.graph import Graph
from cnndsl.ir.node import Node, Output, Scope

__all__ = ["Graph", "Node", "Output", "Scope"]
