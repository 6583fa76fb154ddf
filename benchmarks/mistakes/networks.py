"""The mistakes as functions: `net` has the layers of one of the tools, and a line at fault is marked `# @`.

A function is called like its file in `tests/cases/causes/`, with `__` for the slash.
"""

from __future__ import annotations

from typing import Any

Net = Any  # one of the tools in `tools.py`, whose tensors have no common type


def odd_sizes__unet_100(net: Net) -> Any:
    x = net.input(1, 100, 100)  # @
    x = e1 = net.relu(net.conv(x, 32, 3))
    x = net.maxpool(x, 2, 2)
    x = e2 = net.relu(net.conv(x, 64, 3))
    x = net.maxpool(x, 2, 2)
    x = e3 = net.relu(net.conv(x, 128, 3))
    x = net.maxpool(x, 2, 2)
    x = net.relu(net.conv(x, 256, 3))
    x = net.upsample(x, 2)
    x = net.relu(net.conv(net.concat(x, e3), 128, 3))
    x = net.upsample(x, 2)
    x = net.relu(net.conv(net.concat(x, e2), 64, 3))
    x = net.upsample(x, 2)
    x = net.relu(net.conv(net.concat(x, e1), 32, 3))
    return net.conv(x, 2, 1)


def odd_sizes__fpn_600(net: Net) -> Any:
    x = net.input(3, 600, 600)  # @
    x = net.relu(net.bn(net.conv(x, 64, 7, stride=2)))
    x = net.maxpool(x, 3, 2, pad=1)
    x = c3 = net.relu(net.bn(net.conv(x, 128, 3, stride=2)))
    x = c4 = net.relu(net.bn(net.conv(x, 256, 3, stride=2)))
    x = net.relu(net.bn(net.conv(x, 512, 3, stride=2)))
    x = net.conv(x, 256, 1)
    x = net.add(net.upsample(x, 2), net.conv(c4, 256, 1))
    x = net.add(net.upsample(x, 2), net.conv(c3, 256, 1))
    return net.conv(x, 256, 3)


def scales__pool4_up2(net: Net) -> Any:
    x = net.input(3, 128, 128)
    x = skip = net.relu(net.conv(x, 16, 3))
    x = net.maxpool(x, 4, 4)  # @
    x = net.relu(net.conv(x, 32, 3))
    x = net.upsample(x, 2)  # @
    x = net.concat(skip, x)
    return net.conv(x, 2, 1)


def scales__up4_for_2(net: Net) -> Any:
    x = net.input(3, 64, 64)
    x = half = net.relu(net.bn(net.conv(x, 32, 3, stride=2)))
    x = net.relu(net.bn(net.conv(x, 64, 3, stride=2)))
    x = net.upsample(x, 4)  # @
    x = net.add(net.conv(half, 64, 1), x)
    x = net.upsample(x, 2)
    return net.conv(x, 5, 1)


def branch_rounding__avgpool_shortcut(net: Net) -> Any:
    x = net.input(3, 225, 225)
    x = net.relu(net.bn(net.conv(x, 32, 3, stride=2)))
    around = net.avgpool(x, 2, 2)  # @
    around = net.bn(net.conv(around, 64, 1))
    x = net.relu(net.bn(net.conv(x, 64, 3, stride=2)))
    x = net.bn(net.conv(x, 64, 3))
    x = net.relu(net.add(around, x))
    return net.linear(net.flatten(net.global_pool(x)), 64, 10)


def branch_rounding__inception_reduction(net: Net) -> Any:
    x = net.input(384, 35, 35)
    a = net.relu(net.bn(net.conv(x, 384, 3, stride=2)))
    b = net.relu(net.conv(net.relu(net.conv(x, 96, 1)), 96, 3, stride=2))
    c = net.maxpool(x, 2, 2)  # @
    x = net.concat(a, b, c)
    return net.conv(x, 10, 1)


def branch_strides__pool_default(net: Net) -> Any:
    x = net.input(192, 28, 28)
    a = net.conv(x, 64, 1)
    b = net.conv(x, 64, 3)
    c = net.conv(net.maxpool(x, 3, 3), 32, 1)  # @
    return net.relu(net.concat(a, b, c))


def branch_strides__shortcut(net: Net) -> Any:
    x = net.input(64, 56, 56)
    y = net.relu(net.bn(net.conv(x, 128, 3, stride=2)))
    y = net.bn(net.conv(y, 128, 3))
    around = net.bn(net.conv(x, 128, 1))  # @
    return net.relu(net.add(y, around))


def claims__zf_224(net: Net) -> Any:
    """The author believes 96 x 110 x 110, 96 x 55 x 55 and 256 x 26 x 26, and has nowhere to say so."""
    x = net.input(3, 224, 224)
    x = net.relu(net.conv(x, 96, 7, stride=2, pad=0))  # @
    x = net.maxpool(x, 3, 2, pad=1)
    return net.relu(net.conv(x, 256, 5, stride=2, pad=0))


def claims__lenet_28(net: Net) -> Any:
    """The author believes that 400 features come out of the second pool."""
    x = net.input(1, 28, 28)  # @
    x = net.tanh(net.conv(x, 6, 5, pad=0))  # @
    x = net.avgpool(x, 2, 2)
    x = net.tanh(net.conv(x, 16, 5, pad=0))
    x = net.avgpool(x, 2, 2)
    x = net.flatten(x)
    x = net.tanh(net.linear(x, 400, 120))
    x = net.tanh(net.linear(x, 120, 84))
    return net.linear(x, 84, 10)


