"""Lines outside all braces as other languages write them: definitions and imports."""

from __future__ import annotations

import re

from cnndsl.habits.layers import SHIPPED
from cnndsl.habits.lines import Rewritten

_NAMES = r"(?P<names>\w+(?:\s*,\s*\w+)*)"
_ORIGIN = r"(?P<origin>\w+|\"[^\"\n]+\")"
_FORMS = (
    (rf"from\s+{_ORIGIN}\s+(?:import|use)\s+{_NAMES}", "use {names} from {origin}"),
    (rf"(?:import|include|using|require)\s+\{{?\s*{_NAMES}\s*\}}?\s+from\s+{_ORIGIN}", "use {names} from {origin}"),
    (r"(?:use|import|using|include)\s+(?P<origin>std)(?:\.|::|/)(?P<names>\w+)", "use {names} from {origin}"),
    (r"(?:def|fn|func|function|macro|defblock|module|cell|layer)\s+(?P<name>\w+)\s*\((?P<inner>[^()]*)\)\s*:?\s*\{",
     "block {name}({inner}) {{"),
    (r"(?:model|net|network|arch|architecture|class|graph|cnn)\s+(?P<name>\w+)\s*(?:\(\s*(?:nn\.Module)?\s*\))?\s*:?\s*\{",
     "network {name} {{"),
    (r"network\s+[\"'](?P<name>[A-Za-z_]\w*)[\"']\s*\{", "network {name} {{"),
    (r"block\s+(?P<name>\w+)\s*\{", "block {name}() {{"),
)  # fmt: skip
_HYPHENATED = re.compile(r"(?P<kind>network|block)\s+(?P<name>[A-Za-z_]\w*(?:[-.]\w+)+)(?P<rest>\s*[({].*)", re.DOTALL)


def rewrite_definition(text: str) -> Rewritten | None:
    """The line in our words; what follows its `{` stays."""
    for form, ours in _FORMS:
        found = re.match(form, text, re.IGNORECASE)
        if found is not None:
            return Rewritten(ours.format(**found.groupdict()) + text[found.end() :])
    if found := _HYPHENATED.fullmatch(text):
        name = re.sub(r"[-.]", "_", found["name"])
        return Rewritten(f"{found['kind']} {name}{found['rest']}")
    if (found := re.fullmatch(r"(?:use|import)\s+(\w+)", text)) and found[1] in SHIPPED:
        return Rewritten(f"use {found[1]} from std")
    return None


def place_for_use(text: str) -> int:
    """Where a `use` line goes in: above the first definition and the comment on it."""
    lines, at = text.split("\n"), 0
    first = next((i for i, line in enumerate(lines) if re.match(r"(use|block|network)\b", line)), 0)
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
    for line in lines[:first]:
        at += len(line) + 1
    return at


def wrapped(text: str) -> str | None:
    """A file of statements alone as one network; None if it has definitions."""
    if re.search(r"^\s*(network|block|use|class|def)\b", text, re.MULTILINE) or not re.search(r"^input\b", text, re.M):
        return None
    body = "".join(f"    {line}\n" if line.strip() else "\n" for line in text.rstrip().split("\n"))
    return f"network net {{\n{body}}}\n"
