"""A whole line of another language as one of ours, comments and inputs among them."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate

from cnndsl.habits.arguments import is_argument
from cnndsl.habits.control import condition, loop
from cnndsl.habits.foreign_line import Unclear
from cnndsl.habits.layers import is_merge, letters, meaning
from cnndsl.habits.reading import Words, read_line
from cnndsl.habits.scope import FLOW, Scope, Written
from cnndsl.habits.shapes import is_shape, shape_meant, stated
from cnndsl.habits.writing import write_link
from cnndsl.ops.base import show_shape
from cnndsl.records import dataclass

_LONGEST = 1000  # characters of a statement that is read; nobody brings along a longer one
_DEEPEST = 16

_COMMENT = re.compile(
    r'^(?://+|/\*+|--+(?!>)|;+|%+|!+|<!--|"""|\'\'\'|REM\b)\s*(?P<text>.*?)\s*(?:\*+/|-->|"""|\'\'\')?$', re.DOTALL
)
_BEHIND = re.compile(
    r"^(?P<code>[^#]*?[^\s#/])(?P<gap>\s*)(?:(?://|\s--)\s+(?P<line>\S.*)|/\*\s*(?P<block>.*?)\s*\*/)$"
)
_INPUT = re.compile(
    r"^(?:(?P<label>\w+)\s*(?:=|:=|:)\s*)?(?:(?:\w+\.)*(?:input|inputs|inputlayer|input_layer|placeholder)\b"
    r"|(?P<random>(?:torch\.)?(?:randn|rand|zeros|ones))(?=\())(?P<shape>.*)$",
    re.IGNORECASE,
)
_SUM = re.compile(r"^(?:\w+\s*=\s*)?(?P<a>\w+)\s*(?P<sign>[+*])\s*(?P<b>\w+)$")
_FROM = re.compile(r'^from\s+["\'](?P<name>\w+)["\'](?P<rest>.*)$', re.DOTALL)
_NAMES = re.compile(r"\{\s*(\w+(?:\s*,\s*\w+)+)\s*\}")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A line in our words.

    sure     nothing was guessed
    remarks  what is called how here
    without  the line without the label that an assignment gave it, which is none if nothing reads it
    """

    text: str
    sure: bool = True
    remarks: tuple[str, ...] = ()
    without: str | None = None


def rewrite(text: str, scope: Scope) -> Rewritten | None:
    """The line in our words; None if nothing certain can be made of it, or nothing is to be changed."""
    text = text.strip()
    if len(text) > _LONGEST or _nesting(text) > _DEEPEST:
        return None
    for rule in _RULES:
        try:
            found = rule(text, scope)
        except Unclear:
            continue
        if found is not None:
            found = Rewritten(found) if isinstance(found, str) else found
            return found if found.text != text else None
    return None


def _nesting(text: str) -> int:
    """How deep brackets are nested."""
    return max(accumulate((c in "([{") - (c in ")]}") for c in text), default=0)


def _part(text: str, scope: Scope) -> str:
    """A part of a line in our words, as it stands if it needs none."""
    found = rewrite(text, scope)
    return found.text if found is not None else text


# --- comments


def _comment(text: str, scope: Scope) -> str | None:
    """`// text`, `/* text */`, `-- text`, `'''text'''`"""
    found = _COMMENT.match(text)
    if found is None:
        return None
    return "\n".join(f"# {line.strip()}".rstrip() for line in found["text"].split("\n")) if found["text"] else "#"


def _behind(text: str, scope: Scope) -> str | None:
    """A comment behind a layer."""
    found = _BEHIND.match(text)
    if found is None or (found["line"] and not _is_prose(found)):
        return None
    return f"{_part(found['code'], scope)}  # {found['line'] or found['block']}"


def _is_prose(found: re.Match[str]) -> bool:
    """Whether words follow that no division and no difference would have."""
    words = re.findall(r"[A-Za-z]\w*", found["line"])
    apart = found["gap"].startswith("  ") or len(words) > 1 or found["code"][-1].isdigit()
    return apart and found["line"][0].isalpha() and not re.search(r"->|[=(){}]", found["line"])


# --- inputs and shapes


_INPUT_CHAIN = re.compile(r"^(?P<input>(?:\w+\s*=\s*)?input\b[^\n]*?)\s*->\s*(?P<rest>.*)$", re.DOTALL | re.IGNORECASE)


def _input(text: str, scope: Scope) -> str | None:
    if found := _INPUT_CHAIN.match(text):
        return f"{_part(found['input'], scope)}\n{_part(found['rest'], scope)}"
    found = _INPUT.match(text)
    if found is None:
        return None
    after = re.fullmatch(r"\s+(?!x\b)([a-z_]\w*)\s*:?\s+(\d.*)", found["shape"])
    label, stated = (after[1], after[2]) if after and not is_shape(after[1]) else (None, found["shape"])
    parts = re.fullmatch(r"(.*?)\s+as\s+(\w+)\s*", stated, re.DOTALL)
    shape = shape_meant(parts[1] if parts else stated)
    if shape is None:
        return None
    name = (parts[2] if parts else None) or label or found["label"]
    return f"input {show_shape(shape)}" + (f" as {name}" if name else "")


_CLAIM = re.compile(
    r"^(?:expect|assert)\s+(?:(?P<fact>[a-z_.]+)\s*(?P<sign>===?|=|:|<=|>=|<|>|~|!=)\s*)?(?P<value>.*)$", re.DOTALL
)
_FACTS = {"shape": "output", "output_shape": "output", "out": "output", "parameters": "params", "flops": "macs"}


def _claim(text: str, scope: Scope) -> str | None:
    found = _CLAIM.match(text)
    if found is None:
        return None
    fact, value = _FACTS.get(found["fact"] or "", found["fact"]), found["value"].strip()
    sign = {"=": "==", ":": "==", "===": "=="}.get(found["sign"] or "", found["sign"] or "==")
    if fact is None:
        fact, value = "output", stated(value)
    elif fact == "output":
        value = stated(value)
    elif re.fullmatch(r"\d{1,3}(,\d{3})+", value):
        value = value.replace(",", "_")
    return f"expect {fact} {sign} {value}"


# --- loops and conditions


def _loop(text: str, scope: Scope) -> str | None:
    return loop(text, lambda part: _part(part, scope), lambda name: is_layer(name, scope))


def _condition(text: str, scope: Scope) -> str | None:
    return condition(text)


# --- names and chains


def _read(text: str, scope: Scope) -> str | None:
    """`from "a" -> ...`, or a label alone."""
    if text in scope.labels:
        return f"from {text}"
    found = _FROM.match(text)
    return f"from {found['name']}{found['rest']}" if found else None


def _arithmetic(text: str, scope: Scope) -> str | None:
    """`a + b`, where these are labels."""
    found = _SUM.match(text)
    if found is None or not all(name in scope.labels or name in FLOW for name in (found["a"], found["b"])):
        return None
    merge = "add" if found["sign"] == "+" else "mul"
    branches = [f"| from {n}" if n in scope.labels else "| identity" for n in (found["a"], found["b"])]
    return f"{merge} {{ {' '.join(branches)} }}"


def is_layer(name: str, scope: Scope) -> bool:
    last = name.split(".")[-1]
    known = last in scope.blocks or meaning(last, called=True) is not None
    return known or letters(last) in ("activation", "sequential")


def _chain(text: str, scope: Scope) -> Rewritten:
    if (named := _NAMES.search(text)) and (means := meaning(text.split("{")[0].strip())) and is_merge(means.word):
        branches = " ".join(f"| from {name.strip()}" for name in named[1].split(","))
        text = f"{text[: named.start()]}{{ {branches} }}{text[named.end() :]}"
    line = read_line(text, Words(lambda name: is_layer(name, scope), is_argument))
    elements: list[Written] = []
    for link in line.links:
        elements += write_link(link, scope)
        elements[-1].separate |= line.separate
    shape = f" : {stated(line.shape)}" if line.shape else ""
    remarks = tuple(dict.fromkeys(remark for element in elements for remark in element.remarks))
    sure = all(element.sure for element in elements) and not line.assigned
    text = _joined(elements) + shape
    if line.label is None or line.label in scope.rebound or elements[-1].label is not None:
        return Rewritten(text, sure, remarks)
    return Rewritten(f"{_joined(elements)} as {line.label}{shape}", sure, remarks, text if line.assigned else None)


def _joined(elements: list[Written]) -> str:
    """The chain on one line, but for a label in its midst, behind which a new line begins."""
    text = ""
    for number, element in enumerate(elements):
        if number:
            text += "\n" if elements[number - 1].ends_line else " -> "
        text += element.text + (f" as {element.label}" if element.label else "")
    return text


_LET = re.compile(
    r"^(?:(?:let|int|var|const|auto|float)\s+)?(?P<name>[A-Za-z]\w*)\s*:?=\s*(?P<value>[\d.]+(?:x\d+)?|\[[\d\s,.]*\])$"
)


def _value(text: str, scope: Scope) -> str | None:
    """`n = 3`"""
    found = _LET.match(text)
    return f"let {found['name']} = {found['value']}" if found else None


_RULES: tuple[Callable[[str, Scope], str | Rewritten | None], ...] = (
    _comment,
    _behind,
    _input,
    _claim,
    _loop,
    _condition,
    _read,
    _arithmetic,
    _value,
    _chain,
)
