"""The tools that build the networks: each has the layers that `networks.py` calls, and `finish` for what comes last.

A tensor is what the tool has for one. Padding is by half of the dilated kernel if nothing else is said.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def half(kernel: int, dilation: int) -> int:
    return dilation * (kernel - 1) // 2


class PyTorch:
    """Modules, run as they are built on zeros: a mistake is found where `forward` would."""

    def __init__(self) -> None:
        import torch

        self.torch, self.nn = torch, torch.nn

    def input(self, *shape: int) -> Any:
        return self.torch.zeros(1, *shape)

    def conv(
        self,
        x: Any,
        n: int,
        k: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        dilation: int = 1,
        groups: int = 1,
        channels: int | None = None,
    ) -> Any:
        padding = half(k, dilation) if pad is None else pad
        return self.nn.Conv2d(channels or x.shape[1], n, k, stride, padding, dilation, groups)(x)

    def transposed(self, x: Any, n: int, k: int, stride: int, pad: int = 0) -> Any:
        return self.nn.ConvTranspose2d(x.shape[1], n, k, stride, pad)(x)

    def linear(self, x: Any, features: int, n: int) -> Any:
        return self.nn.Linear(features, n)(x)

    def bn(self, x: Any) -> Any:
        return self.nn.BatchNorm2d(x.shape[1]).eval()(x)

    def maxpool(self, x: Any, k: int, stride: int, pad: int = 0) -> Any:
        return self.nn.MaxPool2d(k, stride, pad)(x)

    def avgpool(self, x: Any, k: int, stride: int) -> Any:
        return self.nn.AvgPool2d(k, stride)(x)

    def upsample(self, x: Any, scale: int) -> Any:
        return self.nn.Upsample(scale_factor=scale)(x)

    def concat(self, *xs: Any) -> Any:
        return self.torch.cat(xs, dim=1)

    def add(self, *xs: Any) -> Any:
        total = xs[0]
        for x in xs[1:]:
            total = total + x
        return total

    def mul(self, x: Any, y: Any) -> Any:
        return x * y

    def global_pool(self, x: Any) -> Any:
        return self.nn.AdaptiveAvgPool2d(1)(x)

    def flatten(self, x: Any) -> Any:
        return self.torch.flatten(x, 1)

    def relu(self, x: Any) -> Any:
        return self.torch.relu(x)

    def tanh(self, x: Any) -> Any:
        return self.torch.tanh(x)

    def sigmoid(self, x: Any) -> Any:
        return self.torch.sigmoid(x)

    def finish(self, x: Any) -> None:
        """There is nothing left to do."""


class Keras:
    """Layers of the functional interface, channels last, as is usual there; nothing is run."""

    def __init__(self) -> None:
        os.environ["KERAS_BACKEND"] = "torch"
        import keras

        self.keras, self.layers, self.inputs = keras, keras.layers, []

    def input(self, channels: int, height: int, width: int) -> Any:
        self.inputs.append(self.keras.Input((height, width, channels)))
        return self.inputs[-1]

    def conv(
        self,
        x: Any,
        n: int,
        k: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        dilation: int = 1,
        groups: int = 1,
        channels: int | None = None,
    ) -> Any:
        padding = "same" if pad is None else "valid"
        x = self.layers.ZeroPadding2D(pad)(x) if pad else x
        return self.layers.Conv2D(n, k, stride, padding, dilation_rate=dilation, groups=groups)(x)

    def transposed(self, x: Any, n: int, k: int, stride: int, pad: int = 0) -> Any:
        x = self.layers.Conv2DTranspose(n, k, stride)(x)
        return self.layers.Cropping2D(pad)(x) if pad else x

    def linear(self, x: Any, features: int, n: int) -> Any:
        return self.layers.Dense(n)(x)

    def bn(self, x: Any) -> Any:
        return self.layers.BatchNormalization()(x)

    def maxpool(self, x: Any, k: int, stride: int, pad: int = 0) -> Any:
        x = self.layers.ZeroPadding2D(pad)(x) if pad else x
        return self.layers.MaxPooling2D(k, stride)(x)

    def avgpool(self, x: Any, k: int, stride: int) -> Any:
        return self.layers.AveragePooling2D(k, stride)(x)

    def upsample(self, x: Any, scale: int) -> Any:
        return self.layers.UpSampling2D(scale)(x)

    def concat(self, *xs: Any) -> Any:
        return self.layers.Concatenate()(list(xs))

    def add(self, *xs: Any) -> Any:
        return self.layers.Add()(list(xs))

    def mul(self, x: Any, y: Any) -> Any:
        return self.layers.Multiply()([x, y])

    def global_pool(self, x: Any) -> Any:
        return self.layers.GlobalAveragePooling2D(keepdims=True)(x)

    def flatten(self, x: Any) -> Any:
        return self.layers.Flatten()(x)

    def relu(self, x: Any) -> Any:
        return self.layers.ReLU()(x)

    def tanh(self, x: Any) -> Any:
        return self.layers.Activation("tanh")(x)

    def sigmoid(self, x: Any) -> Any:
        return self.layers.Activation("sigmoid")(x)

    def finish(self, x: Any) -> None:
        self.keras.Model(self.inputs, x)


class Onnx:
    """Nodes of a graph whose weights are initializers, named by the line that made them: `Concat_21_3`.

    `finish` lets ONNX infer all shapes, strictly, and if that finds nothing, ONNX Runtime load and run the graph.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.inputs: dict[str, tuple[int, ...]] = {}
        self.weights: dict[str, tuple[int, ...] | list[float]] = {}
        self.channels: dict[str, int] = {}

    def _node(self, op: str, inputs: list[str], channels: int, **attributes: Any) -> str:
        frame = sys._getframe(1)
        while not frame.f_code.co_filename.endswith("networks.py"):
            assert frame.f_back is not None
            frame = frame.f_back
        name = f"{op}_{frame.f_lineno}_{len(self.nodes)}"
        self.nodes.append((op, inputs, name, attributes))
        self.channels[name] = channels
        return name

    def _weight(self, *value: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights[name] = list(value) if isinstance(value[0], float) else value
        return name

    def input(self, *shape: int) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs[name], self.channels[name] = shape, shape[0]
        return name

    def conv(
        self,
        x: str,
        n: int,
        k: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        dilation: int = 1,
        groups: int = 1,
        channels: int | None = None,
    ) -> str:
        padding = half(k, dilation) if pad is None else pad
        weight = self._weight(n, (channels or self.channels[x]) // groups, k, k)
        pads, twice = [padding] * 4, [stride, stride]
        return self._node("Conv", [x, weight], n, strides=twice, pads=pads, dilations=[dilation] * 2, group=groups)

    def transposed(self, x: str, n: int, k: int, stride: int, pad: int = 0) -> str:
        weight = self._weight(self.channels[x], n, k, k)
        return self._node("ConvTranspose", [x, weight], n, strides=[stride, stride], pads=[pad] * 4)

    def linear(self, x: str, features: int, n: int) -> str:
        return self._node("Gemm", [x, self._weight(features, n)], n)

    def bn(self, x: str) -> str:
        channels = self.channels[x]
        return self._node("BatchNormalization", [x, *(self._weight(channels) for _ in range(4))], channels)

    def maxpool(self, x: str, k: int, stride: int, pad: int = 0) -> str:
        window = {"kernel_shape": [k, k], "strides": [stride, stride]}
        return self._node("MaxPool", [x], self.channels[x], **window, pads=[pad] * 4)

    def avgpool(self, x: str, k: int, stride: int) -> str:
        return self._node("AveragePool", [x], self.channels[x], kernel_shape=[k, k], strides=[stride, stride])

    def upsample(self, x: str, scale: int) -> str:
        scales = self._weight(1.0, 1.0, float(scale), float(scale))
        return self._node("Resize", [x, "", scales], self.channels[x], mode="nearest")

    def concat(self, *xs: str) -> str:
        return self._node("Concat", list(xs), sum(self.channels[x] for x in xs), axis=1)

    def add(self, *xs: str) -> str:
        total = xs[0]
        for x in xs[1:]:
            total = self._node("Add", [total, x], self.channels[x])
        return total

    def mul(self, x: str, y: str) -> str:
        return self._node("Mul", [x, y], self.channels[x])

    def global_pool(self, x: str) -> str:
        return self._node("GlobalAveragePool", [x], self.channels[x])

    def flatten(self, x: str) -> str:
        return self._node("Flatten", [x], self.channels[x])

    def relu(self, x: str) -> str:
        return self._node("Relu", [x], self.channels[x])

    def tanh(self, x: str) -> str:
        return self._node("Tanh", [x], self.channels[x])

    def sigmoid(self, x: str) -> str:
        return self._node("Sigmoid", [x], self.channels[x])

    def finish(self, x: str) -> None:
        import numpy as np
        import onnx
        import onnxruntime
        from onnx import helper, numpy_helper

        real = onnx.TensorProto.FLOAT
        values = {
            name: np.array(value, "f") if isinstance(value, list) else np.zeros(value, "f")
            for name, value in self.weights.items()
        }
        graph = helper.make_graph(
            [helper.make_node(op, inputs, [name], name=name, **more) for op, inputs, name, more in self.nodes],
            "network",
            [helper.make_tensor_value_info(name, real, (1, *shape)) for name, shape in self.inputs.items()],
            [helper.make_tensor_value_info(x, real, None)],
            [numpy_helper.from_array(value, name) for name, value in values.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        onnxruntime.set_default_logger_severity(4)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        session.run(None, {name: np.zeros((1, *shape), "f") for name, shape in self.inputs.items()})


TOOLS = {"PyTorch": PyTorch, "Keras": Keras, "ONNX": Onnx}
