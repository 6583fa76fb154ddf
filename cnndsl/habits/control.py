"""Loops and conditions as other languages write them."""

from __future__ import annotations

import re
from collections.abc import Callable

from cnndsl.habits.layers import is_merge, meaning

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


def loop(text: str, part: Callable[[str], str], is_layer: Callable[[str], bool]) -> str | None:
    """`part` writes what stands in its braces."""
    for form, ours in _LOOPS:
        if found := form.match(text):
            return ours.format(**found.groupdict())
    if found := _REPEATED.match(text):
        body = found["body"]
        return f"repeat {found['n']} {{ {part(body)} }}"
    if (found := _BODIED.match(text)) and is_layer(re.split(r"\W", found["body"])[0]):
        body = found["body"] + (found["close"] if "(" in found["body"] else "")
        return f"{part(found['word'] + ' { }')[:-3].rstrip()} {{ {part(body)} }}"
    if found := _HEADED.match(text):
        return f"{part(found['head'] + ' { }')[:-3].rstrip()} {{ {part(found['body'])} }}"
    if (found := _MERGED.match(text)) and (means := meaning(found["word"])) and is_merge(means.word):
        branches = [part.strip() for part in found["body"].split("|") if part.strip()]
        return f"{means.word} {{ {' '.join(f'| {part(branch)}' for branch in branches)} }}"
    if (found := _TIMES.match(text)) and is_layer(found["body"]):
        body = found["body"]
        return f"{found['before']}repeat {found['n']} {{ {part(body)} }}"
    return None


_SIGNS: tuple[tuple[str, str], ...] = (
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


def condition(text: str) -> str | None:
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
