"""Modules that are called again: what their calls take and give, and how they are reached from where they are called.

A section that lies around a module, or beside the way to it, hands the module on to `forward` of the sections inside:
`self.head(x, self.tower)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cnndsl.backends.torch import names
from cnndsl.backends.torch.tree import Layer, Part, Section, common_sections, grow
from cnndsl.ir.graph import Graph

Around = Mapping[str, Sequence[Section]]  # the sections around a node, outermost first


def plant(graph: Graph) -> list[Section]:
    """All sections of `graph` that become modules, each after the sections in it: the whole network is the last."""
    sections, layers, around = grow(graph)
    _share(sections, layers, around)
    return [section for section in sections if not section.again]


def _share(sections: Sequence[Section], layers: Sequence[Layer], around: Around) -> None:
    """Let calls of a module take and give what its first call does, and sections borrow what they call."""
    by_path = {section.path: section for section in sections}
    for section in sections:
        if section.again:
            _wire_like(section, by_path[section.again], layers)
    needs = list(_calls(sections, by_path, around))
    for inside, path in needs:
        home = _sections_around(path, by_path, around)
        for section in inside[common_sections(inside, home) :]:
            section.borrows[path] = None
    for section in sections:
        if section.again:
            section.borrows = by_path[section.again].borrows


def _wire_like(section: Section, first: Section, layers: Sequence[Layer]) -> None:
    """Layer by layer in their order, what flows in the second call is what flows in the first."""
    before, now = ([each for each in layers if each.path.startswith(f"{of.path}.")] for of in (first, section))
    became: dict[str, str] = {}
    for one, other in zip(before, now, strict=True):
        became |= dict(zip((*one.inputs, one.path), (*other.inputs, other.path), strict=True))
    section.inputs = tuple(became.get(tensor, tensor) for tensor in first.inputs)
    section.outputs = tuple(became[tensor] for tensor in first.outputs)


def _calls(
    sections: Sequence[Section], by_path: Mapping[str, Section], around: Around
) -> Iterator[tuple[Sequence[Section], str]]:
    """The sections around each call of a module elsewhere, and its path; what the module borrows is needed too."""
    for section in sections:
        for part in () if section.again else section.parts:
            if part.again:
                outside = _sections_around(section.path, by_path, around, inclusive=True)
                pending = [part.again]
                while pending:
                    path = pending.pop()
                    yield outside, path
                    first = by_path.get(path)
                    pending.extend(first.borrows if first is not None else ())


def _sections_around(
    path: str, by_path: Mapping[str, Section], around: Around, *, inclusive: bool = False
) -> Sequence[Section]:
    section = by_path.get(path)
    if section is None:
        return around[path]
    inside = section
    while isinstance(inside, Section):
        part = inside.parts[0]
        if isinstance(part, Layer):
            stack = list(around[part.node.name])
            at = stack.index(section)
            return stack[: at + inclusive]
        inside = part
    raise AssertionError(path)


def reach(section: Section, path: str) -> str:
    """How a section's `forward` says the module of that path, which lies in it: `self.stage1.tower`."""
    text, inside = "self", section
    while True:
        parts = list(inside.modules)
        part = next(each for each in parts if each.path == path or path.startswith(f"{each.path}."))
        text += f".{names.free_attributes([each.name for each in parts])[part.name]}"
        if part.path == path:
            return text
        assert isinstance(part, Section)
        inside = part


def relative(section: Section, part: Part) -> str:
    """The path of what a part calls again, the same in all instances of a class if the module lies within them."""
    return part.again.removeprefix(f"{section.path}.") if section.path else part.again
