"""A whole line of another language as one of ours, comments and inputs among them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from cnndsl.habits.arguments import is_argument
from cnndsl.habits.layers import is_merge, is_ours, letters, meaning
from cnndsl.habits.order import channels_first
from cnndsl.habits.reading import Unclear, Words, read_line
from cnndsl.habits.writing import FLOW, Scope, Written, write_link
from cnndsl.ops.base import show_shape

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
_AXIS = r"[-?]?\d+|\?|None|\bN\b|\bB\b|\bbatch(?:_size)?\b|\bbs\b"
_BATCH = re.compile(r"^(?:-1|1|\?|None|N|B|batch|batch_size|bs)$", re.IGNORECASE)
_SHAPE_WORDS = re.compile(
    r"\b(?:shape|size|channels|height|width|input_shape|batch_shape|dims?|by|c|h|w)\b\s*[=:]?|[-?]?\d+|\?"
    r"|None|\bN\b|\bB\b|\bbatch(?:_size)?\b|\bbs\b|[xX×*,，()\[\]:=\s\"']|x(?=\d)",
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


def shape_meant(text: str) -> tuple[int, ...] | None:
    """`(None, 32, 32, 3)`, `3, 32, 32`, `N x 3 x 32 x 32` as channels, height and width."""
    if _SHAPE_WORDS.sub("", text):
        return None
    axes = re.findall(_AXIS, re.sub(r"(?<=\d)\s*[xX×*]\s*(?=[\d?-])", " ", text))
    if len(axes) in (2, 4) and _BATCH.match(axes[0]):
        axes = axes[1:]
    if len(axes) not in (1, 3) or not all(axis.isdigit() for axis in axes):
        return None
    return channels_first(tuple(map(int, axes)))


_INPUT_CHAIN = re.compile(r"^(?P<input>(?:\w+\s*=\s*)?input\b[^\n]*?)\s*->\s*(?P<rest>.*)$", re.DOTALL | re.IGNORECASE)


def _input(text: str, scope: Scope) -> str | None:
    if found := _INPUT_CHAIN.match(text):
        return f"{_part(found['input'], scope)}\n{_part(found['rest'], scope)}"
    found = _INPUT.match(text)
    if found is None:
        return None
    after = re.fullmatch(r"\s+(?!x\b)([a-z_]\w*)\s*:?\s+(\d.*)", found["shape"])
    label, stated = (after[1], after[2]) if after and not _SHAPE_WORDS.fullmatch(after[1]) else (None, found["shape"])
    parts = re.fullmatch(r"(.*?)\s+as\s+(\w+)\s*", stated, re.DOTALL)
    shape = shape_meant(parts[1] if parts else stated)
    if shape is None:
        return None
    name = (parts[2] if parts else None) or label or found["label"]
    return f"input {show_shape(shape)}" + (f" as {name}" if name else "")


def _stated(text: str) -> str:
    shape = shape_meant(text)
    if shape is None:
        raise Unclear(text)
    return show_shape(shape)


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
        fact, value = "output", _stated(value)
    elif fact == "output":
        value = _stated(value)
    elif re.fullmatch(r"\d{1,3}(,\d{3})+", value):
        value = value.replace(",", "_")
    return f"expect {fact} {sign} {value}"


# --- loops and conditions

_LOOPS = (
    (re.compile(r"^repeat\s*\(?(?P<n>\w+)\)?\s*(?:x|times)\s*\{(?P<body>.*)$", re.DOTALL), "repeat {n} {{{body}"),
    (re.compile(r"^repeat\s*(?P<n>\d+)x\s*\{(?P<body>.*)$", re.DOTALL), "repeat {n} {{{body}"),
    (re.compile(r"^repeat\s*(?P<body>\{.*\})\s*(?P<n>\d+)$", re.DOTALL), "repeat {n} {body}"),
    (
        re.compile(r"^for\s+(?P<i>\w+)\s+in\s+(?:0\s*\.\.+<?\s*)?(?P<n>\w+)\s*\{(?P<body>.*)$", re.DOTALL),
        "for {i} in range({n}) {{{body}",
    ),
    (
        re.compile(r"^for\s+(?P<i>\w+)\s+in\s+range\s+(?P<n>\w+)\s*\{(?P<body>.*)$", re.DOTALL),
        "for {i} in range({n}) {{{body}",
    ),
    (
        re.compile(
            r"^for\s*\(?\s*(?:int|let|var)?\s*(?P<i>\w+)\s*=\s*0\s*;\s*(?P=i)\s*<\s*(?P<n>\w+)\s*;\s*"
            r"(?:(?P=i)\s*\+\+|\+\+\s*(?P=i)|(?P=i)\s*\+=\s*1)\s*\)?\s*\{(?P<body>.*)$",
            re.DOTALL,
        ),
        "for {i} in range({n}) {{{body}",
    ),
    (
        re.compile(r"^for\s+(?P<i>\w+)\s*=\s*(?P<a>\w+)\s+to\s+(?P<n>\w+)\s*\{(?P<body>.*)$", re.DOTALL),
        "for {i} in range({a}, {n} + 1) {{{body}",
    ),
    (re.compile(r"^for\s*\(\s*(?P<i>\w+)\s+in\s+(?P<n>.+)\)\s*\{(?P<body>.*)$", re.DOTALL), "for {i} in {n} {{{body}"),
)
_REPEATED = re.compile(r"^repeat\s*\(?(?<=[\s(])(?P<n>\w+)\)?\s*:?\s+(?P<body>[^{}]+)$", re.DOTALL)
_BODIED = re.compile(r"^(?P<word>residual|skip|stage)\s*(?::\s*|\(\s*|\s)(?P<body>[^{}]+?)(?P<close>\)?)$", re.DOTALL)
_HEADED = re.compile(r"^(?P<head>(?:for\s+\w+\s+in|if)\s+[^{}:]+?)\s*:\s*(?P<body>[^{}\n]+)$")
_MERGED = re.compile(r"^(?P<word>\w+)\s*[(\[](?P<body>[^{}]*\|[^{}]*)[)\]]$", re.DOTALL)
_TIMES = re.compile(r"^(?P<before>(?:[^{}:]*->\s*)?)(?P<body>\w+)\s+[x*]\s*(?P<n>\d+)$", re.DOTALL)


def _loop(text: str, scope: Scope) -> str | None:
    for form, ours in _LOOPS:
        if found := form.match(text):
            return ours.format(**found.groupdict())
    if found := _REPEATED.match(text):
        body = found["body"]
        return f"repeat {found['n']} {{ {_part(body, scope)} }}"
    if (found := _BODIED.match(text)) and is_layer(re.split(r"\W", found["body"])[0], scope):
        body = found["body"] + (found["close"] if "(" in found["body"] else "")
        return f"{_part(found['word'] + ' { }', scope)[:-3].rstrip()} {{ {_part(body, scope)} }}"
    if found := _HEADED.match(text):
        return f"{_part(found['head'] + ' { }', scope)[:-3].rstrip()} {{ {_part(found['body'], scope)} }}"
    if (found := _MERGED.match(text)) and (means := meaning(found["word"])) and is_merge(means.word):
        branches = [part.strip() for part in found["body"].split("|") if part.strip()]
        return f"{means.word} {{ {' '.join(f'| {_part(branch, scope)}' for branch in branches)} }}"
    if (found := _TIMES.match(text)) and is_layer(found["body"], scope):
        body = found["body"]
        return f"{found['before']}repeat {found['n']} {{ {_part(body, scope)} }}"
    return None


_CONDITION = re.compile(r"^(?P<head>(?:if|require)\b.*?|.*\belif\b.*)(?P<body>\{.*)?$", re.DOTALL)
_SIGNS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\s*&&\s*", " and "),
    (r"\s*\|\|\s*", " or "),
    (r"!(?!=)\s*", "not "),
    (r"===", "=="),
    (r"!==", "!="),
    (r"<>", "!="),
    (r"(?<![=<>!])=(?!=)", "=="),
    (r"\bthen\s*(?=\{|$)", ""),
    (r"\}\s*(?:elif|elseif|elsif|elsewhen)\b", "} else if"),
    (r"\bTrue\b", "true"),
    (r"\bFalse\b", "false"),
)


def _condition(text: str, scope: Scope) -> str | None:
    if not re.match(r"if\b|require\b", text):
        return None
    depth, parts = 0, [""]
    for character in text:  # what stands in braces is no condition
        if character == "{":
            depth += 1
            if depth == 1:
                parts.append("")
        parts[-1] += character
        if character == "}":
            depth -= 1
            if depth == 0:
                parts.append("")
    for pattern, sign in _SIGNS:
        parts[0::2] = [re.sub(pattern, sign, part) for part in parts[0::2]]
    whole = "".join(parts)
    return re.sub(r"\}\s*(?:elif|elseif|elsif)\b", "} else if", whole)


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
    shape = f" : {_stated(line.shape)}" if line.shape else ""
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

__all__ = ["Rewritten", "Scope", "is_ours", "rewrite", "shape_meant"]
