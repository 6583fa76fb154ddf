"""E4: claims that do not hold."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

CLAIMS = (
    Code(
        "E401",
        "`expect` does not hold",
        """
        The file claims a number about the network, and the network has another. Both are shown.

        `==` is exact, `~` holds when the value rounds to what is written (`~ 0.4K`). Common reasons: biases
        that the paper does not count; a multiply-accumulate counted as two operations; `depth`, which
        is the longest path through layers with weights, not their number.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            expect params == 432                                   # without the 16 biases
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            expect params == 448                                   # 3 * 3 * 3 * 16 + 16
        }
        """,
    ),
    Code(
        "E402",
        "`require` does not hold",
        """
        A block states with `require` which arguments make sense, and this call breaks that statement. The
        block's own message, if it has one, is shown; the finding leads to the call.

        Change the argument at the call. If the block can work with it after all, relax its `require`.
        """,
        bad="""
        block cell(filters) {
            require filters % 8 == 0, "filters must be a multiple of 8"
            conv 3x3, filters -> bn -> relu
        }

        network t {
            input 3 x 32 x 32
            cell 12
        }
        """,
        good="""
        block cell(filters) {
            require filters % 8 == 0, "filters must be a multiple of 8"
            conv 3x3, filters -> bn -> relu
        }

        network t {
            input 3 x 32 x 32
            cell 16
        }
        """,
    ),
    Code(
        "E403",
        "a claim that cannot be decided",
        """
        The claim has no answer as it is written. `~` compares a value with a written number, and the
        digits of that number say how far to round, so a name or a calculation cannot stand on its right.

        Write the number out (`~ 0.45K`), or use `==`, `<` or `<=` with the expression.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            expect params ~ 3 * 150
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            expect params ~ 0.45K
        }
        """,
    ),
)
