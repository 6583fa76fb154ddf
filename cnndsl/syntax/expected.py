"""What the parser expected, in words. Names of terminals never reach a reader."""

from __future__ import annotations

from collections.abc import Set

from lark import Token

_SHOWN = {
    "_COMMA": "`,`",
    "_ARROW": "`->`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "_EQUAL": "`=`",
    "_COLON": "`:`",
    "FROM": "`from`",
    "IN": "`in`",
    "DOT": "`.`",
    "_ELSE": "`else`",
    "NUMBER": "a number",
    "STRING": "a file name in quotes",
    "_NL": "a new line",
    "$END": "the end of the file",
}
_ORDER = ["_EQUAL", "_COMMA", "_ARROW", "RPAR", "RSQB", "LBRACE", "RBRACE", "_COLON", "_NL", "IN", "FROM", "_ELSE"]
_ORDER += ["DOT", "LPAR", "STRING", "NUMBER", "$END"]


def describe_found(token: Token | None) -> str:
    """The token that stood there, as the reader sees it."""
    if token is None:
        return "the end of the file"
    if token.type == "_NL":
        return "the end of the line"
    return f"`{token}`"


def describe_expected(accepted: Set[str]) -> str:
    """One phrase for a set of acceptable terminals, the likeliest few first."""
    if "FLOOR_DIVIDE" in accepted:  # a value is complete here: only what may follow it is worth naming
        names = [name for name in _ORDER if name in accepted and name not in ("LPAR", "IN")]
        return _either(names)
    if "NOT" in accepted:
        return "a value such as 64, 3x3 or a name"
    if "BLOCK" in accepted and "NETWORK" in accepted:
        return "`block`, `network` or `use`"
    if "LET" in accepted:
        return "a layer or a statement"
    if "NAME" in accepted and "FROM" in accepted:
        return "a layer"
    if "NAME" in accepted:
        return "a name"
    return _either([name for name in _ORDER if name in accepted])


def _either(names: list[str]) -> str:
    words = [_SHOWN[name] for name in names[:4]]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else "something else"


def repair_for(previous: Token | None, token: Token | None, accepted: Set[str], *, called: bool) -> str | None:
    """A hint for mistakes that come from other languages, or None. `called`: inside `layer( ... )`."""
    if called:
        return "a layer's arguments stand without parentheses: `conv 3x3, 64`"
    if token is None:
        return None
    if token.type == "_EQUAL":
        return "`==` compares; `=` only names an argument, a default or a `let`"
    if token == "elif":
        return "write `else if`"
    if token.type in ("NUMBER", "SIZE", "NAME", "STRING") and "_COMMA" in accepted:
        return "arguments are separated by `,`"
    if "NAME" in accepted and str(token).isidentifier() and token.type != "NAME":
        return f"`{token}` is a word of the language and cannot be a name"
    return None
