"""The intermediate representation: a typed graph of layers over networkx."""

from cnndsl.ir.graph import Graph, Node, Output, Scope

__all__ = ["Graph", "Node", "Output", "Scope"]
