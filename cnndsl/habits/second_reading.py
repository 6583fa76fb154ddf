"""What was wrong, read once more as another language: a repair with the line's own numbers, where one holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from cnndsl.diagnostics.model import Diagnostic, Edit, Fix
from cnndsl.habits.definitions import place_for_use, rewrite_definition, wrapped
from cnndsl.habits.layers import SHIPPED, meaning
from cnndsl.habits.lines import Rewritten, rewrite
from cnndsl.habits.numbers import renumbered
from cnndsl.habits.scope import Scope
from cnndsl.habits.shapes import shape_meant
from cnndsl.habits.statements import opens_body, statements_at
from cnndsl.ops.base import show_shape
from cnndsl.records import replace
from cnndsl.source import Source, Span

_CODES = ("E1", "E3", "E201", "E202", "E208")  # what other languages' lines lead to
_LONGEST_TITLE = 100
_MOST_REMARKS = 2
_INPUT_CHANNELS = ("in_channels", "inplanes", "in_planes", "in_ch", "input_channels", "c_in", "cin", "num_channels")
_FACTS = {
    **dict.fromkeys(_INPUT_CHANNELS, "in.channels"),
    **dict.fromkeys(("in_height", "input_height"), "in.height"),
    **dict.fromkeys(("in_width", "input_width"), "in.width"),
}
_FACT_NAMES = {**dict.fromkeys(("c", "ch", "depth", "filters"), "channels"), "h": "height", "w": "width"}
_FOREIGN_FACT = re.compile(r"\b(?:x|input|inputs|in)\.(?:channels|shape\[1\]|size\(1\)|in_channels)")
_INPUTS = re.compile(r"\binput[ \t]+(\d+(?:[ \t]*[x*][ \t]*\d+){2})")
_QUOTES = ('"""', "'''")


def readings(finding: Diagnostic) -> Iterator[Fix]:
    """What the line of a finding may have meant, the least change first; none of it is tried yet."""
    if finding.code.startswith("E2"):
        yield from _input_axes(finding)
    if not finding.code.startswith(_CODES):
        return
    for rule in (_fact, renumbered, _shipped, _long_comment, _line_end, _statement, _whole_file):
        yield from rule(finding)


def _statement(finding: Diagnostic) -> Iterator[Fix]:
    """The line in our words; certain only if nothing else that is said of it leaves a choice."""
    certain = not finding.fixes or any(fix.safe for fix in finding.fixes)
    outside, scope = _is_outside(finding.span), scope_of(finding.span.source)
    for statement in statements_at(finding.span):
        text = statement.text
        new = rewrite_definition(text) if outside else None
        new = new or (_headed(text, scope) if opens_body(text) else rewrite(text, scope))
        if new is not None:
            new = replace(new, sure=new.sure and certain)
            yield _fix(statement, new)
            if new.without is not None:
                yield _fix(statement, replace(new, text=new.without))


def _whole_file(finding: Diagnostic) -> Iterator[Fix]:
    """Layers without a network around them."""
    source = finding.span.source
    if _is_outside(finding.span) and (whole := wrapped(source.text)) is not None:
        title = "layers stand in the braces of a network: `network net { ... }`"
        yield Fix(title, (Edit(Span(source, 0, len(source.text)), whole),))


@lru_cache(maxsize=1)  # for the findings of one file, one after the other
def scope_of(source: Source) -> Scope:
    """What a file names, as its text alone can tell."""
    text = source.text
    labels = set(re.findall(r"\bas\s+([A-Za-z_]\w*)", text))
    uses = [name for names in re.findall(r"^\s*use\s+([\w\s,]+?)\s+from\b", text, re.M) for name in names.split(",")]
    blocks = {*re.findall(r"^\s*block\s+(\w+)", text, re.M), *(name.strip() for name in uses)}
    assigned = re.findall(r"^\s*(\w+)\s*=(?!=)(.*)$", text, re.M)
    times = Counter(name for name, _ in assigned)
    again = {name for name, value in assigned if times[name] > 1 or re.search(rf"\b{name}\b", value)}
    return Scope(labels, blocks, again)


def _is_outside(place: Span) -> bool:
    before = place.source.text[: place.start]
    return before.count("{") <= before.count("}")


def _headed(text: str, scope: Scope) -> Rewritten | None:
    """A line whose braces hold further lines: what stands before them."""
    new = rewrite(f"{text} }}", scope)
    if new is None or not new.text.endswith("}"):
        return None
    return replace(new, text=new.text[:-1].rstrip())


