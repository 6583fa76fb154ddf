"""W6: what `cnndsl.analysis.lint` finds in the layers of a network without errors."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

LINT = (
    Code(
        "W603",
        "bias that a norm takes away",
        """
        Batch normalisation subtracts the mean of each channel, and with it any bias the layer before has added: the
        bias costs memory and learns nothing (Ioffe and Szegedy 2015, section 3.2). So does a norm of single
        channels, `instance_norm` or a `group_norm` with as many groups as channels. Pools, `concat`, `add`,
        `dropout` and others between the two hand a bias on.

        Leave `bias` out right before `bn`, where a layer has none by default, and say `bias=false` elsewhere. Keep
        the bias only to load a checkpoint that has it.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, bias=true -> bn -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> bn -> relu
        }
        """,
    ),
    Code(
        "W604",
        "stride that skips pixels",
        """
        A stride larger than the kernel leaves pixels out: a 1x1 kernel with stride 2 looks at one pixel in four,
        and three quarters of what the layers before have computed are thrown away unread. A dilation can do the
        same: with dilation 2 and stride 2 a kernel only ever meets every other pixel. A `conv_transpose` leaves
        holes instead.

        Put the stride on a larger kernel, or pool first (the ResNet-D of He et al. 2018). The original ResNet does
        it; a network that must match it can live with the warning. Nothing is said where another layer reads all of
        the map, nor of the projection in a shortcut.
        """,
        bad="""
        network t {
            input 16 x 32 x 32
            conv 1x1, 32, /2 -> bn -> relu
        }
        """,
        good="""
        network t {
            input 16 x 32 x 32
            avgpool 2x2, /2 -> conv 1x1, 32 -> bn -> relu
        }
        """,
    ),
    Code(
        "W611",
        "layer without effect",
        """
        What comes out of this layer is what comes in: an `upsample` by 1, a `dropout` of 0, a `flatten` of a
        vector, or an activation that changes nothing of the values that reach it, such as a `relu` after a `relu`
        or a `sigmoid`. Perhaps another layer was meant, or another number.

        Remove it. Nothing is said where a parameter or a loop decides the number, nor of a pool that has an effect
        on larger inputs, nor where a block has its use at another call.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu -> maxpool 2x2, /2 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu -> maxpool 2x2, /2
        }
        """,
    ),
    Code(
        "W612",
        "result that does not depend on the input",
        """
        Whatever comes in, this layer puts out the same: a `softmax` of one value is 1, one value less its own mean
        is 0, and so is anything times 0. All that was computed before is lost, and nothing before it learns.

        A single output is a probability by `sigmoid`. A norm needs several values to compare: fewer groups, or a
        place before the map is pooled to one pixel.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu -> global_avgpool
            linear 1 -> softmax
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu -> global_avgpool
            linear 1 -> sigmoid
        }
        """,
    ),
    Code(
        "W613",
        "norm of what is normalised",
        """
        The second norm takes away what the first one has done: it subtracts the mean and divides by the deviation
        of values that only differ from the original ones by a factor and a shift. The first one's weights learn
        nothing.

        Remove one of the two. Often one stands at the end of a block and the other at the beginning of the next.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> bn -> bn -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> bn -> relu
        }
        """,
    ),
    Code(
        "W614",
        "two linear maps with nothing between",
        """
        A linear map of a linear map is a linear map: without an activation between them, two convolutions or two
        `linear` layers compute what one could. Most often a `relu` was forgotten.

        Put it between them, or leave one of the two out. Nothing is said of what saves weights on purpose: a narrow
        layer in the middle, 1x7 and 7x1, or a convolution of single channels or groups beside one of all. Two
        layers with a `bn` between them are left alone too.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            global_avgpool -> linear 64 -> linear 10
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            global_avgpool -> linear 64 -> relu -> linear 10
        }
        """,
    ),
    Code(
        "W615",
        "kernel that sees little but padding",
        """
        The map is so small that most of the kernel lies on padding wherever it stands: on a map of one pixel, 8 of
        the 9 weights of a 3x3 kernel are only ever multiplied by 0. They are stored, read and multiplied, and never
        learn.

        Use a smaller kernel, or keep the map larger: fewer strides and pools before it, or a larger input. A
        network made for 224 x 224 pixels often ends so at 32 x 32.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu -> global_avgpool
            conv 3x3, 16 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu -> global_avgpool
            conv 1x1, 16 -> relu
        }
        """,
    ),
    Code(
        "W616",
        "momentum counted the other way",
        """
        Here, as in PyTorch, the `momentum` of a `bn` is the share of the new value in the running statistics. In
        Keras, TensorFlow and Caffe it is the share of the old one: their 0.99 is 0.01 here. Taken over as it is,
        inference would normalise by what the last few pictures of training happened to be.

        Say 1 minus the number. A momentum of 1 is taken as meant.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> bn momentum=0.99 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> bn momentum=0.01 -> relu
        }
        """,
    ),
    Code(
        "W617",
        "map padded twice",
        """
        A convolution pads by half its kernel unless it is told otherwise, and the `pad` before it has done so
        already: the map comes out larger than it went in. That happens with networks from frameworks where a
        convolution does not pad by itself.

        Say `pad=0` behind a `pad`, or leave that layer out if it fills with zeros. A convolution that says its
        `pad` is taken as meant.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            pad 3, mode=reflect -> conv 7x7, 16 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            pad 3, mode=reflect -> conv 7x7, 16, pad=0 -> relu
        }
        """,
    ),
    Code(
        "W618",
        "softmax of squashed numbers",
        """
        The numbers that reach this `softmax` lie between 0 and 1, so that no class can be more than e times as
        likely as another: of ten, the first is never above 0.23, and training cannot do anything about it.

        Leave out the `sigmoid` or `softmax` before it.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            global_avgpool -> linear 10 -> sigmoid -> softmax
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            global_avgpool -> linear 10 -> softmax
        }
        """,
    ),
)
