"""Which sections share a class: those of the same structure, whatever their numbers.

A linear scope that is not a block stays an `nn.Sequential`; every block, and every scope whose tensors branch,
becomes a class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import TypeAlias

from cnndsl.backends.torch import names
from cnndsl.backends.torch.arguments import Argument
from cnndsl.backends.torch.sharing import relative
from cnndsl.backends.torch.tree import Layer, Part, Section
from cnndsl.ir.scopes import list_of
from cnndsl.ops.base import TorchExpression, TorchModule

Key: TypeAlias = tuple[object, ...]
_SEQUENTIAL_NAMES = frozenset({"append", "extend", "insert", "pop"})
RESULT = "Output"  # what a network with several results returns is called like it with this behind
_TITLES = {"layer": "DenseLayer", "row": "FractalRow", "column": "FractalColumn"}  # outside of blocks


@dataclass(eq=False)
class ModuleClass:
    """One class of the generated file: its instances have the same structure as its first, the `model`.

    `texts` are the constructor's numbers in the order of `slots.slots`, as literals or in terms of `arguments`.
    """

    title: str
    instances: list[Section] = field(default_factory=list)
    name: str = ""
    arguments: list[Argument] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def model(self) -> Section:
        return self.instances[0]


Classes: TypeAlias = dict[Section, ModuleClass]


def classify(sections: list[Section], reserved: Set[str]) -> Classes:
    """The class of every section that is not a plain chain, in an order in which each comes after those it uses.

    No class has one of the `reserved` names.
    """
    owners = _owners(sections)
    ids: dict[Key, int] = {}
    keys: dict[Section, int] = {}
    found: dict[int, ModuleClass] = {}
    classes: Classes = {}
    for section in sections:
        key = (_origin(section, owners), *_structure(section, keys))
        keys[section] = ids.setdefault(key, len(ids))
        if not is_chain(section):
            classes[section] = found.setdefault(keys[section], ModuleClass(""))
            classes[section].instances.append(section)
    _name(list(found.values()), owners, reserved)
    return classes


def is_chain(section: Section) -> bool:
    """Is it one tensor through one module after the other, so that `nn.Sequential` says it all?"""
    if section.scope.block is not None or not section.path or len(section.inputs) != 1:
        return False
    if section.borrows or any(part.again or (isinstance(part, Section) and part.borrows) for part in section.parts):
        return False
    flowing = section.inputs
    for part in section.parts:
        wrapped = isinstance(part, Layer) and not (
            isinstance(part.spelling, TorchModule) and part.spelling.inputs == "{0}"
        )
        if wrapped or part.inputs != flowing or len(part.outputs) != 1 or part.train_only != section.train_only:
            return False
        if part.name in _SEQUENTIAL_NAMES or names.attribute(part.name) != part.name or list_of(part.name):
            return False
        flowing = part.outputs
    return section.outputs == flowing


def _owners(sections: list[Section]) -> dict[Section, str]:
    """The name of the block that each section stands in, "" outside of blocks."""
    owners = {sections[-1]: ""}
    for section in reversed(sections):
        owner = section.scope.block if section.path else None
        for part in section.parts:
            if isinstance(part, Section):
                owners[part] = owner or owners[section]
    return owners


def _origin(section: Section, owners: dict[Section, str]) -> Key:
    """What two sections must have in common, besides their structure, to share a class."""
    if is_chain(section):
        return ("chain",)
    if section.scope.block is not None:
        return ("block", section.scope.block)
    return (section.scope.kind, owners[section], names.stem(section.name))


def _structure(section: Section, keys: dict[Section, int]) -> Key:
    """All that is written in a class but its numbers: parts, names and wiring. `keys` has the sections inside."""
    tensors = [*section.inputs, *(output for part in section.parts for output in part.outputs)]
    numbered = {tensor: number for number, tensor in enumerate(tensors)}
    parts = tuple(
        (
            *(("again", relative(section, part)) if part.again else _shape_of_part(part, keys)),
            tuple(numbered[tensor] for tensor in part.inputs),
            len(part.outputs),
            part.train_only and not section.train_only,
        )
        for part in section.parts
    )
    return (parts, tuple(section.borrows), len(section.inputs), tuple(numbered[output] for output in section.outputs))


def _shape_of_part(part: Part, keys: dict[Section, int]) -> Key:
    if isinstance(part, Section):
        return (part.name, keys[part])
    spelling = part.spelling
    if isinstance(spelling, TorchExpression):
        return (spelling.template, tuple(spelling.values))
    return (part.name, spelling.callee, len(spelling.args), tuple(spelling.kwargs), spelling.inputs, spelling.source)


def _name(classes: list[ModuleClass], owners: dict[Section, str], reserved: Set[str]) -> None:
    """Give every class a name of its own, the network's first, which leaves one for its results."""
    titles: dict[tuple[str, bool], list[ModuleClass]] = {}
    for each in reversed(classes):
        each.title = _title(each, owners, reserved)
        titles.setdefault((each.title, each is classes[-1]), []).insert(0, each)
    taken = set(reserved)
    taken |= {each.removesuffix(RESULT) for each in reserved}  # the network's name has one of its results beside it
    for (title, _), variants in titles.items():
        usual = min(variants, key=lambda each: (-len(each.instances), len(each.model.parts)))
        variants.sort(key=lambda each: each is not usual)
        for variant in variants:
            wanted = title if variant is usual else title + _difference(variant, usual)
            variant.name = names.free(wanted, taken)
            taken |= {variant.name} if variant.model.path else {variant.name, f"{variant.name}{RESULT}"}


def _title(each: ModuleClass, owners: dict[Section, str], reserved: Set[str]) -> str:
    """The class name that its sections ask for: the block's, or the owner's with what all of them are called."""
    section = each.model
    if not section.path:
        title = names.camel(section.name)
        return f"{title}Network" if title in reserved else title
    if section.scope.block is not None:
        return names.camel(section.scope.block)
    called = {instance.name for instance in each.instances}
    own = names.camel(section.name if len(called) == 1 else names.stem(section.name))
    if owners[section]:
        return names.camel(owners[section]) + own
    return _TITLES.get(section.scope.kind, own)


def _difference(variant: ModuleClass, usual: ModuleClass) -> str:
    """How a class differs from the usual one of its title: `WithShortcut`, `WithoutAdd`, or `6` for six layers."""
    ours, theirs = (Counter(map(_kind, each.model.parts)) for each in (variant, usual))
    more = [kind for kind in ours if kind not in theirs]
    less = [kind for kind in theirs if kind not in ours]
    other = [kind for kind in ours if ours[kind] != theirs[kind]]
    if more or less:
        return f"With{names.camel(more[0])}" if more else f"Without{names.camel(less[0])}"
    return str(ours[other[0]]) if len(other) == 1 and not usual.title[-1].isdigit() else ""


def _kind(part: Part) -> str:
    """What a part is: its label, else its layer, block or kind of scope."""
    kind = part.node.op.word if isinstance(part, Layer) else part.scope.block or part.scope.kind
    return part.name if names.is_given(part.name, kind) else kind


def layers_in(classes: Iterable[Section]) -> Iterator[Layer]:
    """The layers of classes, those of the chains written out in them too."""
    pending = list(classes)[::-1]
    while pending:
        for part in pending.pop().parts:
            if isinstance(part, Layer):
                yield part
            elif is_chain(part):
                pending.append(part)
