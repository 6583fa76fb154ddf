"""`forward` of a generated class, as a person would write it.

One tensor flows under the name `x`; a branch is named after itself. What is used once, right away and from the
same line of the source is nested into its use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cnndsl.backends.torch import names
from cnndsl.backends.torch.constructor import Constructor
from cnndsl.backends.torch.expressions import Statement, fill, gather
from cnndsl.backends.torch.layout import INDENT, WIDTH
from cnndsl.backends.torch.sharing import reach
from cnndsl.backends.torch.tree import Layer, Part, Section
from cnndsl.ops.base import Shape, TorchModule, show_shape

DEEPEST = 3  # calls nested into each other
_NAMED_KINDS = frozenset({"branch", "shortcut", "column", "head"})


@dataclass(frozen=True)
class _Waiting:
    """An expression that is not written yet because its only use may take it in.

    `depth` counts the calls nested in it; `weighted` says that one of them is a convolution or linear layer.
    """

    text: str
    index: int
    depth: int
    weighted: bool


class Forward:
    """Writes the body of `forward` for one section.

    `parameters` are the names under which it takes the section's inputs; `shapes` of all tensors are given if the
    results' shapes shall be told in comments; `fields` are names that results have (heads). No variable has one of
    the `reserved` names. `borrowed` are the names of modules that are handed in, by their paths.
    """

    def __init__(
        self,
        section: Section,
        made: Constructor,
        parameters: list[str],
        shapes: Mapping[str, Shape] | None,
        fields: Mapping[str, str],
        reserved: frozenset[str],
        borrowed: Mapping[str, str],
    ) -> None:
        self.section = section
        self.made = made
        self.shapes = shapes
        self.fields = fields
        self.reserved = reserved.union(borrowed.values())
        self.borrowed = borrowed
        self.steps = section.parts
        self.uses = Counter(source for step in self.steps for source in step.inputs)
        self.uses.update(section.outputs)
        self.readers: dict[str, list[int]] = {}
        for index, step in enumerate(self.steps):
            for source in step.inputs:
                self.readers.setdefault(source, []).append(index)
        self.last_use = {source: readers[-1] for source, readers in self.readers.items()}
        self.last_use.update(dict.fromkeys(section.outputs, len(self.steps)))
        self.variables = dict(zip(section.inputs, parameters, strict=True))
        self.holders = {name: tensor for tensor, name in self.variables.items()}
        self.waiting: dict[str, _Waiting] = {}
        self.statements: list[Statement] = []
        self.told: str | None = None

    def write(self) -> None:
        """Write all steps; what the last of them leaves waiting is up to `result`."""
        for index, step in enumerate(self.steps):
            self._step(index, step)

    def result(self) -> str:
        """What is returned: the text of the outputs, or the last expression itself. It completes `statements`."""
        if len(self.section.outputs) > 1:
            self.flush()
        return ", ".join(self._texts(self.section.outputs))

    def _step(self, index: int, step: Part) -> None:
        if not self._takes_in(index, step):
            self.flush()
        text = self._text(step, self._texts(step.inputs))
        taken = [self.waiting.pop(source) for source in dict.fromkeys(step.inputs) if source in self.waiting]
        depth = 1 + max((each.depth for each in taken), default=0)
        if self._can_wait(index, step, depth):
            weighted = _is_weighted(step) or any(each.weighted for each in taken)
            self.waiting[step.outputs[0]] = _Waiting(text, index, depth, weighted)
        else:
            self.flush()
            self._assign(index, step, text)

    def _takes_in(self, index: int, step: Part) -> bool:
        """Can the step take in its inputs that wait? In order, not too deep or long, one weighted layer to a line."""
        taken = [source for source in step.inputs if source in self.waiting]
        if not taken:
            return True
        waiting = [self.waiting[source] for source in taken]
        in_order = list(self.waiting)[len(self.waiting) - len(taken) :] == taken
        too_deep = any(each.depth >= DEEPEST for each in waiting)
        too_heavy = _is_weighted(step) and any(each.weighted for each in waiting)
        return in_order and not too_deep and not too_heavy and self._fits(index, step)

    def _fits(self, index: int, step: Part) -> bool:
        room = WIDTH - len(2 * INDENT) - len("return " if index == len(self.steps) - 1 else "x = ")
        return len(self._text(step, self._texts(step.inputs))) <= room

    def _texts(self, tensors: tuple[str, ...]) -> list[str]:
        return [self.waiting[t].text if t in self.waiting else self.variables[t] for t in tensors]

    def _text(self, step: Part, inputs: list[str]) -> str:
        """The expression that computes a part from the texts of its inputs."""
        if isinstance(step, Section):
            return f"{self._module(step)}({', '.join([*inputs, *map(self._reached, step.borrows)])})"
        if isinstance(step.spelling, TorchModule):
            return f"{self._module(step)}({fill(step.spelling.inputs, inputs, {})})"
        template = gather(step.spelling.template, inputs, self.made.folded) or step.spelling.template
        return fill(template, inputs, self.made.values[step])

    def _module(self, step: Part) -> str:
        """What is called to compute a part."""
        return self._reached(step.again) if step.again else f"self.{self.made.attributes[step.name]}"

    def _reached(self, path: str) -> str:
        """A module that is called again: one that was handed in, or lies within."""
        return self.borrowed[path] if path in self.borrowed else reach(self.section, path)

    def _can_wait(self, index: int, step: Part, depth: int) -> bool:
        """May it become a part of its use? If it has only one, and would not be better off with a name."""
        tensor = step.outputs[0]
        if len(step.outputs) > 1 or self.uses[tensor] != 1 or self._guarded(step):
            return False
        if tensor in self.section.outputs:
            return index == len(self.steps) - 1 and not self.fields and not self._is_folded(step)
        reader = self.steps[self.last_use[tensor]]
        if self._guarded(reader):
            return False
        if len(reader.inputs) == 1:
            return step.line == reader.line and isinstance(step, Layer) and isinstance(reader, Layer)
        if isinstance(reader, Section):
            return False
        return isinstance(step, Section) or (depth == 1 and isinstance(step.spelling, TorchModule))

    def _guarded(self, step: Part) -> bool:
        """Is it computed in training only, unlike what stands around it?"""
        return step.train_only and not self.section.train_only

    def _is_head(self, step: Part) -> bool:
        """Does the main flow go past it?"""
        return self._guarded(step) or (isinstance(step, Section) and step.scope.kind == "head")

    def _is_folded(self, step: Part) -> bool:
        """Is it one of many alike, which a loop runs through?"""
        return self.made.attributes.get(step.name) in self.made.folded

    def flush(self) -> None:
        """Write down everything that waits, in order."""
        waiting, self.waiting = self.waiting, {}
        for each in waiting.values():
            self._assign(each.index, self.steps[each.index], each.text)

    def _assign(self, index: int, step: Part, text: str) -> None:
        for tensor in step.outputs:
            name = self._name(index, step, tensor)
            self.variables[tensor] = name
            self.holders[name] = tensor
        guard = " if self.training else None" if self._guarded(step) else ""
        targets = ", ".join(self.variables[tensor] for tensor in step.outputs)
        self.statements.append(Statement(f"{targets} = {text}{guard}", self._comment(step)))

    def _comment(self, step: Part) -> str:
        """The shape of the result, where it changes."""
        if self.shapes is None or len(step.outputs) > 1:
            return ""
        shown = show_shape(self.shapes[step.outputs[0]])
        if shown == self.told:
            return ""
        if not self._guarded(step):
            self.told = shown
        return shown

    def _name(self, index: int, step: Part, tensor: str) -> str:
        """The variable for a result: its own name if it is a branch or labelled for later, else the one that flows."""
        if tensor in self.fields:
            return self._free(self.fields[tensor], index)
        if len(step.outputs) > 1 and (isinstance(step, Layer) or tensor in step.scope.gives):
            return self._free(f"x{step.outputs.index(tensor) + 1}", index)
        if isinstance(step, Section) and len(step.outputs) > 1 and tensor != step.outputs[-1]:
            return self._free(_inner_name(tensor, step), index)
        if isinstance(step, Section) and step.scope.kind in _NAMED_KINDS:
            return self._free(step.name, index)
        kept = self._is_kept(index, tensor)
        if kept and _is_labelled(step):
            return self._free(step.name, index)
        if self._is_free("x", index):
            return "x"
        if kept and isinstance(step, Section):
            return self._free(step.name, index)
        flowing = self.variables.get(step.inputs[0], "")
        if flowing.startswith("out") and self._is_free(flowing, index):
            return flowing
        return self._free("out", index)

    def _is_kept(self, index: int, tensor: str) -> bool:
        """Is it read after the next step, heads aside?"""
        following = next((i for i in range(index + 1, len(self.steps)) if not self._is_head(self.steps[i])), None)
        if following is None:
            return False
        late = (i for i in self.readers.get(tensor, ()) if i > following and not self._is_head(self.steps[i]))
        return tensor in self.section.outputs or next(late, None) is not None

    def _is_free(self, name: str, index: int) -> bool:
        """Is nothing kept under this name that is read after step `index`?"""
        return name not in self.holders or self.last_use.get(self.holders[name], -1) <= index

    def _free(self, wanted: str, index: int) -> str:
        held = (name for name in self.holders if not self._is_free(name, index))
        return names.variable(wanted, self.reserved, held)


def _is_weighted(part: Part) -> bool:
    return isinstance(part, Layer) and part.node.op.weighted


def _is_labelled(part: Part) -> bool:
    """Did the author name it?"""
    if isinstance(part, Layer):
        return names.is_given(part.name, part.node.op.word)
    return names.is_given(part.name, part.scope.block or part.scope.kind)


def _inner_name(tensor: str, section: Section) -> str:
    """The name, in a section, of the part that makes a tensor."""
    return tensor[len(section.path) + 1 :].partition(".")[0]
