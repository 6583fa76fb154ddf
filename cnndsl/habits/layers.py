"""What the layers of other frameworks are called here, and in which order they take their arguments."""

from __future__ import annotations

from cnndsl.ops import find
from cnndsl.records import dataclass

SHIPPED = ("conv_bn", "separable_conv", "inception", "fire", "basic", "bottleneck", "squeeze_excite", "fpn")
"""The blocks of `archs/std`, which a file names in `use ... from std`."""

STRUCTURES = ("residual", "repeat", "stage", "head", "dense", "fractal")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a foreign layer is here: our word, and what its name implies.

    given   arguments that the name or the framework's defaults bring along, unless it was given others
    called  such as hold only for a call in parentheses, which tells that framework's defaults
    orders  of its arguments, where the name tells the framework
    after   layers that follow
    """

    word: str
    given: tuple[tuple[str, str], ...] = ()
    called: tuple[tuple[str, str], ...] = ()
    orders: tuple[str, ...] = ()
    after: str = ""


# Spelled as the frameworks do, where that says more than the bare word: their defaults, their variants.
_UNPADDED = (("pad", "0"),)
_WINDOWS = (("kernel", "2"),)
_TORCH = ("- filters kernel stride pad dilation groups bias",)
_KERAS = ("filters kernel stride pad",)
_EXACT = {
    "Conv2d": Meaning("conv", called=_UNPADDED, orders=_TORCH),
    **dict.fromkeys(("LazyConv2d", "Conv2D", "Convolution2D"), Meaning("conv", called=_UNPADDED, orders=_KERAS)),
    "Conv2DTranspose": Meaning("conv_transpose", orders=_KERAS),
    "ConvTranspose2d": Meaning(
        "conv_transpose", orders=("- filters kernel stride pad output_pad groups bias dilation",)
    ),
    "Convolution": Meaning("conv", called=_UNPADDED),  # Caffe, MXNet
    "DepthwiseConv2D": Meaning("depthwise", called=_UNPADDED),
    "SeparableConv2D": Meaning(
        "depthwise", called=(*_UNPADDED, ("bias", "false")), orders=_KERAS, after="conv 1x1, {filters}"
    ),
    **dict.fromkeys(("AveragePooling2D", "AvgPool2D"), Meaning("avgpool", called=_WINDOWS)),
    **dict.fromkeys(("MaxPooling2D", "MaxPool2D"), Meaning("maxpool", called=_WINDOWS)),
    **dict.fromkeys(
        ("ReflectionPad2d", "reflection_pad", "reflection_pad2d", "reflect_pad"), Meaning("pad", (("mode", "reflect"),))
    ),
    **dict.fromkeys(("ReplicationPad2d", "replication_pad2d"), Meaning("pad", (("mode", "replicate"),))),
    "UpsamplingBilinear2d": Meaning("upsample", (("mode", "bilinear"), ("align_corners", "true"))),
    **dict.fromkeys(
        ("Dropout2d", "dropout2d", "SpatialDropout2D", "spatial_dropout", "FeatureDropout"),
        Meaning("dropout", (("mode", "channel"),)),
    ),
    "Dense": Meaning("linear"),
    "Softmax2d": Meaning("softmax"),
}

# By their letters alone: `max_pool`, `MaxPool2d` and `max_pooling` are all `maxpool`.
_SPELLINGS = {
    "conv": "conv convlayer atrousconv dilatedconv lazyconv",
    "depthwise": "depthwiseconv dwconv convdw convdepthwise depthwiseseparable depthconv",
    "conv_transpose": "deconv convtranspose convtransposed transposeconv transposedconv tconv convtransposelayer",
    "linear": "fc fullyconnected fullconnected innerproduct ip affine mlp gemm denselayer"
    " linearlayer lazylinear fullyconnect",
    "bn": "batchnorm batchnormlayer spatialbatchnorm syncbatchnorm lazybatchnorm fusedbatchnorm batchnormed",
    "group_norm": "groupnorm gn",
    "layer_norm": "layernorm ln",
    "instance_norm": "instancenorm",
    "lrn": "localresponsenorm localresponse crossmaplrn",
    "maxpool": "maxpool pool maxpoollayer mp",
    "avgpool": "avgpool meanpool avgpoollayer poolavg",
    "global_avgpool": "gap globalavgpool globalpool globalmeanpool avgpoolglobal globalavg reducemean spatialmean",
    "global_maxpool": "gmp globalmaxpool maxpoolglobal globalmax",
    "adaptive_avgpool": "adaptiveavgpool",
    "adaptive_maxpool": "adaptivemaxpool",
    "relu": "rectify rectifier rectifiedlinear",
    "leaky_relu": "lrelu leakyrelu leaky leakyrectify",
    "silu": "swish",
    "hardswish": "hswish hardswish",
    "hardsigmoid": "hsigmoid hardsigmoid",
    "sigmoid": "logistic",
    "identity": "linearactivation noop passthrough input_identity",
    "add": "sum plus eltwise elementwiseadd eltwisesum elemwiseadd addlayer",
    "mean": "average avg",
    "mul": "multiply product prod elementwisemultiply",
    "concat": "concatenate cat join merge stack parallel branches branch depthconcat filterconcat concatlayer",
    "dropout": "drop droplayer dropoutlayer",
    "drop_path": "droppath stochasticdepth dropconnect",
    "flatten": "view reshape ravel squeeze flat flattenlayer",
    "channel_shuffle": "shuffle channelshuffle shufflechannels shufflechannel",
    "pixel_shuffle": "pixelshuffle depthtospace subpixel",
    "pixel_unshuffle": "pixelunshuffle spacetodepth",
    "upsample": "upsampling interpolate interp upsamplingnearest upsamplelayer unpool",
    "pad": "zeropad zeropadding padding",
    "crop": "centercrop cropping",
    "residual": "skip residualblock residualconnection skipconnection resblock shortcut",
    "repeat": "loop times",
    "stage": "section",
    "split": "chunk",
    "mish": "mish",
    "softplus": "softplus",
    "selu": "selu",
    "squeeze_excite": "se selayer seblock semodule squeezeexcitation squeezeandexcitation squeezeandexcite secblock",
    "basic": "basicblock",
    "conv_bn": "convbn convbnrelu convbnact cbr convblock basicconv",
    "separable_conv": "sepconv dwsepconv",
    "fire": "firemodule",
    "inception": "inceptionmodule inceptionblock",
    "bottleneck": "bottleneckblock",
}
_BY_LETTERS = {letters: word for word, spellings in _SPELLINGS.items() for letters in spellings.split()}
_SHORTENED = (
    ("pooling", "pool"),
    ("normalization", "norm"),
    ("normalisation", "norm"),
    ("average", "avg"),
    ("convolutional", "conv"),
    ("convolution", "conv"),
    ("2d", ""),
    ("_", ""),
)

# How they take their arguments without names; ours comes first. `-` is what is never written here.
ORDERS: dict[str, tuple[str, ...]] = {
    "conv": (
        "kernel filters",
        "- filters kernel stride pad dilation groups bias",
        "filters kernel stride pad",
    ),
    "conv_transpose": (
        "kernel filters",
        "- filters kernel stride pad output_pad groups bias dilation",
        "filters kernel stride pad",
    ),
    "depthwise": ("kernel", "kernel stride pad", "filters kernel stride pad"),
    "maxpool": ("kernel", "kernel stride pad dilation"),
    "avgpool": ("kernel", "kernel stride pad"),
    "adaptive_avgpool": ("size",),
    "adaptive_maxpool": ("size",),
    "linear": ("features", "- features bias"),
    "bn": ("", "- eps momentum"),
    "layer_norm": ("", "- eps"),
    "group_norm": ("groups", "groups - eps"),
    "instance_norm": ("", "- eps"),
    "pixel_shuffle": ("factor",),
    "pixel_unshuffle": ("factor",),
    "mish": ("", "-"),
    "selu": ("", "-"),
    "dropout": ("p",),
    "drop_path": ("p", "p mode"),
    "upsample": ("scale", "scale mode"),
    "flatten": ("", "-", "- -"),
    "softmax": ("", "-"),
    "log_softmax": ("", "-"),
    "relu": ("", "-"),
    "relu6": ("", "-"),
    "silu": ("", "-"),
    "hardswish": ("", "-"),
    "sigmoid": ("", "-"),
    "leaky_relu": ("slope", "slope -"),
    "elu": ("alpha", "alpha -"),
    "pad": ("sides", "sides mode"),
}


def letters(name: str) -> str:
    """A name without case, underscores and the endings that frameworks put: `MaxPooling2D` is `maxpool`."""
    text = name.lower()
    for ending, short in _SHORTENED:
        text = text.replace(ending, short)
    return text


def meaning(name: str, *, called: bool = False) -> Meaning | None:
    """What a layer of another framework is here; None if nobody knows. `called` tells parentheses."""
    last = name.split(".")[-1]
    if last in _EXACT:
        return _EXACT[last]
    if last == "dense" and called:
        return Meaning("linear")
    if is_ours(last):
        return Meaning(last)
    word = letters(last)
    if is_ours(word):
        return Meaning(word)
    found = _BY_LETTERS.get(word)
    return Meaning(found) if found is not None and is_ours(found) else None


def is_ours(word: str) -> bool:
    """Whether it is a layer, a structure or a shipped block."""
    return word in STRUCTURES or word in SHIPPED or find(word) is not None


def is_merge(word: str) -> bool:
    op = find(word)
    return op is not None and op.arity is None
