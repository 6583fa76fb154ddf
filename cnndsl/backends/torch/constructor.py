"""`__init__` of a generated class: one statement for each part, runs of equal parts folded into a loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from cnndsl.backends.torch import names
from cnndsl.backends.torch.arguments import NO_DEFAULT
from cnndsl.backends.torch.classes import Classes, ModuleClass
from cnndsl.backends.torch.tree import Layer, Part
from cnndsl.ir.scopes import list_of
from cnndsl.ops.base import TorchExpression, TorchModule, literal

SHORTEST_RUN = 3


@dataclass
class Constructor:
    """What `__init__` does, and what `forward` has to know of it.

    statements  its lines, unbroken
    attributes  the attribute of every part that is a module, by name
    values      how `forward` says the numbers of each expression, by part and name
    folded      attributes that are made in a loop, since they differ in nothing but their number
    """

    statements: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    values: dict[Layer, dict[str, str]] = field(default_factory=dict)
    folded: set[str] = field(default_factory=set)


def construct(each: ModuleClass, classes: Classes) -> Constructor:
    texts = iter(each.texts)
    made = Constructor(attributes=names.free_attributes([part.name for part in each.model.modules]))
    modules: list[tuple[str, str]] = []
    kept: dict[str, str] = {}
    for part in each.model.parts:
        if part.again:
            continue
        if isinstance(part, Layer) and isinstance(part.spelling, TorchExpression):
            made.values[part] = {name: _keep(kept, made, part, name, next(texts)) for name in part.spelling.values}
        else:
            modules.append((made.attributes[part.name], _call(part, classes, texts)))
    made.statements += [f"self.{attribute} = {text}" for attribute, text in kept.items()]
    for run in _runs(modules):
        made.statements += [*_container(run[0][0], made.statements), *_assign(run)]
        made.folded.update(attribute for attribute, _ in run if len(run) > 1)
    plain = [(name, attribute) for name, attribute in made.attributes.items() if list_of(name) is None]
    renamed = [f'{attribute}="{name}"' for name, attribute in plain if name != attribute]
    if renamed:
        made.statements.append(f"spell_state(self, {', '.join(renamed)})")
    return made


def _keep(kept: dict[str, str], made: Constructor, part: Layer, name: str, text: str) -> str:
    """How `forward` says a number of an expression: as a literal, or as an attribute that `__init__` keeps."""
    if text == literal(part.spelling.values[name] if isinstance(part.spelling, TorchExpression) else None):
        return text
    wanted = text if text.isidentifier() else f"{part.name}_{name}"
    attribute = names.attribute(wanted)
    if kept.get(attribute) != text:
        attribute = names.free(attribute, {*kept, *made.attributes.values()})
        kept[attribute] = text
    return f"self.{attribute}"


def _call(part: Part, classes: Classes, texts: Iterator[str]) -> str:
    """The call that makes the module of a part; takes its numbers from `texts`."""
    if isinstance(part, Layer):
        assert isinstance(part.spelling, TorchModule)
        return _layer_call(part.spelling, texts)
    if part in classes:
        return _class_call(classes[part], texts)
    inner = [(inner.name, _call(inner, classes, texts)) for inner in part.parts]
    return f"chain({', '.join(_item(run) for run in _runs(inner))})"


def _layer_call(spelling: TorchModule, texts: Iterator[str]) -> str:
    given = [next(texts) for _ in spelling.args]
    for name, (_, default) in spelling.kwargs.items():
        text = next(texts)
        if text != literal(default):
            given.append(f"{name}={text}")
    return f"{spelling.callee}({', '.join(given)})"


def _class_call(used: ModuleClass, texts: Iterator[str]) -> str:
    given: list[str] = []
    for argument in used.arguments:
        text = next(texts)
        if argument.default is not NO_DEFAULT:
            given += [f"{argument.name}={text}"] if text != literal(argument.default) else []
        else:
            given.append(f"{argument.name}={text}" if argument.field else text)
    return f"{used.name}({', '.join(given)})"


def _runs(modules: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Split into runs of numbered neighbours that are made alike (`unit2`, `unit3`, ...), and single ones."""

    def alike(item: tuple[int, tuple[str, str]]) -> object:
        position, (name, text) = item
        numbered = names.number(name)
        return (numbered[0], numbered[1] - position, text) if numbered else (position, name)

    for _, group in groupby(enumerate(modules), key=alike):
        run = [module for _, module in group]
        if len(run) >= SHORTEST_RUN:
            yield run
        else:
            yield from ([module] for module in run)


def _range(run: list[tuple[str, str]]) -> tuple[str, str]:
    """The stem of a run's names, and the loop over their numbers."""
    first, last = names.number(run[0][0]), names.number(run[-1][0])
    assert first is not None and last is not None
    return first[0], f"for i in range({first[1]}, {last[1] + 1})"


def _container(attribute: str, before: list[str]) -> Iterator[str]:
    """The list or dict of numbered parts, made before the first of them."""
    of = list_of(attribute)
    kind = "ModuleDict" if '"' in attribute else "ModuleList"
    made = f"self.{of} = nn.{kind}()"
    if of is not None and made not in before:
        yield made


def _assign(run: list[tuple[str, str]]) -> list[str]:
    if len(run) == 1 and run[0][0].endswith("]") and '"' not in run[0][0]:
        return [f"self.{list_of(run[0][0])}.append({run[0][1]})"]
    if len(run) == 1:
        return [f"self.{run[0][0]} = {run[0][1]}"]
    stem, loop = _range(run)
    return [f"{loop}:", f'    self.add_module(f"{stem}{{i}}", {run[0][1]})']


def _item(run: list[tuple[str, str]]) -> str:
    if len(run) == 1:
        return f"{run[0][0]}={run[0][1]}"
    stem, loop = _range(run)
    return f'**{{f"{stem}{{i}}": {run[0][1]} {loop}}}'
