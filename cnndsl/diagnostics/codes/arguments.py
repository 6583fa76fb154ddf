"""E304 to E308 and E312 to E315: arguments that a layer or block does not take."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

ARGUMENTS = (
    Code(
        "E304",
        "unknown keyword argument",
        """
        The layer or block has no argument of this name. Names are the language's, not PyTorch's: `pad`, not
        `padding`; the stride is written `/2`.

        `cnndsl ops conv` shows what a layer takes; what a block takes stands in its definition.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, padding=1 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, pad=1 -> relu
        }
        """,
    ),
    Code(
        "E305",
        "missing argument",
        """
        An argument without a default is not given. The order of a convolution's arguments is kernel, then
        filters (its output channels); input channels are never written, they are known.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
        }
        """,
    ),
    Code(
        "E306",
        "too many positional arguments",
        """
        Only a layer's main arguments are given by position: of a convolution kernel and filters, of a pool
        the kernel. The rest is named, so that no reader has to count: `/2` for the stride, `pad=1`,
        `dilation=2`, `groups=32`.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, 2 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, /2 -> relu
        }
        """,
    ),
    Code(
        "E307",
        "wrong type",
        """
        The value is of a type that cannot stand here: a number where a size is needed, a string for a
        number, `0` for `false`. Types are int, float, bool, string, size, list and block; the only silent
        conversions are of an integer to a float, of a whole float to an integer, and of an integer to a
        square size.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, bias=0 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, bias=false -> relu
        }
        """,
    ),
    Code(
        "E308",
        "value out of range",
        """
        The type is right, the value cannot work: a kernel, a stride or a number of filters below 1, a
        negative pad, a probability outside 0 to 1. Probabilities are those of dropping, and fractions, not
        percentages.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            flatten -> linear 64 -> relu -> dropout 50
            linear 10
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            flatten -> linear 64 -> relu -> dropout 0.5
            linear 10
        }
        """,
    ),
    Code(
        "E312",
        "argument given twice",
        """
        One argument has two values in the same call. `/2` is `stride=2`, and a positional argument is the
        same as the keyword of its place. Keep one.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, /2, stride=2 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16, /2 -> relu
        }
        """,
    ),
    Code(
        "E313",
        "cannot compute",
        """
        The expression has no value: a division by zero, an index past the end of a list, operands that the
        operator does not take, a power too large to write down. Lists count from 0, as in Python.

        The values of the names involved are shown, and the calls and rounds that led there.
        """,
        bad="""
        network t(depths = [2, 3]) {
            input 3 x 32 x 32
            repeat depths[1] { conv 3x3, 16 -> relu }
            repeat depths[2] { conv 3x3, 32 -> relu }
        }
        """,
        good="""
        network t(depths = [2, 3]) {
            input 3 x 32 x 32
            repeat depths[0] { conv 3x3, 16 -> relu }
            repeat depths[1] { conv 3x3, 32 -> relu }
        }
        """,
    ),
    Code(
        "E314",
        "even kernel without `pad`",
        """
        A convolution pads by half its kernel on all sides unless told otherwise. An even kernel has no
        middle: half of it on both sides makes the map one pixel larger, and frameworks differ in what they
        do about it. So the pad must be written.

        Patches and downsampling want `pad=0`; to keep the size, pad one side more: `pad=[0, 1, 0, 1]`
        (top, bottom, left, right).
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 2x2, 16, /2 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 2x2, 16, /2, pad=0 -> relu
        }
        """,
    ),
    Code(
        "E315",
        "pool without a stride",
        """
        Frameworks disagree about a pool's default stride: some take 1, some the kernel. Papers use both, so
        it must be written: `maxpool 2x2, /2` halves the map, `maxpool 3x3, /1, pad=1` keeps its size.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            maxpool 2x2
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            maxpool 2x2, /2
        }
        """,
    ),
)
