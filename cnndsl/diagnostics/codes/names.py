"""E301 to E303, E309 to E311 and E318: names that lead nowhere, or to two things."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

NAMES = (
    Code(
        "E301",
        "unknown layer or block",
        """
        A command begins with the name of a layer, of a block in this file, of an imported block, or of a
        parameter of type `block`. This name is none of them.

        `cnndsl ops` lists the layers. Blocks of other files come in with `use NAME from "file.arch"`, shipped
        ones with `use NAME from std`.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conf 3x3, 16 -> relu
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
        "E302",
        "unknown name in an expression",
        """
        An expression sees the parameters of its own block or network, what `let` and `for` around it bind, the
        `let`s at the top of the file, and the built-in functions. Inside a block the names of the network that
        calls it are not seen, and a function sees only what is bound before it.

        Make it a parameter, if it should differ between calls, or bind it with `let`.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            global_avgpool -> linear classes
        }
        """,
        good="""
        network t(classes = 10) {
            input 3 x 32 x 32
            global_avgpool -> linear classes
        }
        """,
    ),
    Code(
        "E303",
        "unknown label in `from`",
        """
        `from NAME` reads a tensor that was labelled `as NAME` further up. There is no such label, or it is
        given only further down, or inside a block, whose labels are its own.

        Of labels that are numbered (`as c[i]`), the message lists those that are there.

        Label the tensor where it is made: `conv 3x3, 64 -> relu as enc1`.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu as skip
            conv 3x3, 16 -> relu
            concat { | identity | from skipp }
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu as skip
            conv 3x3, 16 -> relu
            concat { | identity | from skip }
        }
        """,
    ),
    Code(
        "E309",
        "defined twice",
        """
        Two blocks, networks, parameters, labels or `let`s of one scope have the same name, so a reader
        could not tell which is meant. There are no variables that change: `let` binds once.

        Rename one of the two.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            let width = 16
            conv 3x3, width -> relu
            let width = 32
            conv 3x3, width -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            let width = 16
            conv 3x3, width -> relu
            let wider = 32
            conv 3x3, wider -> relu
        }
        """,
    ),
    Code(
        "E310",
        "a block or function that calls itself",
        """
        A block is written out where it is called, so one that calls itself, directly or through others,
        would never end. The message shows the cycle. A function sees what is bound before it, and so not itself.

        Use `repeat n { ... }` for the same layers again, `for` for layers that change from round to round,
        and `fractal` for the recursive rule of FractalNet. A list of values is `[f(i) for i in range(n)]`.
        """,
        bad="""
        block deeper(filters) {
            conv 3x3, filters -> bn -> relu
            deeper filters
        }

        network t {
            input 3 x 32 x 32
            deeper 16
        }
        """,
        good="""
        block deeper(filters, depth) {
            repeat depth { conv 3x3, filters -> bn -> relu }
        }

        network t {
            input 3 x 32 x 32
            deeper 16, 3
        }
        """,
    ),
    Code(
        "E311",
        "`use` cannot be satisfied",
        """
        The file does not exist, cannot be read or is not called `.arch`, it has no block or `let` of that name, or
        files use each other in a circle or too deep. Paths are relative to the file that says `use`; `std` are those
        that ship with cnndsl.

        Networks cannot be imported. Correct the name or the path, or define the block here.
        """,
        bad="""
        use missing from std

        network t {
            input 3 x 32 x 32
            missing 16
        }
        """,
        good="""
        block missing(filters) {
            conv 3x3, filters -> bn -> relu
        }

        network t {
            input 3 x 32 x 32
            missing 16
        }
        """,
    ),
    Code(
        "E318",
        "variant of an unknown network",
        """
        `network a = b(...)` makes `a` from the network `b` with other arguments, and this file has no network
        `b`. Variants are made of networks, not of blocks.

        Correct the name, or write the network out in braces.
        """,
        bad="""
        network plain(depth = 2) {
            input 3 x 32 x 32
            repeat depth { conv 3x3, 16 -> relu }
        }

        network plain8 = plane(depth = 8)
        """,
        good="""
        network plain(depth = 2) {
            input 3 x 32 x 32
            repeat depth { conv 3x3, 16 -> relu }
        }

        network plain8 = plain(depth = 8)
        """,
    ),
)
