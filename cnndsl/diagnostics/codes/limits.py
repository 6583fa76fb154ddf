"""E5: networks beyond what the checker is willing to build."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

LIMITS = (
    Code(
        "E501",
        "the network is too large",
        """
        Loops and blocks are written out when a file is checked, and this one gives more layers, or takes
        more steps, than the limit allows. The limit makes sure that a check always ends.

        Usually a count is wrong (`**` for `*`), or loops in blocks in loops multiply. A network that
        really is this large can be checked with a higher limit, `--max-nodes`.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            repeat 10 ** 9 { relu }
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            repeat 9 { conv 3x3, 16 -> relu }
        }
        """,
    ),
)
