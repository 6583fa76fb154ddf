"""E2: tensors that do not fit the layer they flow into."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

SHAPES = (
    Code(
        "E201",
        "layer does not take a tensor of this rank",
        """
        Convolutions, pools and most normalisations work on an image, channels x height x width. After
        `flatten` or `linear` the tensor is a vector, which has no height and width to slide over.

        Move the layer before `flatten`, or use one that takes vectors.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            flatten
            conv 3x3, 16 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            flatten -> linear 10
        }
        """,
    ),
    Code(
        "E202",
        "window does not fit",
        """
        The kernel, with its dilation, is larger than the padded map, so there is no position at which it
        could be applied and the output would have size zero. Along each axis the output has

            floor((size + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1

        pixels (Dumoulin and Visin 2016). Usually too many strides or pools came before, or a network
        made for 224 x 224 is given small images. Pad more, use a smaller kernel, or drop a stride.
        """,
        bad="""
        network t {
            input 3 x 4 x 4
            conv 5x5, 16, pad=0 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 4 x 4
            conv 5x5, 16, pad=2 -> relu
        }
        """,
    ),
    Code(
        "E203",
        "merge inputs differ in shape",
        """
        `add`, `mul` and `mean` combine tensors element by element, so all branches must have the same
        shape (`mul` also takes a C x 1 x 1 gate); `concat` joins channels, so heights and widths must
        agree. A `residual` is an `add` of its input and its body.

        Both ends are shown. Change the filters or the stride of one branch, or give the residual a
        shortcut that changes shape: `shortcut=projection` inserts a 1x1 conv and a bn with the right
        filters and stride (He et al. 2015, option B), `shortcut=zero_pad` adds channels of zeros (option A).
        """,
        bad="""
        network t {
            input 64 x 56 x 56
            residual {
                conv 3x3, 64  -> bn -> relu
                conv 1x1, 256 -> bn
            }
            relu
        }
        """,
        good="""
        network t {
            input 64 x 56 x 56
            residual shortcut=projection {
                conv 3x3, 64  -> bn -> relu
                conv 1x1, 256 -> bn
            }
            relu
        }
        """,
    ),
    Code(
        "E204",
        "groups do not divide the channels or filters",
        """
        A grouped convolution splits its input channels and its filters into `groups` equal parts and
        connects part with part, so `groups` must divide both numbers.

        The help names values that do. `depthwise` is the case of one group per channel.
        """,
        bad="""
        network t {
            input 64 x 32 x 32
            conv 3x3, 128, groups=3 -> relu
        }
        """,
        good="""
        network t {
            input 64 x 32 x 32
            conv 3x3, 128, groups=4 -> relu
        }
        """,
    ),
    Code(
        "E205",
        "stated shape is not the shape",
        """
        `: 64 x 112 x 112` after a statement claims its output shape, usually as printed in the paper's
        table. The shape that follows from the layers is another one.

        Either the claim is copied wrongly, or a stride, a pad or the number of filters above it differs
        from the paper. Shapes are channels x height x width, without the batch.
        """,
        bad="""
        network t {
            input 3 x 224 x 224
            conv 7x7, 64, /2 -> bn -> relu                         : 64 x 224 x 224
        }
        """,
        good="""
        network t {
            input 3 x 224 x 224
            conv 7x7, 64, /2 -> bn -> relu                         : 64 x 112 x 112
        }
        """,
    ),
    Code(
        "E206",
        "channel count does not suit the layer",
        """
        Some layers part the channels into equal groups (`channel_shuffle`, `group_norm`, `split`) or take a
        range of them (`channel_slice`), and the number of channels that arrives does not allow it.

        Choose a number of groups that divides the channels, or a range within them.
        """,
        bad="""
        network t {
            input 16 x 32 x 32
            channel_shuffle 3
            conv 3x3, 16 -> relu
        }
        """,
        good="""
        network t {
            input 16 x 32 x 32
            channel_shuffle 4
            conv 3x3, 16 -> relu
        }
        """,
    ),
    Code(
        "E208",
        "a layer before `input`",
        """
        Layers apply to the current tensor, and before `input` there is none.

        State the shape of one sample first, channels x height x width; the batch is left out.
        """,
        bad="""
        network t {
            conv 3x3, 16 -> relu
            input 3 x 32 x 32
            conv 3x3, 32 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            conv 3x3, 32 -> relu
        }
        """,
    ),
    Code(
        "E209",
        "a bundle where one tensor is needed, or the reverse",
        """
        `group`, `split` and `each` give a bundle: several tensors that flow on together. A layer works on
        one tensor, and `each`, `in[0]` and `len(in)` on a bundle.

        Take one tensor of the bundle with `from in[0]`, run the layer on all of them with `each { ... }`,
        or make one tensor of them: `concat`, `add`, `mul` and `mean` without braces merge a bundle. What is
        to stay apart after a merge is written with `group` instead of `concat`.
        """,
        bad="""
        network t {
            input 64 x 56 x 56
            split 2
            conv 3x3, 32 -> relu
            concat
        }
        """,
        good="""
        network t {
            input 64 x 56 x 56
            split 2
            each { conv 3x3, 32 -> relu }
            concat
        }
        """,
    ),
    Code(
        "E210",
        "a list does not go with a bundle",
        """
        `each width in widths` gives each tensor of the bundle one item of the list, so there must be as many
        of one as of the other.

        The bundle has as many tensors as the `group` had branches or the `split` parts. `len(in)` is their
        number, and a slice takes some of a list: `each width in widths[:len(in)]`.
        """,
        bad="""
        network t {
            input 64 x 56 x 56
            group { | conv 3x3, 32 -> relu | conv 3x3, 64, /2 -> relu }
            each width in [32, 64, 128] { conv 3x3, width -> relu }
        }
        """,
        good="""
        network t {
            input 64 x 56 x 56
            group { | conv 3x3, 32 -> relu | conv 3x3, 64, /2 -> relu | conv 5x5, 128, /4 -> relu }
            each width in [32, 64, 128] { conv 3x3, width -> relu }
        }
        """,
    ),
    Code(
        "E211",
        "weights that do not fit a second time",
        """
        `again NAME` applies layers once more with the weights that they have. A convolution's weights are made for so
        many channels, a linear layer's for so many features, and another number comes here.

        Bring the tensor to the same channels first, with a 1x1 convolution of its own, or call the block anew, which
        gives it other weights.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> bn -> relu as tower
            again tower
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 1x1, 16 -> relu
            conv 3x3, 16 -> bn -> relu as tower
            again tower
        }
        """,
    ),
)
