"""What an `expect` says, kept until the network's numbers are known, and the names that only it may use."""

from __future__ import annotations

from cnndsl.elaborate.env import Env
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.place import Flowing
from cnndsl.records import dataclass
from cnndsl.syntax import tree

# `cnndsl.analysis.facts` computes these.
NETWORK_FACTS = (
    "params",
    "macs",
    "depth",
    "receptive_field",
    "memory",
    "buffers",
    "output",
    "training_params",
    "training_macs",
    "nodes",
)


@dataclass(frozen=True)
class Claim:
    """An `expect` of the network, with the names that it sees where it stands and what `in` means there."""

    expression: tree.Expression
    module: Module
    env: Env
    incoming: Flowing = None
