"""Independent implementations to compare with: torchvision and timm models, importable beside a CPU build of torch."""

from __future__ import annotations

from functools import cache
from types import ModuleType

import torch
from torch import Tensor, nn

import cnndsl
from cnndsl.foreign.pytorch.reader import read_module
from cnndsl.weights.adapt import moved
from cnndsl.weights.counterparts import counterparts
from cnndsl.weights.transfer import by_graph

# torchvision's compiled operators are not built for every torch; declaring the two that its import asks for is enough
# for the models. The object must live as long as the declarations.
_LIBRARY = torch.library.Library("torchvision", "FRAGMENT")


@cache
def torchvision_models() -> ModuleType:
    """`torchvision.models`."""
    for operator in (
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ):
        if not hasattr(torch.ops.torchvision, operator.partition("(")[0]):
            _LIBRARY.define(operator)
    from torchvision import models

    return models


def relative_error(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """|ours - theirs| / |theirs| over all elements; NaN counts as infinite."""
    error = ((ours - theirs).norm() / theirs.norm()).item()
    return error if error == error else float("inf")


def stir(name: str, tensor: Tensor) -> None:
    """Make the per-channel values of a new model (ones, zeros) differ, so that none can stand for another."""
    if tensor.squeeze().dim() == 1 and tensor.is_floating_point():
        if "bias" in name or "mean" in name:
            tensor.normal_(0.0, 0.1)
        else:
            tensor.uniform_(0.5, 1.5)


def wired_alike(network: str, theirs: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """A network of the zoo with the weights of a module, moved along their wiring."""
    net = cnndsl.load(network, input=shape)
    ours = net.compile()
    both = counterparts(net.graph, read_module(theirs, [node.shape for node in net.graph.inputs], network))
    with torch.no_grad():
        for name, tensor in theirs.named_parameters():
            stir(name, tensor)
    moves = by_graph(both, both.alignment()).moves
    ours.load_state_dict(moved(moves, theirs.state_dict(), ours.state_dict()))
    return ours.eval()
