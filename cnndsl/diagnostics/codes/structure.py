"""E316, E317 and E319: statements and braces in the wrong place, or with nothing in them."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

STRUCTURE = (
    Code(
        "E316",
        "statement not allowed here",
        """
        A branch (`| ...`) belongs in a merge, so that the kind of merge is never in doubt: `concat`, `add`,
        `mul` or `mean`. In a merge there are only branches, and `for`, `repeat` and `if` that give
        branches. `input`, `expect` and `head` belong to a network; a block is a piece of any network, so it
        cannot say them.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            | conv 1x1, 16 -> relu
            | conv 3x3, 16 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            concat {
                | conv 1x1, 16 -> relu
                | conv 3x3, 16 -> relu
            }
        }
        """,
    ),
    Code(
        "E317",
        "a body is missing or not taken",
        """
        Structures (`residual`, `repeat`, `stage`, `dense`) work on the layers in their braces, and without
        braces they have nothing to work on; so do merges, unless a bundle comes. Layers and blocks take
        arguments only: what is in braces after them would be lost.

        Put the layers that belong to it in `{ }`, on the same line as its name.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            repeat 3
            conv 3x3, 16 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            repeat 3 { conv 3x3, 16 -> relu }
        }
        """,
    ),
    Code(
        "E319",
        "empty: something has no content",
        """
        A network needs an `input` and at least one layer, a merge at least two branches. A merge of one
        branch does nothing; usually the other one is the input itself, which is written `| identity`.

        Branches may come from loops, so the number counts that is there after the loops have run.
        """,
        bad="""
        network t {
            input 16 x 32 x 32
            add {
                | conv 3x3, 16 -> bn
            }
            relu
        }
        """,
        good="""
        network t {
            input 16 x 32 x 32
            add {
                | conv 3x3, 16 -> bn
                | identity
            }
            relu
        }
        """,
    ),
    Code(
        "E320",
        "nothing to be applied again",
        """
        `again NAME` applies what the label names: a layer, a block call, a stage, a branch, or a chain. This label
        stands on an input, or on a tensor that was only read with `from`, and names no layers.

        Label the layers where they are applied first: `tower 256 as t`, then `again t`.
        """,
        bad="""
        network t {
            input 3 x 32 x 32 as image
            conv 3x3, 16 -> relu
            again image
        }
        """,
        good="""
        network t {
            input 16 x 32 x 32 as image
            conv 3x3, 16 -> relu as c
            again c
        }
        """,
    ),
)