def concat_claims__unreduced(net: Net) -> Any:
    """The author believes that 192 channels come out of the merge."""
    low = net.input(64, 64, 64)
    x = net.input(512, 32, 32)
    x = net.upsample(x, 2)
    x = net.concat(low, x)  # @
    return net.relu(net.conv(x, 64, 3, channels=192))


def dilation__residual(net: Net) -> Any:
    x = net.input(64, 32, 32)
    y = net.relu(net.bn(net.conv(x, 64, 3, dilation=4, pad=2)))  # @
    y = net.bn(net.conv(y, 64, 3))
    return net.relu(net.add(y, x))


def dilation__aspp(net: Net) -> Any:
    x = net.input(512, 65, 65)
    a = net.conv(x, 21, 3, dilation=6)
    b = net.conv(x, 21, 3, dilation=12)
    c = net.conv(x, 21, 3, dilation=18, pad=12)  # @
    d = net.conv(x, 21, 3, dilation=24)
    return net.add(a, b, c, d)


def gates__se_squeezed(net: Net) -> Any:
    x = net.input(64, 28, 28)
    for n, stride in ((64, 1), (128, 2)):
        x = net.relu(net.bn(net.conv(x, n, 3, stride=stride)))
        gate = net.relu(net.conv(net.global_pool(x), n // 16, 1))
        gate = net.sigmoid(net.conv(gate, n // 16, 1))  # @
        x = net.mul(x, gate)
    return net.linear(net.flatten(net.global_pool(x)), 128, 10)


def groups__image(net: Net) -> Any:
    x = net.input(3, 227, 227)
    x = net.relu(net.conv(x, 96, 11, stride=4, pad=0, groups=2))  # @
    x = net.maxpool(x, 3, 2)
    return net.relu(net.conv(x, 256, 5, groups=2))


def no_flatten__lenet(net: Net) -> Any:
    x = net.input(1, 28, 28)
    x = net.maxpool(net.conv(x, 20, 5, pad=0), 2, 2)
    x = net.maxpool(net.conv(x, 50, 5, pad=0), 2, 2)
    x = net.relu(net.linear(x, 800, 500))  # @
    return net.linear(x, 500, 10)


def residuals__widening(net: Net) -> Any:
    x = net.input(64, 32, 32)
    y = net.relu(net.bn(net.conv(x, 128, 3)))
    y = net.bn(net.conv(y, 128, 3))
    x = net.relu(net.add(y, x))  # @
    return net.linear(net.flatten(net.global_pool(x)), 128, 10)


def residuals__valid(net: Net) -> Any:
    x = net.input(64, 32, 32)
    y = net.relu(net.bn(net.conv(x, 64, 3, pad=0)))  # @
    y = net.bn(net.conv(y, 64, 3))
    return net.relu(net.add(y, x))


def too_small__valid(net: Net) -> Any:
    x = net.input(3, 24, 24)  # @
    x = net.maxpool(net.relu(net.conv(x, 16, 5, pad=0)), 2, 2)
    x = net.maxpool(net.relu(net.conv(x, 32, 5, pad=0)), 2, 2)
    x = net.relu(net.conv(x, 64, 5, pad=0))  # @
    return net.linear(net.flatten(x), 64, 10)


def too_small__cifar_on_vgg(net: Net) -> Any:
    x = net.input(3, 32, 32)  # @
    for n in (64, 128, 256, 512, 512):
        x = net.maxpool(net.relu(net.conv(x, n, 3)), 2, 2)
    x = net.relu(net.conv(x, 512, 3))
    x = net.maxpool(x, 2, 2)  # @
    return net.linear(net.flatten(x), 512, 10)


def transposed__output_pad(net: Net) -> Any:
    x = net.input(3, 64, 64)
    x = top = net.relu(net.conv(x, 32, 3))
    x = net.relu(net.conv(x, 64, 3, stride=2))
    x = net.relu(net.transposed(x, 32, 3, 2, pad=1))  # @
    x = net.concat(x, top)
    return net.conv(x, 2, 1)


def transposed__filters(net: Net) -> Any:
    x = skip = net.input(64, 32, 32)
    x = net.relu(net.conv(x, 128, 3, stride=2))
    x = net.transposed(x, 32, 2, 2)  # @
    x = net.relu(net.add(x, skip))
    return net.conv(x, 2, 1)


def wrong_from__unet_twice(net: Net) -> Any:
    x = net.input(3, 128, 128)
    x = d1 = net.relu(net.conv(x, 16, 3))
    x = net.relu(net.conv(net.maxpool(x, 2, 2), 32, 3))
    x = d3 = net.relu(net.conv(net.maxpool(x, 2, 2), 64, 3))
    x = net.relu(net.conv(net.maxpool(x, 2, 2), 128, 3))
    x = net.relu(net.conv(net.concat(net.upsample(x, 2), d3), 64, 3))
    x = net.relu(net.conv(net.concat(net.upsample(x, 2), d3), 32, 3))  # @
    x = net.relu(net.conv(net.concat(net.upsample(x, 2), d1), 16, 3))
    return net.conv(x, 1, 1)


def zero__se(net: Net) -> Any:
    x = net.input(3, 32, 32)
    x = net.relu(net.conv(x, 16, 3))
    for n in (16, 64):
        x = net.relu(net.conv(x, n, 3))
        gate = net.relu(net.conv(net.global_pool(x), n // 32, 1))  # @
        x = net.mul(x, net.sigmoid(net.conv(gate, n, 1)))
    return net.linear(net.flatten(net.global_pool(x)), 64, 10)


MISTAKES = {
    function.__name__.replace("__", "/"): function
    for function in list(globals().values())
    if callable(function) and getattr(function, "__module__", None) == __name__
}
