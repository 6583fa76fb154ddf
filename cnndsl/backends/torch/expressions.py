"""Expressions and statements of generated code as texts: filling templates in, and folding what repeats into loops."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from cnndsl.backends.torch import names
from cnndsl.backends.torch.constructor import SHORTEST_RUN
from cnndsl.backends.torch.layout import INDENT

_PLACEHOLDER = re.compile(r"\{(\d+)\}")
_SLICE = re.compile(r"(?P<start>\{[a-z_]+\})?(?P<colon>::?)(?P<stop>\{[a-z_]+\})")


@dataclass(frozen=True)
class Statement:
    """A line of `forward` before it is broken to width, and what it says about the shape of its result."""

    text: str
    comment: str = ""


def fill(template: str, inputs: list[str], values: dict[str, str]) -> str:
    """A template with its inputs and numbers in place; parentheses where an operator would tear an input apart."""

    def place(found: re.Match[str]) -> str:
        text = inputs[int(found[1])]
        begins = found.start() == 0 or template[: found.start()].endswith(("(", "[", ", "))
        ends = found.end() == len(template) or template[found.end()] in ")],"
        return text if (begins and ends) or _is_one_term(text) else f"({text})"

    filled = _PLACEHOLDER.sub(place, _SLICE.sub(lambda found: _spaced(found, values), template))
    for name, text in values.items():
        filled = filled.replace(f"{{{name}}}", text)
    return filled.replace("{{", "{").replace("}}", "}")


def _spaced(found: re.Match[str], values: dict[str, str]) -> str:
    """A slice as `ruff format` has it: space around the colon if an end is more than a name or number."""
    ends = [values.get((end or "").strip("{}"), "") for end in (found["start"], found["stop"])]
    if not any("." in end for end in ends):
        return found.group()
    return " ".join(filter(None, found.group("start", "colon", "stop")))


def _is_one_term(text: str) -> bool:
    return isinstance(ast.parse(text, mode="eval").body, (ast.Name, ast.Call, ast.Attribute, ast.Subscript))


def gather(template: str, inputs: list[str], folded: set[str]) -> str | None:
    """The template of a merge of many alike, with a loop instead of a list: `sum(... for i in range(1, 33))`."""
    templates = [_template(text, folded) for text in inputs]
    first = templates[0] if len(inputs) >= SHORTEST_RUN else None
    if first is None or templates != [(first[0], first[1] + offset) for offset in range(len(inputs))]:
        return None
    loop = f"{first[0]} for i in range({first[1]}, {first[1] + len(inputs)})".replace("{", "{{").replace("}", "}}")
    places = [f"{{{index}}}" for index in range(len(inputs))]
    plus, times, listed = " + ".join(places), " * ".join(places), f"[{', '.join(places)}]"
    loops = {f"({plus})": f"sum({loop})", plus: f"sum({loop})", times: f"math.prod({loop})", listed: f"[{loop}]"}
    return next((template.replace(each, by) for each, by in loops.items() if each in template), None)


def roll(statements: list[Statement], folded: set[str]) -> list[Statement]:
    """Fold runs of statements that differ only in the number of a part: `x = getattr(self, f"layer{i}")(x)`.

    `folded` are the parts that are made in a loop as well.
    """
    rolled: list[Statement] = []
    at = 0
    while at < len(statements):
        template = _template(statements[at].text, folded)
        length = 1
        while template and _template_at(statements, at + length, folded) == (template[0], template[1] + length):
            length += 1
        if template and length >= SHORTEST_RUN:
            first = template[1]
            rolled.append(Statement(f"for i in range({first}, {first + length}):"))
            rolled.append(Statement(f"{INDENT}{template[0]}"))
        else:
            length = 1
            rolled.append(statements[at])
        at += length
    return rolled


def _template_at(statements: list[Statement], at: int, folded: set[str]) -> tuple[str, int] | None:
    return _template(statements[at].text, folded) if at < len(statements) else None


def _template(text: str, folded: set[str]) -> tuple[str, int] | None:
    """The statement with `i` for the number of its one part, and that number."""
    found = re.findall(r"self\.(\w+)\(", text)
    numbered = names.number(found[0]) if len(found) == 1 and found[0] in folded else None
    if numbered is None:
        return None
    stem, number = numbered
    return text.replace(f"self.{found[0]}(", f'getattr(self, f"{stem}{{i}}")('), number
