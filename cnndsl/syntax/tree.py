"""The syntax tree of an `.arch` file: what was written, and where. No names are resolved here."""

from __future__ import annotations

from typing import TypeAlias

from cnndsl.records import dataclass, replace
from cnndsl.source import Source, Span

# --- expressions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, string or truth value. A number too large to read is infinite."""

    value: int | float | str | bool
    span: Span


@dataclass(frozen=True, slots=True)
class SizeLiteral:
    """`3x3`"""

    parts: tuple[int | float, ...]  # infinite if too large to read
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Incoming:
    """`in`: what enters the statement, a tensor or a bundle."""

    span: Span


@dataclass(frozen=True, slots=True)
class Labelled:
    """The name after `from`, or before a fact (`skip.height`): what `as` gave it to. It is read as a label alone."""

    id: str
    span: Span


@dataclass(frozen=True, slots=True)
class Fact:
    """`in.channels`, `in[0].height`: a number that is known of a tensor."""

    of: Expression
    fact: Name
    span: Span


@dataclass(frozen=True, slots=True)
class ListExpression:
    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Comprehension:
    """`[f(w) for w in widths if w > 8]`"""

    value: Expression
    names: tuple[Name, ...]
    items: Expression
    condition: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Operation:
    """A flat run of operators of one precedence: `a + b - c`, `64 x 56 x 56`, `a < b <= c`, `a or b`, `a ** b`.

    `operators[i]` stands between `operands[i]` and `operands[i + 1]`.
    """

    operands: tuple[Expression, ...]
    operators: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Prefix:
    """`not`, `+` and `-` in front of an operand, outermost first."""

    operators: tuple[str, ...]
    operand: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Conditional:
    """`a if c else b if d else e`: cases are (value, condition), the last value has no condition."""

    cases: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Index:
    """`depths[0]`, `in[i]`, `d[m, i]`"""

    of: Expression
    indices: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Slice:
    of: Expression
    start: Expression | None
    stop: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`len(depths)`, or a block with some of its arguments: `bottleneck(groups = 32)`."""

    function: Expression
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Argument:
    """`value` is an expression, or a body in braces (`shortcut={ ... }`); `/2` has the name "stride"."""

    name: Name | None
    value: Expression | Body
    span: Span


Expression: TypeAlias = (
    Literal
    | SizeLiteral
    | Name
    | Incoming
    | Labelled
    | Fact
    | ListExpression
    | Comprehension
    | Operation
    | Prefix
    | Conditional
    | Index
    | Slice
    | Call
)

# --- statements ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Body:
    """Statements in braces; for a merge, branches (and control flow that gives branches)."""

    statements: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Command:
    """A layer, block or structure with its arguments, and a body if it has one."""

    name: Name
    arguments: tuple[Argument, ...]
    body: Body | None
    span: Span


@dataclass(frozen=True, slots=True)
class Read:
    """`from NAME`, `from in[0]`, `from NAME[i]`: this tensor, or bundle, becomes the current one.

    `what` is a label or `in`, perhaps with indices and slices behind it.
    """

    what: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Each:
    """`each { ... }`, `each i, width in widths { ... }`: a body for every tensor of a bundle."""

    names: tuple[Name, ...]
    items: Expression | None
    body: Body
    span: Span


Element: TypeAlias = Command | Read | Each


def as_label(value: Expression) -> Expression:
    """What is written as a value, read as `from` reads it: its name is a label."""
    if isinstance(value, Name):
        return Labelled(value.id, value.span)
    return replace(value, of=as_label(value.of)) if isinstance(value, (Index, Slice)) else value


@dataclass(frozen=True, slots=True)
class Flow:
    """Elements joined by `->`, with an optional label, which may be numbered, and an optional shape ascription."""

    elements: tuple[Element, ...]
    label: Name | None
    numbers: tuple[Expression, ...]
    shape: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Branch:
    flow: Flow | Unreadable
    span: Span


@dataclass(frozen=True, slots=True)
class Input:
    shape: Expression
    label: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Let:
    names: tuple[Name, ...]
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionDefinition:
    """`let make_divisible(v, by = 8) = ...`: a value that depends on arguments; it stands wherever a `let` does."""

    name: Name
    parameters: tuple[ParameterDefinition, ...]
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class For:
    names: tuple[Name, ...]
    items: Expression
    body: Body
    span: Span


@dataclass(frozen=True, slots=True)
class If:
    cases: tuple[tuple[Expression, Body], ...]
    otherwise: Body | None
    span: Span


@dataclass(frozen=True, slots=True)
class Expect:
    claim: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Require:
    condition: Expression
    message: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A statement with a syntax error, which has been reported; what follows it is not to be blamed."""

    span: Span


Statement: TypeAlias = Flow | Branch | Input | Let | FunctionDefinition | For | If | Expect | Require | Unreadable

# --- definitions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ParameterDefinition:
    name: Name
    type: Name | None
    default: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class BlockDefinition:
    name: Name
    parameters: tuple[ParameterDefinition, ...]
    body: Body
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class NetworkDefinition:
    name: Name
    parameters: tuple[ParameterDefinition, ...]
    body: Body
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class VariantDefinition:
    """`network resnet50 = resnet(depths = [...]) { expect ... }`; the body holds claims of its own."""

    name: Name
    base: Name
    arguments: tuple[Argument, ...]
    body: Body | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Use:
    """`use fire, conv_bn from "blocks.arch"`, or `from std`; blocks and values come in alike."""

    names: tuple[Name, ...]
    origin: Name | Literal
    span: Span


@dataclass(frozen=True, slots=True)
class File:
    """One parsed file. Definitions keep their order; unreadable ones are left out."""

    source: Source
    uses: tuple[Use, ...]
    values: tuple[Let | FunctionDefinition, ...]
    blocks: tuple[BlockDefinition, ...]
    networks: tuple[NetworkDefinition | VariantDefinition, ...]
    complete: bool  # False if a syntax error was found anywhere
    lost: frozenset[str] = frozenset()  # the names in what could not be read: perhaps defined there, perhaps used
