"""What Lark makes of `grammars/arch.lark`, as plain data: how to cut text into tokens, and the LALR(1) tables.

The only importer of Lark. Making them takes longer than a check, so they are kept in the user's cache, beside the text
of the grammar that they were made from; nothing is taken from there that was made from another text.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from cnndsl.cache import cache_directory
from cnndsl.errors import OutputError
from cnndsl.shipped import shipped
from cnndsl.syntax.tokens import Lexer

if TYPE_CHECKING:
    from lark import Lark
    from lark.lexer import TerminalDef

_FORM = 1  # of what is kept
_SIGN = "SIGN"  # the group of all terminals that are fixed texts and no words


class Rule(NamedTuple):
    """A rule of the grammar: what it makes of the last `size` values.

    method  of the builder, which takes the children
    kept    the index of each child among the values, None for an optional part that is not there, and whether it is
            a list to take apart
    single  whether one child alone is the result
    """

    symbol: str
    method: str
    size: int
    kept: list[tuple[int | None, bool]]
    single: bool


class Tables(NamedTuple):
    """states: for each state, by symbol, the state to go to, or -1 - the number of the rule to apply."""

    lexer: Lexer
    states: list[dict[str, int]]
    rules: list[Rule]
    start: int
    end: int


@cache
def tables() -> Tables:
    grammar = (shipped("grammars") / "arch.lark").read_text(encoding="utf-8")
    directory = cache_directory()
    kept = directory / f"arch-{crc32(grammar.encode()):08x}.json" if directory else None
    data = _kept(kept, grammar) if kept else None
    if data is None:
        data = {"form": _FORM, "grammar": grammar, **_made(grammar)}
        if kept:
            _keep(kept, data)
    lexer = Lexer(re.compile(data["pattern"]), data["words"], frozenset(data["ignored"]))
    return Tables(lexer, data["states"], [Rule(*rule) for rule in data["rules"]], data["start"], data["end"])


def _kept(path: Path, grammar: str) -> dict[str, Any] | None:
    """The tables that were kept, if they are those of this grammar."""
    try:
        data = json.loads(path.read_bytes())
        return data if (data["form"], data["grammar"]) == (_FORM, grammar) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(path: Path, data: dict[str, Any]) -> None:
    """Write them for later runs; where that cannot be, they are made anew each time."""
    from cnndsl.files import write_file

    with suppress(OutputError):
        write_file(path, json.dumps(data))


# --- made by Lark


def _made(grammar: str) -> dict[str, Any]:
    from lark import Lark
    from lark.grammar import Rule as LarkRule
    from lark.lexer import TerminalDef

    lark = Lark(grammar, parser="lalr", lexer="basic", maybe_placeholders=True)
    data, memo = lark.memo_serialize([TerminalDef, LarkRule])
    table = data["parser"]["parser"]
    numbers = {id: number for number, id in enumerate(id for id, each in memo.items() if "expansion" in each)}
    symbols = table["tokens"]

    def states_as_numbers(actions: dict[int, tuple[int, Any]]) -> dict[str, int]:
        reduces = 1  # Lark's word for it; the other is a shift
        return {
            symbols[symbol]: -1 - numbers[to["@"]] if kind == reduces else to for symbol, (kind, to) in actions.items()
        }

    order = {state: number for number, state in enumerate(sorted(table["states"]))}
    assert all(state == number for state, number in order.items())  # states are numbered from 0
    return {
        **_lexer(lark),
        "states": [states_as_numbers(table["states"][state]) for state in order],
        "rules": [_rule(memo[id]) for id in numbers],
        "start": table["start_states"]["start"],
        "end": table["end_states"]["start"],
    }


def _rule(rule: dict[str, Any]) -> Rule:
    """Which values a rule keeps: all but those of terminals called `_...`; those of rules called so are taken apart."""
    options, expansion = rule["options"], rule["expansion"]
    absent = "".join("1" if each else "0" for each in options["empty_indices"]) or "0" * len(expansion)
    kept: list[tuple[int | None, bool]] = []
    for index, (missing, symbol) in enumerate(zip(absent.split("0"), [*expansion, None], strict=True)):
        kept += [(None, False)] * len(missing)
        if symbol is not None and not symbol.get("filter_out", False):
            kept.append((index, symbol["__type__"] == "NonTerminal" and symbol["name"].startswith("_")))
    single = options["expand1"] and not rule["alias"]
    return Rule(rule["origin"]["name"], rule["alias"] or rule["origin"]["name"], len(expansion), kept, single)


def _lexer(lark: Lark) -> dict[str, Any]:
    """Lark's order of terminals, but that fixed texts are one group each for words and for signs."""
    ignored = [*lark.ignore_tokens]
    fixed = {each.pattern.value: each.name for each in lark.terminals if each.pattern.type == "str"}
    name = next(each for each in lark.terminals if each.name == "NAME")
    signs = [each for each in fixed if not re.fullmatch(name.pattern.to_regexp(), each)]

    def rank(terminal: TerminalDef) -> tuple[int, int]:
        return -terminal.priority, -terminal.pattern.max_width

    patterns = sorted((each for each in lark.terminals if each.pattern.type == "re"), key=rank)
    groups = [(each.priority, f"(?P<{each.name}>{each.pattern.to_regexp()})") for each in patterns]
    sign = f"(?P<{_SIGN}>{'|'.join(map(re.escape, sorted(signs, key=len, reverse=True)))})"
    at = sum(priority >= 0 for priority, _ in groups)
    return {
        "pattern": "|".join([*(group for _, group in groups[:at]), sign, *(group for _, group in groups[at:])]),
        "words": fixed,
        "ignored": ignored,
    }
