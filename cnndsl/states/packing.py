"""Weights in the order that kernels read them, as functions that recipes may apply. Shapes as PyTorch has them come in.

A matrix product wants its inner dimension contiguous, so filters stand outside and channels inside: O H W I.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def pixels_last(weight: Tensor, channels: int) -> Tensor:
    """Filters O I H W to O H W I, with zeros for channels that only fill up an input of so many."""
    import torch.nn.functional as F

    return F.pad(weight.permute(0, 2, 3, 1), (0, channels - weight.shape[1])).contiguous()


def blocked(weight: Tensor, side: int, top: int, bottom: int, left: int, right: int) -> Tensor:
    """Filters O I H W, with so many zeros around them, for the channels that `pixel_unshuffle` makes."""
    import torch.nn.functional as F

    return F.pixel_unshuffle(F.pad(weight, (left, right, top, bottom)), side)


def over_map(weight: Tensor, height: int, width: int) -> Tensor:
    """Weights of a linear layer on a flattened map, O (I H W), as filters of the map's size, O H W I."""
    return weight.reshape(len(weight), -1, height, width).permute(0, 2, 3, 1).contiguous()


def taps_first(weight: Tensor) -> Tensor:
    """Depthwise filters O 1 H W to H W O, so that neighbouring filters are neighbours in memory."""
    return weight.squeeze(1).permute(1, 2, 0).contiguous()


def bundle(weight: Tensor, groups: int, together: int) -> Tensor:
    """Filters O I H W of groups to O H W I of bundles of `together` groups: zero for the channels of other groups."""
    import torch

    filters, channels, rows, columns = weight.shape
    wide = weight.new_zeros(filters, rows, columns, together, channels)
    of_filter = torch.arange(filters, device=weight.device) // (filters // groups) % together
    wide[torch.arange(filters, device=weight.device), :, :, of_filter] = weight.permute(0, 2, 3, 1)
    return wide.flatten(3)


def columns(weight: Tensor, start: int, stop: int) -> Tensor:
    """The filters' input channels from `start` up to and without `stop`."""
    return weight[:, start:stop]
