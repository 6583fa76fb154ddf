"""What the parser expected and what it found, in words. Names of terminals never reach a reader."""

from __future__ import annotations

from collections.abc import Set

from cnndsl.syntax.situation import Situation

_SHOWN = {
    "_EQUAL": "`=`",
    "_COMMA": "`,`",
    "_ARROW": "`->`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "_NL": "a new line",
    "RBRACE": "`}`",
    "_COLON": "`:`",
    "IN": "`in`",
    "FROM": "`from`",
    "_ELSE": "`else`",
    "DOT": "`.`",
    "LPAR": "`(`",
    "STRING": "a file name in quotes",
    "NUMBER": "a number",
    "$END": "the end of the file",
}
_AFTER_A_STATEMENT = {"LBRACE", "RBRACE", "_COLON", "_ELSE", "LPAR", "$END"}  # not worth naming beside a new line
_MOST = 4


def describe_found(situation: Situation) -> str:
    """The token that stood there, as the reader sees it."""
    if situation.token is None:
        return "the end of the file"
    return "the end of the line" if situation.at_line_end else f"`{situation.token}`"


def describe_expected(accepted: Set[str]) -> str:
    """One phrase for a set of acceptable terminals, the likeliest few first."""
    if "FLOOR_DIVIDE" in accepted:  # a value is complete here: only what may follow it is worth naming
        return _either([name for name in _SHOWN if name in accepted and name not in ("LPAR", "IN", "DOT", "LSQB")])
    if "NUMBER" in accepted and "SIZE" in accepted:
        return "a value such as 64, 3x3 or a name"
    if "BLOCK" in accepted and "NETWORK" in accepted:
        return "`block`, `network`, `use` or `let`"
    if "LET" in accepted:
        return "a layer or a statement"
    if "NAME" in accepted and "FROM" in accepted:
        return "a layer"
    if "NAME" in accepted:
        return "a name"
    return _either([name for name in _SHOWN if name in accepted])


def _either(names: list[str]) -> str:
    if "_NL" in names:
        names = [name for name in names if name not in _AFTER_A_STATEMENT]
    words = [_SHOWN[name] for name in names[:_MOST]]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else "something else"
