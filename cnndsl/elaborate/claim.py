"""What an `expect` says, kept until the network's numbers are known, and the names that only it may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnndsl.syntax import tree

if TYPE_CHECKING:
    from cnndsl.elaborate.evaluator import Evaluator

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
    """An `expect` of the network, and the names it sees where it stands."""

    expression: tree.Expression
    evaluator: Evaluator
