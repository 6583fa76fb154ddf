"""A layer as another framework writes it, in our words and with its own numbers."""

from __future__ import annotations

from cnndsl.habits.arguments import DROPPED, NAMES
from cnndsl.habits.fitting import activation
from cnndsl.habits.foreign_line import Argument, Link, Unclear, Value
from cnndsl.habits.layer_call import LayerCall
from cnndsl.habits.layers import SHIPPED, STRUCTURES, Meaning, is_merge, letters, meaning
from cnndsl.habits.scope import FLOW, Scope, Written
from cnndsl.habits.values import numbers, truth
from cnndsl.ops.arguments import Size


def write_link(link: Link, scope: Scope) -> list[Written]:
    """The elements that a foreign layer is here; raises `Unclear` where something has no certain meaning."""
    name = link.name.split(".")[-1]
    if name in scope.blocks:
        return [Written(_plain(name, link))]
    if letters(name) in ("activation", "act", "nonlinearity") and link.arguments:
        return [Written(text) for text in activation(link.arguments[0].value)]
    means = meaning(name, called=link.called)
    if means is None or (means.word in SHIPPED and means.word not in scope.blocks):
        raise Unclear(name)
    if means.word == "mean" and link.called and [numbers(a.value) for a in link.arguments[:1]] in ([(2, 3)], [(1, 2)]):
        return [Written("global_avgpool")]  # `x.mean([2, 3])`
    if is_merge(means.word):
        return [Written(_merge(means.word, link, scope))]
    if means.word == "dense" and not link.body:
        means = Meaning("linear")
    if means.word in STRUCTURES:
        return [Written(_structure(means.word, link))]
    if link.body:
        raise Unclear(link.body)
    return LayerCall(link, means, scope).write()


def _plain(word: str, link: Link) -> str:
    """Arguments as they stand, without their parentheses."""
    given = [f"{a.name}={_raw(a.value)}" if a.name else _raw(a.value) for a in link.arguments]
    given = [text.replace("/=", "/", 1) for text in given]
    return f"{word} {', '.join(given)} {link.body}".replace("  ", " ").strip()


def _raw(value: Value) -> str:
    if value.kind == "string":
        return f'"{value.text}"'
    if value.kind == "tuple":
        parts = numbers(value)
        return str(Size(parts)) if parts and len(parts) == 2 else value.text
    return value.text


def _structure(word: str, link: Link) -> str:
    if not link.body:
        raise Unclear(word)
    arguments = []
    for argument in link.arguments:
        if argument.name in ("projection", "identity", "zero_pad") and truth(argument.value):
            argument = Argument("shortcut", Value("word", argument.name or ""))
        elif argument.name is not None and word == "repeat":
            argument = Argument(None, argument.value)
        arguments.append(argument)
    return _plain(word, Link(link.name, tuple(arguments), body=link.body))


def _merge(word: str, link: Link, scope: Scope) -> str:
    """`concat(a, b)`, `Add()([a, b])`: each name is a branch that reads it."""
    if link.body:
        return f"{word} {link.body}"
    values = [argument.value for argument in link.arguments if argument.name not in (*DROPPED, *NAMES)]
    names = [item for value in values if value.kind in ("tuple", "word") for item in (value.items or (value,))]
    if len(names) == 1 and not link.called:
        names.insert(0, Value("word", "x"))
    if len(names) < 2 or any(name.kind != "word" for name in names):
        raise Unclear(word)
    branches = [_branch(name.text, scope) for name in names]
    if branches.count("| identity") > 1:
        raise Unclear(word)
    return f"{word} {{ {' '.join(branches)} }}"


def _branch(name: str, scope: Scope) -> str:
    return "| identity" if name in FLOW and name not in scope.labels else f"| from {name}"
