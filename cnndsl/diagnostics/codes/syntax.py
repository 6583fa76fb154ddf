"""E1: text that is not in the form of the language."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

_DEEP = 70  # more brackets than the parser opens at once

SYNTAX = (
    Code(
        "E101",
        "unexpected text",
        """
        The text up to here is fine, and what follows cannot continue it. The message says what could
        stand there instead.

        A layer is written as a command: its name, then its arguments separated by commas, without
        parentheses around them. Layers are joined by `->` or by a new line. The checker leaves out the
        broken statement and goes on at the next one, so other mistakes are reported in the same run.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3 16 -> relu
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
        "E102",
        "unknown character or unclosed string",
        """
        This character means nothing outside a comment or a string, or a string that begins here does not
        end on its line.

        Text copied from a paper often brings such characters along: a size is written with the letter x
        (`3x3`), not with the multiplication sign; quotes are straight (`"`); minus is `-`, not a dash.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3×3, 16 -> relu
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
        "E103",
        "unclosed or unmatched bracket",
        """
        A `(`, `[` or `{` is never closed, or a closing bracket does not belong to the one opened last.

        An unclosed `{` is reported where it was opened. The brace that is really missing may be further
        down, at the end of the first block whose indentation no longer fits; `cnndsl fmt` makes
        indentation follow the braces once the file can be read again.
        """,
        bad="""
        network t {
            input 16 x 32 x 32
            residual {
                conv 3x3, 16 -> bn
            relu
        }
        """,
        good="""
        network t {
            input 16 x 32 x 32
            residual {
                conv 3x3, 16 -> bn
            }
            relu
        }
        """,
    ),
    Code(
        "E104",
        "nested too deep",
        """
        More brackets are open at once than any network needs. The limit keeps a broken or hostile file
        from exhausting the checker.

        Structure that really is this deep is better written as blocks that use each other: each block
        starts counting anew.
        """,
        bad=f"""
        network t {{
            input 3 x 32 x 32
            flatten -> linear {"(" * _DEEP}10{")" * _DEEP}
        }}
        """,
        good="""
        network t {
            input 3 x 32 x 32
            flatten -> linear 10
        }
        """,
    ),
    Code(
        "E105",
        "language version not supported",
        """
        `arch N` on the first line says for which version of the language the file was written, and this
        cnndsl does not read that version.

        A file for a newer version needs a newer cnndsl. The line is optional; without it the file is
        read as the newest version this cnndsl knows.
        """,
        bad="""
        arch 2

        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
        }
        """,
        good="""
        arch 1

        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
        }
        """,
    ),
)
