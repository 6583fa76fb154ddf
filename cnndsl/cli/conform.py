"""`cnndsl conform MODEL --against LIBRARY:NAME`: is it the same network? Counts, every difference, and numbers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, add_request
from cnndsl.cli.checked import checked_network
from cnndsl.extras import require
from cnndsl.table import aligned

if TYPE_CHECKING:
    from torch import nn

    from cnndsl.architecture import Architecture
    from cnndsl.weights.transfer import Counterparts


EXAMPLES = """\
examples:
  cnndsl conform squeezenet1_1 --against torchvision:squeezenet1_1
  cnndsl conform resnet18 --against timm:resnet18
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("--against", metavar="LIBRARY:NAME", required=True, help="torchvision:NAME or timm:NAME")
    add_request(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.alignment.difference import differences
    from cnndsl.alignment.skeleton import NOT_TRACED
    from cnndsl.foreign.modules import build_foreign
    from cnndsl.weights.transfer import counterparts

    require("torch", extra="torch")
    network = checked_network(options)
    if network is None:
        return 1
    module = build_foreign(options.against)
    both = counterparts(network.graph, module, options.against)
    print("\n".join(_counts(network, both)), end="\n\n")
    found = differences(both.ours, both.theirs)
    for each in found:
        print(each)
    if not found:
        print("no difference in structure")
    if any(unit.kind == NOT_TRACED for unit in both.ours.units):
        print(f"not compared: {NOT_TRACED}, of which nothing is seen outside training")
    lines, agree = _numbers(network, both, module)
    print("\n".join(lines))
    return 0 if agree and not found else 1


def _counts(network: Architecture, both: Counterparts) -> list[str]:
    """Parameters, MACs and depth side by side, train-only heads left out."""
    theirs = both.theirs.part(sum(not output.train_only for output in both.graph.outputs))
    rows = [("", network.name, theirs.title)]
    for name in ("params", "macs", "depth"):
        rows.append((name, f"{getattr(network, name):,}", f"{getattr(theirs, name):,}"))
    return aligned(rows)


def _numbers(network: Architecture, both: Counterparts, module: nn.Module) -> tuple[list[str], bool]:
    """With weights of theirs in ours, if they fit."""
    from cnndsl.alignment.align import align
    from cnndsl.errors import Unmatched
    from cnndsl.weights.adapt import moved
    from cnndsl.weights.trained import stir
    from cnndsl.weights.transfer import by_graph
    from cnndsl.weights.verdict import verdict

    alignment = align(both.ours, both.theirs)
    try:
        transfer = by_graph(both, alignment) if alignment else None
    except Unmatched:
        transfer = None
    if alignment is None or transfer is None:
        return ["outputs are not compared, as the layers of the two do not correspond"], False
    stir(module, both.theirs)
    ours = network.compile()
    ours.load_state_dict(moved(transfer.moves, module.state_dict(), ours.state_dict()))
    return verdict(both, alignment, ours, module)
