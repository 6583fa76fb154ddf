"""What all structures share: arguments as fields, a body in braces, and how they are made from a command."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from cnndsl.elaborate import layers
from cnndsl.elaborate.binding import Call
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.names import quoted
from cnndsl.elaborate.place import Flowing, Place
from cnndsl.ops.arguments import Parameter, signature
from cnndsl.syntax import tree

Self = TypeVar("Self", bound="Structure")


class Structure:
    """Base of all structures.

    word         what the language calls it
    takes_body   whether braces must follow, rather than must not
    takes_label  a label on it names the scope it opens anyway, so no further scope is needed
    """

    word: ClassVar[str]
    takes_body: ClassVar[bool] = True
    takes_label: ClassVar[bool] = False

    @classmethod
    def signature(cls) -> tuple[Parameter, ...]:
        return signature(cls)

    @classmethod
    def of(cls: type[Self], elaborator: Elaborator, command: tree.Command, place: Place) -> Self:
        """The structure with a command's arguments; E317 if it lacks a body, or has one in excess."""
        given = elaborator.evaluator(place).bind(call_of_structure(cls), command.arguments, command.span)
        if not cls.takes_body:
            layers.refuse_body(elaborator, command)
        elif command.body is None:
            message = f"`{cls.word}` needs a body in braces"
            help = f"`{quoted(command)} {{ ... }}`"
            raise elaborator.context.fail("E317", message, command.span, help=help)
        return cls(**given)

    def build(
        self, elaborator: Elaborator, command: tree.Command, place: Place, x: Flowing, label: tree.Name | None
    ) -> Flowing:
        raise TypeError(f"{type(self).__name__} does not say what it builds")


def call_of_structure(structure: type[Structure]) -> Call:
    """What a structure's arguments are bound to."""
    return Call(structure.word, structure.signature())


def body_of(command: tree.Command) -> tree.Body:
    assert command.body is not None  # `Structure.of` has seen to it
    return command.body
