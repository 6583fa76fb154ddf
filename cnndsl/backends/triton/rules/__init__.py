"""How each layer becomes launches: a rule per class of layers, found by the class of a node's layer.

A layer without a rule runs by PyTorch's own kernels, which the plan says.
"""

from collections.abc import Callable, Mapping

from cnndsl.backends.triton.building import Building
from cnndsl.backends.triton.rules.convolutions import lower_fused
from cnndsl.backends.triton.rules.elementwise import lower_concat, lower_pointwise, lower_scale
from cnndsl.backends.triton.rules.fallback import lower_by_torch
from cnndsl.backends.triton.rules.maps import lower_flatten, lower_move, lower_pool, lower_softmax
from cnndsl.backends.triton.rules.response_norms import lower_lrn
from cnndsl.ir.graph import Node
from cnndsl.ops.activation import Pointwise, Prelu, Softmax
from cnndsl.ops.base import Op
from cnndsl.ops.fused import Affine, Fused, FusedPointwise, Subsample
from cnndsl.ops.merge import Add, Concat, Max, Mean, Mul, Sub
from cnndsl.ops.normalization import Lrn
from cnndsl.ops.pooling import AdaptivePool, GlobalPool, Pool
from cnndsl.ops.reshape import ChannelShuffle, ChannelSlice, Flatten, ZeroPadShortcut
from cnndsl.ops.resize import Crop, Pad, Resize, Upsample
from cnndsl.ops.scale import Scale

Rule = Callable[[Building, Node], None]


def _nothing(building: Building, node: Node) -> None:
    """Another look at a tensor that is there."""


RULES: Mapping[type[Op], Rule] = {
    Fused: lower_fused,
    FusedPointwise: lower_pointwise,
    Affine: lower_pointwise,
    Add: lower_pointwise,
    Mul: lower_pointwise,
    Mean: lower_pointwise,
    Max: lower_pointwise,
    Sub: lower_pointwise,
    Pointwise: lower_pointwise,
    Prelu: lower_scale,
    Scale: lower_scale,
    Concat: lower_concat,
    ChannelSlice: _nothing,
    Flatten: lower_flatten,
    Pool: lower_pool,
    GlobalPool: lower_pool,
    AdaptivePool: lower_pool,
    Softmax: lower_softmax,
    Lrn: lower_lrn,
    Upsample: lower_move,
    Resize: lower_move,
    Pad: lower_move,
    Crop: lower_move,
    ChannelShuffle: lower_move,
    ZeroPadShortcut: lower_move,
    Subsample: lower_move,
}


def rule_for(op: Op) -> Rule:
    """The rule of the nearest class; a pointwise layer of a third party needs none of its own."""
    found = next((RULES[cls] for cls in type(op).__mro__ if cls in RULES), None)
    if found is not None:
        return found
    return lower_pointwise if op.pointwise and op.triton is not None else lower_by_torch


__all__ = ["RULES", "Rule", "lower_by_torch", "rule_for"]
