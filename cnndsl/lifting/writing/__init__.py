"""The `.arch` text of a graph, as a person would write it: the way back from a network to its description."""

from cnndsl.lifting.writing.network import Written, write, written

__all__ = ["Written", "write", "written"]
