"""W7: what papers would advise, found by `cnndsl.analysis.lint.advice` where it is asked for."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

ADVICE = (
    Code(
        "W701",
        "head that sees less than the picture",
        """
        A pixel of the map that a network decides by has a receptive field, and what lies outside of it does not
        count. The accuracy of ImageNet's networks grows with the logarithm of the field, with diminishing returns
        (Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks"). What counts is
        smaller still: a bell around the centre that takes a fraction of the field's area (Luo et al. 2016,
        "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks").

        Layers, strides and dilation make it larger. A mean over small fields can be what is wanted, as for textures
        (Brendel and Bethge 2019). It is looked at before a pool of the whole map and at maps that are outputs.
        """,
        bad="""
        network t {
            input 3 x 64 x 64
            conv 3x3, 16 -> relu -> maxpool 2x2, /2
            conv 3x3, 32 -> relu
            global_avgpool -> linear 10
        }
        """,
        good="""
        network t {
            input 3 x 64 x 64
            conv 7x7, 16, /4 -> relu -> maxpool 2x2, /2
            conv 3x3, 32, /2 -> relu -> conv 3x3, 32 -> relu -> conv 3x3, 32 -> relu
            global_avgpool -> linear 10
        }
        """,
    ),
    Code(
        "W702",
        "layer with most of the parameters",
        """
        A linear layer on a map has a weight for each of its values: the first one of VGG-16 holds 102,764,544 of
        138,357,544 parameters and does 0.7 % of the work. A mean over the map before it leaves one weight for each
        channel, needs no dropout, and takes pictures of any size (Lin, Chen and Yan 2014, "Network In Network",
        section 3.2); GoogLeNet and all networks after it do so.

        It is told of a layer with more than half of the parameters.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu -> maxpool 2x2, /2 -> conv 3x3, 32 -> relu -> maxpool 2x2, /2
            flatten -> linear 128 -> relu -> linear 10
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu -> maxpool 2x2, /2 -> conv 3x3, 32 -> relu -> maxpool 2x2, /2
            global_avgpool -> linear 128 -> relu -> linear 10
        }
        """,
    ),
    Code(
        "W703",
        "large kernel on many channels",
        """
        The cost of a kernel is the product of the channels on both of its sides. A 1x1 before it that makes the map
        narrow costs a ninth or a twenty-fifth a channel, and saves more than that (Szegedy et al. 2015, "Going
        Deeper with Convolutions", section 4, after Lin et al. 2014; the bottleneck of He et al. 2016, figure 5). An
        Inception module on 28 x 28 x 256 with 128, 192 and 96 filters takes 854M MACs, and 271M with 1x1 reductions
        to 64.

        It is told of kernels of 3x3 and more on at least 256 channels that no 1x1 has made, with what a quarter of
        the channels would take. VGG does without, on purpose: its argument is depth.
        """,
        bad="""
        network t {
            input 256 x 28 x 28
            conv 5x5, 96 -> relu
        }
        """,
        good="""
        network t {
            input 256 x 28 x 28
            conv 1x1, 64 -> relu -> conv 5x5, 96 -> relu
        }
        """,
    ),
    Code(
        "W704",
        "channels that only grow",
        """
        A `concat` that hands on all that comes in, as it is or pooled, has more channels than its input, and the next
        one more again: "an inevitable increase in the number of outputs from stage to stage" (Szegedy et al. 2015,
        section 4), for which their modules have a 1x1 behind the pool. DenseNet grows on purpose and compresses
        between its blocks, by a 1x1 with half the channels (Huang et al. 2017, section 3, DenseNet-BC).

        It is told of several such concats in a row with nothing narrower and no head behind them.
        """,
        bad="""
        block module() {
            concat { | conv 1x1, 32 -> relu | maxpool 3x3, /1, pad=1 }
        }

        network t {
            input 64 x 28 x 28
            repeat 3 { module }
            conv 3x3, 256, /2 -> relu
        }
        """,
        good="""
        block module() {
            concat { | conv 1x1, 32 -> relu | maxpool 3x3, /1, pad=1 -> conv 1x1, 32 -> relu }
        }

        network t {
            input 64 x 28 x 28
            repeat 3 { module }
            conv 3x3, 256, /2 -> relu
        }
        """,
    ),
    Code(
        "W705",
        "width that tensor cores pad",
        """
        Tensor cores multiply blocks of eight or more values in half precision, and what does not fill a block is
        computed all the same (NVIDIA 2023, "Matrix Multiplication Background User's Guide", section on tensor core
        requirements). Networks that were made for devices round their widths to multiples of eight, as MobileNetV2's
        `make_divisible` does (Sandler et al. 2018); `std` has it.

        Outputs, whose width is the task's, and gates are left alone.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 30 -> relu -> conv 3x3, 32 -> relu
            global_avgpool -> linear 10
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 32 -> relu -> conv 3x3, 32 -> relu
            global_avgpool -> linear 10
        }
        """,
    ),
)