def _fix(statement: Span, new: Rewritten) -> Fix:
    """The statement written anew; only what differs is edited."""
    lines = new.text.split("\n")
    shown = "`, and below it `".join(
        line if len(line) <= _LONGEST_TITLE else f"{line[:_LONGEST_TITLE]}..." for line in lines
    )
    column = statement.source.position(statement.start)[1]
    indent = re.match(r"\s*", statement.source.line(statement.line)[: column - 1])
    text = new.text.replace("\n", "\n" + (indent[0] if indent else ""))
    remarks = ", ".join(new.remarks[:_MOST_REMARKS])
    return Fix(f"write `{shown}`" + (f": {remarks}" if remarks else ""), (_least(statement, text),), new.sure)


def _least(place: Span, new: str) -> Edit:
    """The edit that makes `new` of what stands there, between whole words."""
    old, start, end = place.text, 0, 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    while start and (old[start - 1].isalnum() or old[start - 1] in "_."):
        start -= 1
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    while end and (old[-end].isalnum() or old[-end] in "_."):
        end -= 1
    span = Span(place.source, place.start + start, place.end - end)
    return Edit(span, new[start : len(new) - end])


def _fact(finding: Diagnostic) -> Iterator[Fix]:
    """`in_channels`, `in.c`, `x.shape[1]`"""
    place, text = finding.span, finding.span.text
    if finding.code == "E302":
        behind = place.source.text[: place.start].endswith("in.")
        name = _FACT_NAMES.get(text) if behind else _FACTS.get(text)
        if name is not None:
            yield Fix(f"write `{name if not behind else f'in.{name}'}`", (Edit(place, name),), safe=True)
    if finding.code in ("E101", "E302", "E303"):
        line = Span(place.source, place.source.start_of(place.line), place.source.start_of(place.line))
        written = place.source.line(place.line)
        line = replace(line, end=line.start + len(written))
        new = _FOREIGN_FACT.sub("in.channels", written)
        if new != written:
            yield Fix("write `in.channels`", (_least(line, new),), safe=True)


def _input_axes(finding: Diagnostic) -> Iterator[Fix]:
    """The input of a network whose shapes do not fit: with its channels last, or as one product."""
    source = finding.span.source
    for found in _INPUTS.finditer(source.text):
        shape = shape_meant(found[1])
        if shape is not None and ("*" in found[1] or shape != tuple(map(int, re.findall(r"\d+", found[1])))):
            ours = f"input {show_shape(shape)}"
            edit = Edit(Span(source, found.start(), found.end()), ours)
            yield Fix(f"channels x height x width: `{ours}`", (edit,), safe=True)


def _line_end(finding: Diagnostic) -> Iterator[Fix]:
    """Two statements on one line."""
    place, source = finding.span, finding.span.source
    if finding.code != "E101" or not finding.message.startswith("expected a new line"):
        return
    if place.text in ("input", "let", "expect", "for", "if", "from") or meaning(place.text) is not None:
        indent = re.match(r"\s*", source.line(place.line))
        blanks = len(source.text[: place.start]) - len(source.text[: place.start].rstrip(" \t"))
        edit = Edit(Span(source, place.start - blanks, place.start), "\n" + (indent[0] if indent else ""))
        yield Fix(f"`{place.text}` begins a statement, on a line of its own", (edit,), safe=True)


def _shipped(finding: Diagnostic) -> Iterator[Fix]:
    """A block that is shipped, but not used yet."""
    if finding.code != "E301":
        return
    place = finding.span
    means = meaning(place.text)
    if means is None or means.word not in SHIPPED:
        return
    source = place.source
    at = place_for_use(source.text)
    use = f"use {means.word} from std"
    edits = [Edit(Span(source, at, at), f"{use}\n")]
    if means.word != place.text:
        edits.append(Edit(place, means.word))
    yield Fix(f"`{use}` brings `{means.word}`", tuple(edits), safe=means.word == place.text)


def _long_comment(finding: Diagnostic) -> Iterator[Fix]:
    """A comment over several lines: `/* ... */`, or between triple quotes."""
    source, number = finding.span.source, finding.span.line
    text = source.line(number).strip()
    close = "*/" if text.startswith("/*") else next((mark for mark in _QUOTES if text.startswith(mark)), None)
    if close is None:
        return
    start = source.start_of(number) + source.line(number).index(text)
    end = source.text.find(close, start + len(close))
    if end < 0 or "\n" not in source.text[start:end]:
        return
    whole = Span(source, start, end + len(close))
    body = whole.text[len(close) : -len(close)].strip("*").split("\n")
    stripped = [line.strip().lstrip("*").strip() for line in body]
    kept = stripped[not stripped[0] : len(stripped) - (not stripped[-1])]
    indent = " " * (start - source.start_of(number))
    new = f"\n{indent}".join(f"# {line}".rstrip() for line in kept)
    yield Fix(f"comments begin with `#`: `{new.splitlines()[0]}`", (Edit(whole, new),), safe=True)
