"""Depth as papers count it: the layers with weights on the longest path (22 for GoogLeNet, 50 for ResNet-50)."""

from __future__ import annotations

from cnndsl.ir.graph import Graph


def depth(graph: Graph) -> int:
    """The most convolutions and linear layers on any one path; a shortcut's projection lies on a shorter one."""
    longest: dict[str, int] = {}
    for node in graph:
        before = max((longest[source] for source in node.sources), default=0)
        longest[node.name] = before + node.op.weighted
    return max(longest.values(), default=0)
