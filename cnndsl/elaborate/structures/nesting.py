"""Structures that only nest: `repeat`, `stage`, `head`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from cnndsl.diagnostics import Diagnostic, Label
from cnndsl.elaborate.context import Round
from cnndsl.elaborate.drafts import Bundle
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.place import Flowing, Place, tensors_of
from cnndsl.elaborate.structures.base import Structure, body_of
from cnndsl.ir.node import MAIN
from cnndsl.ops.arguments import Kind, argument, boolean, integer
from cnndsl.ops.base import show_shape
from cnndsl.records import dataclass
from cnndsl.source import Span
from cnndsl.syntax import tree


@dataclass(frozen=True)
class Repeat(Structure):
    """`repeat n { body }`: the body, n times, each on the result of the one before."""

    word: ClassVar[str] = "repeat"

    count: int = integer(minimum=0)

    def rounds(self, elaborator: Elaborator, command: tree.Command) -> Iterator[int]:
        """1, 2, ..., count; each is a step, so that they end even if nothing is repeated."""
        if self.count > elaborator.context.max_nodes:
            elaborator.context.node(command.span, self.count)
        for number in range(1, self.count + 1):
            elaborator.context.step(command.span)
            yield number

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        for number in self.rounds(elaborator, command):
            with elaborator.context.inside(Round(number, self.count)):
                x = elaborator.body(body_of(command), place.inner(), x)
        return x


@dataclass(frozen=True)
class Stage(Structure):
    """`stage { body }`: a named part of the network."""

    word: ClassVar[str] = "stage"
    takes_label: ClassVar[bool] = True

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        number = 1 + sum(getattr(child, "kind", "") == "stage" for child in place.scope.children)
        name = label.id if label else self.word
        scope = place.scope.open("stage", name, command.span, labelled=label is not None)
        with elaborator.context.inside(f"stage {label.id if label else number}"):
            y = elaborator.body(body_of(command), place.inner().within(scope), x)
        scope.carry(x, y)
        return y


class Word(Kind):
    """A bare name, such as a head's."""

    expects = "a name"
    choices = ("",)  # any bare word is taken as it stands

    def accept(self, value: object) -> object:
        if not isinstance(value, str) or not value.isidentifier():
            raise self._refuse(value)
        return value


# What can be wrong for one shape and right for another: shapes, values computed from them, requirements.
OF_SHAPES = ("E2", "E308", "E313", "E402")


@dataclass(frozen=True)
class Head(Structure):
    """`head name, train_only=true { body }`: a further result of the network; the main flow goes on as before.

    A `train_only` head, such as GoogLeNet's auxiliary classifiers, is computed in training mode alone, and its
    parameters and MACs are counted apart.
    """

    word: ClassVar[str] = "head"

    label: str = argument(Word())
    train_only: bool = boolean(False)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        if place.in_block:
            raise elaborator.context.fail("E316", "`head` stands in networks, not in blocks", command.span)
        self._claim_name(elaborator, command)
        if self.label in elaborator.settings.left_out:
            self._leave_out(elaborator, command, elaborator.settings.left_out[self.label])
            return x
        known = len(elaborator.context.report.errors)
        start = len(elaborator.drafts)
        scope = place.scope.open("head", self.label, command.span, labelled=True)
        with elaborator.context.inside(f"head {self.label}"):
            result = elaborator.body(body_of(command), place.inner().within(scope), x)
        scope.carry(x, result)
        self._give(elaborator, result)
        read = {source for node in elaborator.drafts.nodes[start:] for source in node.inputs}
        if not self.train_only and any(tensor.node in read for tensor in tensors_of(x)):
            elaborator.past_head = x
        if mistakes := elaborator.context.report.errors[known:]:
            elaborator.whole = False
            if self.train_only and all(each.code.startswith(OF_SHAPES) for each in mistakes):
                elaborator.unfit[self.label] = mistakes[0]
        return x

    def _give(self, elaborator: Elaborator, result: Flowing) -> None:
        """A tensor is called like the head, those of a bundle are numbered."""
        numbered = [f"{self.label}{number}" for number in range(1, len(tensors_of(result)) + 1)]
        names = numbered if isinstance(result, Bundle) else [self.label]
        for name, tensor in zip(names, tensors_of(result), strict=False):
            elaborator.heads.append((name, tensor, self.train_only))

    def _leave_out(self, elaborator: Elaborator, command: tree.Command, why: Diagnostic) -> None:
        """W609"""
        shape = " and ".join(show_shape(x.shape) for x in elaborator.inputs)
        message = f"head `{self.label}` does not fit on an input of {shape} and is left out"
        labels = (Label(why.span, why.message),)
        elaborator.context.fail("W609", message, _name(command), labels=labels)

    def _claim_name(self, elaborator: Elaborator, command: tree.Command) -> None:
        """E309 for a second head of the same name; `output` is the network's own result."""
        span = _name(command)
        first = elaborator.head_names.setdefault(self.label, span)
        if self.label == MAIN:
            help = "`output` is what flows at the end of the network"
            raise elaborator.context.fail("E309", "a head cannot be called `output`", span, help=help)
        if first != span:
            labels = (Label(first, "first used here"),)
            raise elaborator.context.fail("E309", f"there is a head called `{self.label}` already", span, labels=labels)


def _name(head: tree.Command) -> Span:
    """Where a head's name is written."""
    return next(a.value.span for a in head.arguments if a.name is None or a.name.id == "label")
