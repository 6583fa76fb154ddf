"""Layers that only passes make: a layer with weights fused with what stands around it, and a batch norm as an affine map.

All their facts follow from their parts, so that no printer, cost table or later pass needs a special case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeAlias

from cnndsl.ops.arguments import Kind, argument
from cnndsl.ops.base import Op, Shape, TorchExpression, TorchModule, Window
from cnndsl.ops.convolution import Conv, ConvTranspose
from cnndsl.ops.linear import Linear
from cnndsl.ops.merge import Add
