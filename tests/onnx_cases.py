"""Small ONNX graphs by operator: the steps as ONNX's own text, their constants, and the layers that they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, parser

IMAGE = (4, 8, 7)


@dataclass(frozen=True)
class Case:
    """`steps` make `y` of `x`; constants are their values, or the shape of random ones; `layers` are ours."""

    layers: str
    steps: str
    constants: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = IMAGE
    opset: int = 17
    positive: tuple[str, ...] = ("v",)  # variances

    @property
    def name(self) -> str:
        return f"{self.steps.strip().splitlines()[0].strip()} v{self.opset} -> {self.layers}"[:110]

    def model(self, batch: int | str = "N", outputs: tuple[str, ...] = ("y",)) -> onnx.ModelProto:
        nodes = [parser.parse_node(line) for line in self.steps.strip().splitlines()]
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (batch, *self.shape))]
        made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(nodes, "case", given, made, list(self.tensors()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def tensors(self) -> Any:
        random = np.random.default_rng(0)
        for name, value in self.constants.items():
            if isinstance(value, tuple):
                value = random.normal(size=value).astype(np.float32)
                value = np.abs(value) + np.float32(0.5) if name in self.positive else value
            elif isinstance(value, float):
                value = np.array(value, np.float32)
            elif isinstance(value, list):
                value = np.array(value, np.float32 if value and isinstance(value[0], float) else np.int64)
            yield numpy_helper.from_array(np.asarray(value), name)

    def save(self, folder: Path, **options: Any) -> Path:
        path = folder / "case.onnx"
        onnx.save(self.model(**options), path)
        return path


W = {"w": (6, 4, 3, 3)}
FOUR = {name: (4,) for name in ("s", "b", "m", "v")}


THEN = "then_branch = one () => (float[N,4,8,7] a) { a = Relu (x) }"
ELSE = "else_branch = other () => (float[N,4,8,7] b) { t = Tanh (x) u = Add (t, t) b = Identity (u) }"
IF = f"y = If <{THEN}, {ELSE}> (k)"


def c(layers: str, steps: str, **more: Any) -> Case:
    options = {name: more.pop(name) for name in ("shape", "opset") if name in more}
    return Case(layers, steps, more, **options)


CONVOLUTIONS = [
    c("conv 3x3, 6, bias=false", "y = Conv <pads=[1,1,1,1]> (x, w)", **W),
    c("conv 3x3, 6, pad=0, bias=true", "y = Conv (x, w, b)", **W, b=(6,), opset=7),
    c("conv 3x3, 6, /2, pad=same, bias=false", 'y = Conv <auto_pad="SAME_UPPER", strides=[2,2]> (x, w)', **W),
    c("conv 3x3, 6, bias=false", 'y = Conv <auto_pad="SAME_UPPER"> (x, w)', **W),
    c("conv 3x3, 6, /2, pad=[1, 0, 1, 1], bias=false", 'y = Conv <auto_pad="SAME_LOWER", strides=[2,2]> (x, w)', **W),
    c("conv 3x3, 6, /2x1, pad=0, bias=false", 'y = Conv <auto_pad="VALID", strides=[2,1]> (x, w)', **W),
    c("conv 3x3, 6, pad=[0, 2, 1, 0], bias=false", "y = Conv <pads=[0,1,2,0]> (x, w)", **W),
    c("conv 3x3, 6, dilation=2x2, bias=false", "y = Conv <pads=[2,2,2,2], dilations=[2,2]> (x, w)", **W),
    c("conv 3x3, 6, groups=2, bias=false", "y = Conv <pads=[1,1,1,1], group=2> (x, w)", w=(6, 2, 3, 3)),
    c("depthwise 3x3, multiplier=2, bias=false", "y = Conv <pads=[1,1,1,1], group=4> (x, w)", w=(8, 1, 3, 3)),
    c("conv 3x3, 6, bias=true", "z = Conv <pads=[1,1,1,1]> (x, w)\ny = Add (z, b)", **W, b=(1, 6, 1, 1)),
    c("conv_transpose 3x3, 6, /2, bias=false", "y = ConvTranspose <strides=[2,2]> (x, w)", w=(4, 6, 3, 3)),
    c(
        "conv_transpose 3x3, 6, /2, pad=1, output_pad=1x1, bias=true",
        "y = ConvTranspose <strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]> (x, w, b)",
        w=(4, 6, 3, 3),
        b=(6,),
    ),
    c(
        "conv_transpose 3x3, 6, /2, pad=1, output_pad=1x1, groups=2, bias=false",
        "y = ConvTranspose <strides=[2,2], pads=[1,1,0,0], group=2> (x, w)",
        w=(4, 3, 3, 3),
    ),
    c(
        "conv_transpose 4x4, 6, /2, pad=1, bias=false",
        'y = ConvTranspose <strides=[2,2], auto_pad="SAME_UPPER"> (x, w)',
        w=(4, 6, 4, 4),
    ),
    c(
        "conv_transpose 4x4, 6, /2, pad=1, bias=false",
        "y = ConvTranspose <strides=[2,2], output_shape=[16,14]> (x, w)",
        w=(4, 6, 4, 4),
    ),
    c(
        "conv 1x1, 6, bias=true",
        "a = Transpose <perm=[0,2,3,1]> (x)\nz = MatMul (a, w)\nd = Add (z, b)\ny = Transpose <perm=[0,3,1,2]> (d)",
        w=(4, 6),
        b=(6,),
    ),
    c(
        "global_avgpool; channel_conv 3, bias=false",
        "p = GlobalAveragePool (x)\nq = Squeeze (p, three)\nr = Unsqueeze (q, one)\nt = Squeeze (r, three)\n"
        "z = Conv <pads=[1,1]> (t, w)\nu = Transpose <perm=[0,2,1]> (z)\ny = Unsqueeze (u, three)",
        w=(1, 1, 3),
        three=[3],
        one=[1],
    ),
    c("linear 5, bias=true", "y = Gemm <transB=1> (x, w, b)", w=(5, 6), b=(5,), shape=(6,)),
    c("linear 5, bias=true", "y = Gemm <alpha=0.5, beta=2.0> (x, w, b)", w=(6, 5), b=(1, 5), shape=(6,)),
    c("linear 5, bias=false", "y = Gemm <transB=1> (x, w)", w=(5, 6), shape=(6,), opset=11),
    c("linear 5, bias=true", "z = MatMul (x, w)\ny = Add (b, z)", w=(6, 5), b=(5,), shape=(6,)),
    c("flatten; linear 5, bias=false", "f = Flatten (x)\ny = Gemm (f, w)", w=(224, 5), opset=11),
    c(
        "flatten order=hwc; linear 5, bias=false",
        "t = Transpose <perm=[0,2,3,1]> (x)\nf = Reshape (t, s)\ny = MatMul (f, w)",
        w=(224, 5),
        s=[-1, 224],
    ),
]
POOLS = [
    c("maxpool 2x2, /2", "y = MaxPool <kernel_shape=[2,2], strides=[2,2]> (x)"),
    c("maxpool 3x3, /2, pad=1", "y = MaxPool <kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]> (x)", opset=7),
    c("maxpool 3x3, /2, round=ceil", "y = MaxPool <kernel_shape=[3,3], strides=[2,2], ceil_mode=1> (x)"),
    c("maxpool 3x3, /2, pad=[0, 1, 1, 0]", "y = MaxPool <kernel_shape=[3,3], strides=[2,2], pads=[0,1,1,0]> (x)"),
    c("maxpool 3x3, /2, pad=same", 'y = MaxPool <kernel_shape=[3,3], strides=[2,2], auto_pad="SAME_UPPER"> (x)'),
    c("avgpool 2x2, /2", "y = AveragePool <kernel_shape=[2,2], strides=[2,2]> (x)"),
    c("avgpool 3x3, /1, pad=1, count_include_pad=false", "y = AveragePool <kernel_shape=[3,3], pads=[1,1,1,1]> (x)"),
    c(
        "avgpool 3x3, /2, pad=1",
        "y = AveragePool <kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], count_include_pad=1> (x)",
    ),
    c(
        "avgpool 2x2, /1, pad=[0, 1, 0, 1]",
        "y = AveragePool <kernel_shape=[2,2], pads=[0,0,1,1], count_include_pad=1> (x)",
    ),
    c("avgpool 3x3, /2, pad=same", 'y = AveragePool <kernel_shape=[3,3], strides=[2,2], auto_pad="SAME_UPPER"> (x)'),
    c("avgpool 2x2, /1, pad=same", "y = AveragePool <kernel_shape=[2,2], pads=[0,0,1,1]> (x)"),
    c("avgpool 3x3, /2, round=ceil", "y = AveragePool <kernel_shape=[3,3], strides=[2,2], ceil_mode=1> (x)", opset=19),
    c("global_avgpool", "y = AveragePool <kernel_shape=[9,9], pads=[0,1,1,1]> (x)"),
    c("global_avgpool", "y = GlobalAveragePool (x)", opset=7),
    c("global_maxpool", "y = GlobalMaxPool (x)"),
    c("global_avgpool", "y = ReduceMean <axes=[2,3]> (x)"),
    c("global_avgpool; flatten", "y = ReduceMean <axes=[-1,-2], keepdims=0> (x)"),
    c("global_maxpool", "y = ReduceMax (x, a)", a=[2, 3], opset=18),
    c("avgpool 8x1, /8x1", "y = ReduceMean <axes=[2]> (x)"),
    c("global_avgpool; scale 56.0", "y = ReduceSum (x, a)", a=[2, 3]),
    c("channel_mean", "y = ReduceMean (x, a)", a=[1], opset=18),
    c("channel_max", "y = ReduceMax <axes=[1]> (x)"),
    c(
        "global_avgpool; linear 5, bias=false",
        "p = GlobalAveragePool (x)\nf = Flatten (p)\ny = MatMul (f, w)",
        w=(4, 5),
    ),
]
NORMS = [
    c(
        "lrn 3, alpha=0.5, k=2.0",
        "a = Mul (x, x)\nb = Unsqueeze (a, one)\nc = Pad (b, p)\n"
        "d = AveragePool <kernel_shape=[3,1,1]> (c)\ne = Squeeze (d, one)\n"
        "f = Mul (e, alpha)\ng = Add (f, k)\nh = Pow (g, beta)\ny = Div (x, h)",
        one=[1],
        p=[0, 0, 1, 0, 0, 0, 0, 1, 0, 0],
        alpha=0.5,
        k=2.0,
        beta=0.75,
    ),
    c("bn", "y = BatchNormalization (x, s, b, m, v)", **FOUR),
    c(
        "bn eps=0.001, momentum=0.01",
        "y = BatchNormalization <epsilon=0.001, momentum=0.99> (x, s, b, m, v)",
        **FOUR,
        opset=7,
    ),
    c("bn", "y = BatchNormalization (x, s, b, m, v)", **FOUR, shape=(4,)),
    c("bn", "n = BatchNormalization (x, s, b, m, v)\nz = Mul (n, g)\ny = Add (z, h)", **FOUR, g=(4, 1, 1), h=(4, 1, 1)),
    c("instance_norm affine=true", "y = InstanceNormalization (x, s, b)", s=(4,), b=(4,)),
    c("instance_norm", "y = InstanceNormalization (x, s, b)", s=[1.0] * 4, b=[0.0] * 4),
    c("layer_norm eps=1e-05", "y = LayerNormalization (x, s, b)", s=(6,), b=(6,), shape=(6,)),
    c(
        "layer_norm eps=1e-05",
        "t = Transpose <perm=[0,2,3,1]> (x)\nn = LayerNormalization (t, s, b)\ny = Transpose <perm=[0,3,1,2]> (n)",
        s=(4,),
        b=(4,),
    ),
    c(
        "group_norm 1, eps=0.001",
        "y = LayerNormalization <axis=1, epsilon=0.001> (x, s, b)",
        s=np.ones(IMAGE, np.float32),
        b=np.zeros(IMAGE, np.float32),
    ),
    c(
        "layer_norm eps=0.001",
        "m = ReduceMean <axes=[1]> (x)\nd = Sub (x, m)\np = Pow (d, two)\n"
        "q = ReduceMean <axes=[1]> (p)\ne = Add (q, eps)\n"
        "r = Sqrt (e)\nn = Div (d, r)\nz = Mul (s, n)\ny = Add (z, b)",
        two=2.0,
        eps=1e-3,
        s=(4, 1, 1),
        b=(4, 1, 1),
    ),
    c("group_norm 2", "y = GroupNormalization <num_groups=2> (x, s, b)", s=(4,), b=(4,), opset=21),
    c(
        "group_norm 2, eps=0.001",
        "a = Reshape (x, split)\nn = InstanceNormalization <epsilon=0.001> (a, o, z)\nc = Reshape (n, back)\n"
        "d = Mul (c, s)\ny = Add (d, b)",
        split=[0, 2, -1],
        back=[-1, 4, 8, 7],
        o=[1.0, 1.0],
        z=[0.0, 0.0],
        s=(4, 1, 1),
        b=(4, 1, 1),
    ),
    c(
        "grn",
        "g = ReduceL2 <axes=[2,3]> (x)\nm = ReduceMean <axes=[1]> (g)\ne = Add (m, eps)\nn = Div (g, e)\n"
        "a = Mul (x, n)\nd = Mul (w, a)\nf = Add (b, d)\ny = Add (x, f)",
        eps=1e-6,
        w=(1, 4, 1, 1),
        b=(1, 4, 1, 1),
    ),
    c("lrn 3, alpha=0.1, beta=0.5, k=2.0", "y = LRN <size=3, alpha=0.1, beta=0.5, bias=2.0> (x)"),
]
ACTIVATIONS = [
    c("relu", "y = Relu (x)", opset=7),
    c("relu6", "y = Clip <min=0.0, max=6.0> (x)", opset=7),
    c("relu6", "y = Clip (x, a, b)", a=0.0, b=6.0),
    c("relu", "y = Clip (x, a)", a=0.0),
    c("relu", "y = Max (x, a)", a=0.0),
    c("relu6", "r = Relu (x)\ny = Min (r, a)", a=6.0),
    c("leaky_relu 0.1", "y = LeakyRelu <alpha=0.1> (x)"),
    c("leaky_relu 0.2", "z = Mul (x, a)\ny = Max (x, z)", a=0.2),
    c("leaky_relu -1.0", "y = Abs (x)"),
    c("elu", "y = Elu (x)"),
    c("elu 0.5", "y = Elu <alpha=0.5> (x)"),
    c("elu", "y = Celu (x)"),
    c("selu", "y = Selu (x)"),
    c("prelu", "y = PRelu (x, s)", s=(4, 1, 1)),
    c("prelu", "y = PRelu (x, s)", s=(1,)),
    c("sigmoid", "y = Sigmoid (x)"),
    c("tanh", "y = Tanh (x)"),
    c("softplus", "y = Softplus (x)"),
    c("hardsigmoid", "y = HardSigmoid <alpha=0.1666666716337204> (x)"),
    c("hardsigmoid", "a = Add (x, three)\nb = Clip (a, zero, six)\ny = Div (b, six)", three=3.0, zero=0.0, six=6.0),
    c("hardswish", "y = HardSwish (x)", opset=14),
    c(
        "hardswish",
        "a = Add (x, three)\nb = Clip (a, zero, six)\nc = Mul (x, b)\ny = Div (c, six)",
        three=3.0,
        zero=0.0,
        six=6.0,
    ),
    c("hardswish", "a = HardSigmoid <alpha=0.1666666716337204> (x)\ny = Mul (a, x)"),
    c("silu", "a = Sigmoid (x)\ny = Mul (x, a)"),
    c("mish", "a = Softplus (x)\nb = Tanh (a)\ny = Mul (x, b)"),
    c("tanh; mish", "t = Tanh (x)\na = Softplus (t)\nb = Tanh (a)\ny = Mul (t, b)"),
    c("mish", "y = Mish (x)", opset=18),
    c("gelu", "y = Gelu (x)", opset=20),
    c("gelu approximate=tanh", 'y = Gelu <approximate="tanh"> (x)', opset=20),
    c(
        "gelu",
        "a = Div (x, r)\nb = Erf (a)\nc = Add (b, one)\nd = Mul (x, c)\ny = Mul (d, h)",
        r=2**0.5,
        one=1.0,
        h=0.5,
    ),
    c(
        "gelu approximate=tanh",
        "a = Mul (x, x)\nb = Mul (a, x)\nc = Mul (b, k)\nd = Add (x, c)\ne = Mul (d, r)\n"
        "f = Tanh (e)\ng = Add (f, one)\n"
        "h = Mul (half, x)\ny = Mul (h, g)",
        k=0.044715,
        r=(2 / np.pi) ** 0.5,
        one=1.0,
        half=0.5,
    ),
    c(
        "softplus",
        "a = Softplus (x)\nb = Greater (x, t)\ny = Where (b, x, a)",
        t=20.0,
    ),
    c("squared_relu", "a = Relu (x)\ny = Mul (a, a)"),
    c("squared_relu", "a = Relu (x)\ny = Pow (a, two)", two=2.0),
    c("softmax", "y = Softmax <axis=1> (x)"),
    c("softmax", "y = Softmax (x)", shape=(5,), opset=9),
    c("softmax", "y = Softmax (x)", shape=(5,)),
    c("log_softmax", "y = LogSoftmax (x)", shape=(5,)),
]
MERGES = [
    c(
        "global_avgpool; sigmoid; mul",
        "p = GlobalAveragePool (x)\ng = Sigmoid (p)\nh = Expand (g, s)\ny = Mul (x, h)",
        s=[1, 4, 8, 7],
    ),
    c("relu; add", "a = Relu (x)\ny = Add (x, a)"),
    c("mul", "y = Pow (x, a)", a=2.0),
    c("relu; tanh; add", "a = Relu (x)\nb = Tanh (x)\ny = Sum (x, a, b)", opset=8),
    c("relu; mean", "a = Relu (x)\ny = Mean (x, a)"),
    c("global_avgpool; sigmoid; mul", "p = GlobalAveragePool (x)\ng = Sigmoid (p)\ny = Mul (x, g)"),
    c("channel_mean; sigmoid; mul", "p = ReduceMean <axes=[1]> (x)\ng = Sigmoid (p)\ny = Mul (g, x)"),
    c(
        "global_avgpool; conv 1x1, 2, bias=false; relu; conv 1x1, 4, bias=true; sigmoid; mul",
        "p = GlobalAveragePool (x)\nf = Flatten (p)\na = Gemm (f, w)\nr = Relu (a)\n"
        "b = Gemm (r, u, c)\ns = Sigmoid (b)\n"
        "g = Reshape (s, to)\ny = Mul (x, g)",
        w=(4, 2),
        u=(2, 4),
        c=(4,),
        to=[-1, 4, 1, 1],
    ),
    c("sigmoid; max", "a = Sigmoid (x)\ny = Max (x, a)"),
    c("tanh; sub", "a = Tanh (x)\ny = Sub (x, a)"),
    c("relu; concat", "a = Relu (x)\ny = Concat <axis=1> (x, a)"),
    c("relu; concat", "a = Relu (x)\ny = Concat <axis=-3> (x, a)"),
    c("scale 0.17", "y = Mul (x, a)", a=0.17),
    c("scale 0.5", "y = Div (x, a)", a=2.0),
    c("scale -1.0", "y = Neg (x)"),
    c("scale learned=true", "y = Mul (x, a)", a=(1, 4, 1, 1)),
    c("depthwise 1x1, bias=true", "a = Sub (x, m)\ny = Div (a, s)", m=(4, 1, 1), s=(4, 1, 1)),
    c("depthwise 1x1, bias=true", "a = Mul (x, s)\ny = Sub (a, m)", m=(4, 1, 1), s=0.25),
    c("depthwise 1x1, bias=true", "y = Sub (m, x)", m=(4, 1, 1)),
    c("depthwise 1x1, bias=true", "y = Add (x, a)", a=0.5),
    c("depthwise 1x1, bias=true", "y = Add (x, a)", a=1e-7),
    c("relu", "a = Add (x, zero)\ny = Relu (a)", zero=0.0),
]
MOVES = [
    c(
        "channel_slice 0, 1; channel_slice 1, 4; concat",
        "a, b = Split <axis=1> (x, s)\ny = Concat <axis=1> (b, a)",
        s=[1, 3],
        opset=13,
    ),
    c("channel_slice 1, 3", "y = Slice (x, a, b, c)", a=[1], b=[3], c=[1]),
    c("channel_slice 2, 4", "y = Slice <starts=[-2], ends=[9223372036854775807], axes=[1]> (x)", opset=9),
    c("crop 6x5", "y = Slice (x, a, b, c)", a=[1, 1], b=[-1, 6], c=[2, 3]),
    c("pad [5, 0, 0, 0]; crop 2x7", "y = Slice (x, a, b, c)", a=[0], b=[2], c=[2]),
    c("relu", IF, k=True),
    c("tanh; add", IF, k=False),
    c("maxpool 1x1, /2x1", "y = Slice (x, a, b, c, d)", a=[0], b=[8], c=[2], d=[2]),
    c("channel_slice 1, 3", "y = Gather <axis=1> (x, a)", a=[1, 2]),
    c("channel_slice 2, 3; channel_slice 1, 2; concat", "y = Gather <axis=1> (x, a)", a=[2, 1]),
    c("channel_shuffle 2; channel_slice 2, 4", "y = Slice (x, a, b, c, d)", a=[1], b=[4], c=[1], d=[2]),
    c("channel_slice 1, 2; channel_slice 0, 1; concat", "y = Slice (x, a, b, c, d)", a=[1], b=[-9], c=[1], d=[-1]),
    c("concat", "y = Tile (x, a)", a=[1, 2, 1, 1]),
    c(
        "zero_pad_shortcut 5; conv 1x1, 5, bias=false; add",
        "z = Concat <axis=1> (x, k)\nv = Conv (x, w)\ny = Add (z, v)",
        k=np.zeros((1, 1, 8, 7), np.float32),
        w=(5, 4, 1, 1),
    ),
    c(
        "channel_slice 0, 2; scale 0.0; concat; relu",
        "a = Concat <axis=1> (k, x)\ny = Relu (a)",
        k=np.zeros((1, 2, 8, 7), np.float32),
    ),
    c(
        "tanh; concat; channel_slice 0, 4; channel_slice 4, 8; add",
        "t = Tanh (x)\na = Unsqueeze (x, one)\nb = Unsqueeze (t, one)\nd = Concat <axis=1> (a, b)\n"
        "y = ReduceSum <keepdims=0> (d, one)",
        one=[1],
    ),
    c(
        "channel_shuffle 2; channel_slice 0, 2; channel_slice 2, 4; max",
        "a = Reshape (x, s)\ny = ReduceMax <axes=[2], keepdims=0> (a)",
        s=[-1, 2, 2, 8, 7],
    ),
    c(
        "channel_slice 0, 2; channel_slice 2, 4; sub; sub; sigmoid; sigmoid; concat",
        "a = Reshape (x, s)\nb = Softmax <axis=1> (a)\ny = Reshape (b, t)",
        s=[-1, 2, 2, 8, 7],
        t=[-1, 4, 8, 7],
    ),
    c(
        "channel_slice 0, 2; channel_slice 2, 4; mean",
        "a = Reshape (x, s)\ny = ReduceMean <axes=[1], keepdims=0> (a)",
        s=[-1, 2, 2, 8, 7],
    ),
    c("global_avgpool; upsample 8x7; add", "p = GlobalAveragePool (x)\ny = Add (x, p)"),
    c(
        "global_avgpool; upsample 8x7; add",
        "p = GlobalAveragePool (x)\nh = Expand (p, s)\ny = Add (x, h)",
        s=[1, 4, 8, 7],
    ),
    c("channel_slice 0, 1; scale 0.0; concat", "y = Pad (x, p)", p=[0, 0, 0, 0, 0, 1, 0, 0]),
    c(
        "zero_pad_shortcut 5; conv 1x1, 5, bias=false; add",
        "z = Pad (x, p)\nv = Conv (x, w)\ny = Add (z, v)",
        p=[0, 0, 0, 0, 0, 1, 0, 0],
        w=(5, 4, 1, 1),
    ),
    c("leaky_relu 0.1", "g = Greater (x, z)\nd = Cast <to=9> (g)\nt = Mul (x, a)\ny = Where (d, x, t)", z=0.0, a=0.1),
    c("pad [1, 0, 2, 3]", "y = Pad (x, p)", p=[0, 0, 1, 2, 0, 0, 0, 3]),
    c("pad 1, value=0.5", "y = Pad (x, p, v)", p=[0, 0, 1, 1, 0, 0, 1, 1], v=0.5),
    c("pad 1, mode=reflect", 'y = Pad <mode="reflect", pads=[0,0,1,1,0,0,1,1]> (x)', opset=9),
    c("pad 0x1, mode=replicate", 'y = Pad <mode="edge"> (x, p, v, a)', p=[1, 1], v=0.0, a=[3], opset=18),
    c("pad 1, mode=circular", 'y = Pad <mode="wrap"> (x, p)', p=[0, 0, 1, 1, 0, 0, 1, 1], opset=19),
    c("pixel_shuffle 2", 'y = DepthToSpace <blocksize=2, mode="CRD"> (x)', opset=11),
    c("channel_shuffle 4; pixel_shuffle 2", "y = DepthToSpace <blocksize=2> (x)", shape=(8, 3, 5)),
    c("pixel_unshuffle 2; channel_shuffle 4", "y = SpaceToDepth <blocksize=2> (x)", shape=(4, 6, 4)),
    c(
        "channel_shuffle 2",
        "a = Reshape (x, s)\nb = Transpose <perm=[0,2,1,3,4]> (a)\ny = Reshape (b, t)",
        s=[-1, 2, 2, 8, 7],
        t=[-1, 4, 8, 7],
    ),
    c("flatten", "y = Flatten (x)", opset=7),
    c("flatten", "y = Reshape (x, s)", s=[0, -1]),
    c(
        "flatten",
        "s = Shape (x)\nn = Gather <axis=0> (s, zero)\nu = Unsqueeze (n, first)\n"
        "t = Concat <axis=0> (u, rest)\ny = Reshape (x, t)",
        zero=np.array(0),
        first=[0],
        rest=[-1],
    ),
    c("flatten order=hwc", "t = Transpose <perm=[0,2,3,1]> (x)\ny = Flatten (t)"),
    c("relu", "a = Identity (x)\nb = Cast <to=1> (a)\nd = Relu (b)\ny = Identity (d)"),
    c("dropout; relu", "a = Dropout (x)\ny = Relu (a)", opset=7),
    c("dropout 0.2", "y = Dropout (x, r)", r=0.2),
    c(
        "relu; tanh",
        "t = Transpose <perm=[0,2,3,1]> (x)\na = Relu (t)\nb = Tanh (a)\ny = Transpose <perm=[0,3,1,2]> (b)",
    ),
    c("upsample 2x2", "y = Upsample (x, s)", s=[1.0, 1.0, 2.0, 2.0], opset=9),
    c("upsample 2x3", "y = Upsample <scales=[1.0,1.0,2.0,3.0]> (x)", opset=7),
    c(
        "upsample 2x2",
        'y = Resize <coordinate_transformation_mode="asymmetric", nearest_mode="floor"> (x, e, s)',
        e=np.zeros(0, np.float32),
        s=[1.0, 1.0, 2.0, 2.0],
    ),
    c("upsample 2x2", "y = Resize (x, , s)", s=[1.0, 1.0, 2.0, 2.0]),
    c("resize 12x5, mode=bilinear", 'y = Resize <mode="linear"> (x, , , s)', s=np.array([1, 4, 12, 5])),
    c(
        "upsample 2x2, mode=bilinear, align_corners=true",
        'y = Resize <mode="linear", coordinate_transformation_mode="align_corners"> (x, , s)',
        s=[1.0, 1.0, 2.0, 2.0],
    ),
    c("upsample 2x2, mode=bicubic", 'y = Resize <mode="cubic"> (x, , s)', s=[1.0, 1.0, 2.0, 2.0]),
    c(
        "resize 4x9",
        'y = Resize <coordinate_transformation_mode="asymmetric", nearest_mode="floor"> (x, , , s)',
        s=np.array([1, 4, 4, 9]),
    ),
]
CASES = [*CONVOLUTIONS, *POOLS, *NORMS, *ACTIVATIONS, *MERGES, *MOVES]

# What is near a layer, and none: each is unread, and the reason says why.
UNREAD = [
    c("holes", "y = MaxPool <kernel_shape=[2,2], dilations=[2,2]> (x)"),
    c(
        "no layer gives this of its results",
        "a, b = MaxPool <kernel_shape=[2,2]> (x)\nd = Cast <to=1> (b)\ny = Add (a, d)",
    ),
    c("puts constants beside channels", "y = Concat <axis=1> (x, k)", k=(1, 1, 8, 7)),
    c("divides by the real pixels", "y = AveragePool <kernel_shape=[3,3], pads=[0,0,1,1]> (x)"),
    c("", "y = HardSigmoid (x)"),
    c("", "y = Clip (x, a, b)", a=0.0, b=100.0),
    c("further up", "y = LRN <size=4> (x)"),
    c("all axes", "y = Softmax (x)", opset=9),
    c("not the channels", "y = Softmax (x)"),
    c("every pixel", "y = Mul (x, a)", a=(1, 4, 8, 7)),
    c("every pixel", "y = Add (x, a)", a=(8, 7)),
    c("makes it larger", "y = Mul (x, a)", a=(3, 1, 1, 1, 1)),
    c(
        "other pixels",
        'y = Resize <coordinate_transformation_mode="asymmetric", nearest_mode="ceil"> (x, , s)',
        s=[1.0, 1.0, 2.0, 2.0],
    ),
    c(
        "asymmetric",
        'y = Resize <mode="linear", coordinate_transformation_mode="asymmetric"> (x, , s)',
        s=[1.0, 1.0, 2.0, 2.0],
    ),
    c("which is not", 'y = Resize <mode="linear"> (x, , s)', s=[1.0, 1.0, 1.3, 1.3]),
    c("cubic curve", 'y = Resize <mode="cubic", cubic_coeff_a=-0.5> (x, , s)', s=[1.0, 1.0, 2.0, 2.0]),
    c("3 apart", "y = Slice (x, a, b, c, d)", a=[0], b=[4], c=[1], d=[3]),
    c("backwards", "y = Slice (x, a, b, c, d)", a=[8], b=[0], c=[2], d=[-1]),
    c("its axis 2 is not the channels", "y = Gather <axis=2> (x, a)", a=[2, 1]),
    c("several axes", "y = Tile (x, a)", a=[1, 2, 2, 1]),
    c("neither all pixels nor", "y = ReduceMax <axes=[2]> (x)"),
    c("drops values while", "y = Dropout (x, r, t)", r=0.5, t=np.array(True)),
    c("no layer adds numbers to a vector", "y = Add (x, a)", a=(5,), shape=(5,)),
    c("quantised", "q = QuantizeLinear (x, s, z)\ny = DequantizeLinear (q, s, z)", s=0.1, z=np.array(0, np.uint8)),
    c("rows and columns", "y = Pad (x, p)", p=[0, 1, 0, 0, 0, 0, 0, 0]),
]
