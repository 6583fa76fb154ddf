"""Repairs for syntax errors: what people bring along from other languages, and how it is said here.

Each rule looks at the situation and knows one mistake; the first that recognises its own gives the hint.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cnndsl.diagnostics import Fix
from cnndsl.diagnostics.suggest import closest, meant
from cnndsl.syntax.layout import end_of
from cnndsl.syntax.repairs import inserted, joined_by_x, replaced, without_parentheses
from cnndsl.syntax.situation import Situation
from cnndsl.syntax.tokens import Token

Remedy: TypeAlias = str | Fix  # advice, or what a program can do

CHARACTERS = {
    ";": "statements stand on lines of their own; `->` joins layers",
    "&": "`and` joins conditions",
    "!": "`not` negates a condition, and `!=` compares",
    "?": "`a if condition else b` chooses between two values",
    "^": "`**` is the power",
    "@": "there are no matrices here; `*` multiplies numbers",
    "$": "a name is written without `$`",
    "'": 'strings stand in double quotes: `"text"`',
    "`": 'strings stand in double quotes: `"text"`',
    "\\": "a line goes on after `->`, `,` or an open bracket; it needs no `\\`",
    '"': 'a string ends with `"` on its line; in it, write \\" \\\\ \\n or \\t',
    "×": "a size is written with the letter `x`: `3x3`",
    "→": "layers are joined by `->`",
    "⇒": "layers are joined by `->`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "≈": "write `~`",
    "÷": "write `/`",
    **dict.fromkeys("“”„‟«»‘’‚", 'quotes are straight: `"`'),
    **dict.fromkeys("‐‑‒–—―−", "minus is the plain `-`"),
    **dict.fromkeys("·⋅∙•∗", "write `*`"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\xad", "it is invisible: delete it"),
}
DEFINITIONS = ("block", "network", "use", "arch")
_DEFINITIONS = {
    "def": "a block is defined by `block {name}(PARAMETERS) { ... }`",
    "fn": "a block is defined by `block {name}(PARAMETERS) { ... }`",
    "function": "a block is defined by `block {name}(PARAMETERS) { ... }`",
    "class": "a network is defined by `network {name} { ... }`, a block by `block {name}(PARAMETERS) { ... }`",
    "model": "a network is defined by `network {name} { ... }`",
    "import": 'blocks of other files come in with `use NAME from "file.arch"`',
    "include": 'blocks of other files come in with `use NAME from "file.arch"`',
    "from": 'the names come first: `use NAME from std`, `use NAME from "file.arch"`',
}
_MERGES = ("concat", "add", "mul", "mean")
# Those of `cnndsl.elaborate.functions`.
FUNCTIONS = (
    *("len", "sum", "min", "max", "range", "enumerate", "zip", "sorted", "index"),
    *("round", "ceil", "floor", "int", "abs", "sqrt", "log2", "exp"),
)
_SHAPE = "the numbers of a shape are joined by `x`: `64 x 56 x 56`"
_HASH = "comments begin with `#`"
_DIGITS = "a number has digits on both sides of its point"
_CONDITIONS = ("IF", "REQUIRE", "EXPECT")
_BEFORE_COMMAND = ("_NL", "LBRACE", "_ARROW", "BAR")


def looks_like_definition(token: Token) -> bool:
    """Whether a line that begins like this was meant to define something."""
    return str(token) in _DEFINITIONS or (token.type == "NAME" and _misspelt(token) is not None)


def _misspelt(token: Token) -> str | None:
    return closest(str(token), DEFINITIONS)


def repair_for(situation: Situation) -> Remedy | None:
    """The fix or hint of the first rule that recognises the mistake."""
    return next((hint for rule in _RULES if (hint := rule(situation))), None)


def _called(s: Situation) -> Remedy | None:
    """`conv(3x3, 64)`"""
    if not s.layout.open or s.layout.open[-1].type != "LPAR":
        return None
    words = s.words
    at = next((i for i, word in enumerate(words) if word is s.layout.open[-1]), 0)
    before = words[at - 2].type if at >= 2 else "_NL"
    if at >= 1 and words[at - 1].type == "NAME" and before in _BEFORE_COMMAND and not s.outside:
        name = words[at - 1]
        if name in _MERGES:
            return f"branches stand in braces: `{name} {{ | from a | from b }}`"
        if name in FUNCTIONS or _is_defined(s, name):
            return f"`{name}(...)` is a value, and a layer stands here: `let n = {name}(...)` binds it"
        return without_parentheses(s, "a layer's arguments stand behind its name, without parentheses", words[at])
    return None


def _is_defined(s: Situation, name: Token) -> bool:
    """Whether the file has a `let name(...)`."""
    tokens = s.layout.tokens
    heads = zip(tokens, tokens[1:], tokens[2:], strict=False)
    return any((let.type, name_, open_.type) == ("LET", name, "LPAR") for let, name_, open_ in heads)


def _definition(s: Situation) -> Remedy | None:
    """Words at the beginning of a line outside all braces."""
    if not s.outside or "NETWORK" not in s.accepted or s.token is None:
        return None
    if s.found == "ARCH":
        return f"`arch {' '.join(s.layout.following(2)[1:])}` stands once, before all else"
    if s.token in _DEFINITIONS:
        names = [str(word) for word in s.layout.following(2)[1:] if word.type == "NAME"]
        return _DEFINITIONS[s.token].replace("{name}", names[0] if names else "NAME")
    if s.found == "NAME" and (fixes := meant(s.word, DEFINITIONS)):
        return fixes[0]
    return "layers stand in the braces of a network: `network NAME { ... }`"


def _parameters(s: Situation) -> Remedy | None:
    """`network { ... }`, `network t(input) { ... }`"""
    words = s.words
    if s.found == "LBRACE" and s.first == "NETWORK" and len(words) == 1:
        return "every network has a name: `network NAME { ... }`"
    if s.found == "INPUT" and s.first == "NETWORK":
        return "an input is stated in the braces: `input 3 x 224 x 224` (channels x height x width)"
    return None


def _body(s: Situation) -> str | None:
    """`for i in range(3):`, and `repeat 3:`"""
    if s.found == "_COLON" and "LBRACE" in s.accepted:
        return "bodies stand in braces: `{ ... }`, without `:`"
    if s.previous is not None and s.previous.type == "_COLON" and (s.found == "LBRACE" or s.line_ended):
        return "`:` states a shape; bodies stand in braces: `{ ... }`"
    return "the body follows in braces: `{ ... }`" if s.accepted == {"LBRACE"} else None


def _counter(s: Situation) -> str | None:
    """`for (int i = 0; ...)`, `for i = 1 to 3`"""
    if s.first == "FOR" and s.found in ("LPAR", "_EQUAL"):
        return "loops go over lists: `for i in range(3) { ... }` counts from 0"
    return None


def _section(s: Situation) -> str | None:
    """`[convolutional]`, as Darknet has it"""
    if s.found == "LSQB" and not s.words and "FROM" in s.accepted:
        return "a layer is its name and what it takes, on one line: `conv 3x3, 64`"
    return None


def _elsewhere(s: Situation) -> str | None:
    """`shortcut from=-3`, `route from -1`: layers by their number."""
    if s.first == "NAME" and s.found == "FROM" and len(s.words) == 1:
        return "a tensor is labelled `as NAME` and read by `from NAME`; `residual { ... }` adds what flows in"
    return None


def _thousands(s: Situation) -> str | None:
    """`1,024`"""
    digits = [str(word) for word in s.layout.following(2)[1:] if word.type == "NUMBER" and len(word) == 3]
    if (
        s.found == "_COMMA"
        and s.first == "EXPECT"
        and s.previous is not None
        and s.previous.type == "NUMBER"
        and digits
    ):
        return f"digits are grouped by `_`: `{s.previous}_{digits[0]}`"
    return None


def _form(s: Situation) -> str | None:
    """A statement that lacks its second half."""
    if s.first == "LET" and "_EQUAL" in s.accepted:
        return "the form is `let NAME = VALUE`"
    if {"IN", "_COMMA"} <= s.accepted and any(word.type == "EACH" for word in s.words):
        return "the form is `each { ... }`, or `each i, width in widths { ... }`"
    return "the form is `arch 1`" if s.first == "ARCH" and s.accepted == {"NUMBER"} else None


def _equal(s: Situation) -> Remedy | None:
    if s.found != "_EQUAL":
        return None
    if len(s.words) == 1 and s.first == "NAME":
        return f"`... as {s.words[0]}` names a tensor, `let {s.words[0]} = ...` a value, once"
    title = "`==` compares; `=` only gives a value to an argument, a default or a `let`"
    return replaced(title, s.word, "==") if s.first in _CONDITIONS else title


def _else(s: Situation) -> Remedy | None:
    if s.token == "elif":
        return replaced("write `else if`", s.word, "else if")
    if s.found == "_ELSE":
        return "`else` follows the `}` of an `if`, or the condition of `a if condition else b`"
    return None


def _shape(s: Situation) -> Remedy | None:
    """`input 3, 32, 32`"""
    types = [word.type for word in s.words]
    stated = s.first == "INPUT" or ("_COLON" in types and s.layout.open[-1:] != ["("])
    fits = stated and s.found in ("_COMMA", "NUMBER", "TIMES") and types[-1] == "NUMBER"
    return joined_by_x(s, _SHAPE) if fits else None


def _comment(s: Situation) -> Remedy | None:
    """`// text`, `relu  // text`, `/* text`"""
    slashes = any(word.type == "FLOOR_DIVIDE" for word in s.words)
    starred = s.found == "SLASH" and s.after()[:1] in (["TIMES"], ["POWER"])
    if s.found == "FLOOR_DIVIDE":
        return replaced(_HASH, s.word, "#")
    return _HASH if starred or (slashes and s.found in ("NAME", "_NL")) else None


def _or(s: Situation) -> Remedy | None:
    """`a || b`, `a | b`"""
    if s.found != "BAR" or s.first not in (*_CONDITIONS, "LET"):
        return None
    twice = s.source.text[s.word.end : s.word.end + 1] == "|"
    return replaced("`or` joins conditions", s.source.span(s.word.start, s.word.end + twice), "or")


def _point(s: Situation) -> Remedy | None:
    """`.5`, `5.`"""
    words = s.words
    if s.found != "NUMBER" and [word.type for word in words[-2:]] == ["NUMBER", "DOT"]:
        return inserted(f"{_DIGITS}: `{words[-2]}.0`", s.source, end_of(words[-1]), "0")
    if s.found != "DOT":
        return None
    if s.previous is not None and s.previous.type == "NUMBER" and "." not in s.previous:
        return inserted(f"{_DIGITS}: `{s.previous}.0`", s.source, s.word.end, "0")
    digits = [word for word in s.layout.following(2)[1:] if word.type == "NUMBER"]
    return inserted(f"{_DIGITS}: `0.{digits[0]}`", s.source, s.word.start, "0") if digits else None


def _percent(s: Situation) -> str | None:
    """`50%`"""
    if s.previous is not None and s.previous.type == "MODULO":
        return "`%` is the remainder of a division; a share is a fraction such as `0.5`"
    return None


def _exponent(s: Situation) -> str | None:
    return "`**` takes one exponent: `2 ** (3 ** 2)`" if s.found == "POWER" else None


def _comprehension(s: Situation) -> str | None:
    """`sum(w for w in widths)`, `[w x v for w in widths for v in heights]`"""
    if s.found != "FOR" or not s.layout.open or s.layout.open[-1].type == "LBRACE":
        return None
    if s.layout.open[-1].type == "LPAR":
        return "a list of values stands in brackets: `sum([2 * w for w in widths])`"
    return "a list has one `for`, at its end: `[2 * w for w in widths if w > 8]`"


def _reserved(s: Situation) -> str | None:
    """A word of the language as a name."""
    if s.found == "_AS" and s.line_ended:
        return "a label ends a statement; what flows here is named by `identity as NAME`"
    if "NAME" in s.accepted and str(s.token).isidentifier() and s.found != "NAME":
        return f"`{s.token}` is a word of the language and cannot be a name"
    return None


def _separator(s: Situation) -> Remedy | None:
    if s.found not in ("NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "IN", "LSQB"):
        return None
    if s.previous is not None and s.previous.type == "RBRACE":
        return "a statement begins on a new line, or follows `->`"
    if "_COMMA" in s.accepted and "_ARROW" in s.accepted and s.found == "NAME" and s.after()[:1] != ["_EQUAL"]:
        return "arguments are separated by `,`, layers joined by `->`"
    if "_COMMA" not in s.accepted or s.previous is None:
        return None
    return inserted("arguments are separated by `,`", s.source, end_of(s.previous), ",")


def _too_many_lines(s: Situation) -> str | None:
    """Something whole, and then more on the same line."""
    return "a statement ends with its line" if "_NL" in s.accepted and not s.line_ended else None


_RULES: tuple[Callable[[Situation], Remedy | None], ...] = (
    _called,
    _definition,
    _parameters,
    _counter,
    _section,
    _elsewhere,
    _thousands,
    _or,
    _body,
    _form,
    _equal,
    _else,
    _shape,
    _comment,
    _point,
    _percent,
    _exponent,
    _comprehension,
    _reserved,
    _separator,
    _too_many_lines,
)
