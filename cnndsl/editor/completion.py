"""What could stand at a place: layers, arguments and their choices, blocks, labels, names, by the words before it.

The words are asked, not the tree: while one types, the line is seldom whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from inspect import cleandoc
from typing import Literal, TypeAlias

from cnndsl.editor.hover import heading
from cnndsl.editor.occurrences import bottom
from cnndsl.editor.view import View
from cnndsl.elaborate.claim import NETWORK_FACTS
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.names import labels_of, parts_of
from cnndsl.elaborate.signatures import parameters_of
from cnndsl.elaborate.tensors import FACTS
from cnndsl.elaborate.values import TYPES
from cnndsl.ops.arguments import Boolean, Parameter, TensorLabel
from cnndsl.records import dataclass
from cnndsl.reference import default_of, entries, entry, first_line
from cnndsl.shipped import shipped
from cnndsl.source import Source
from cnndsl.syntax import tree
from cnndsl.syntax.layout import CLOSING, OPENING
from cnndsl.syntax.tables import tables
from cnndsl.syntax.tokens import Token

_BEFORE_COMMAND = {"_NL", "LBRACE", "_ARROW", "BAR"}
_DEFINES = {"NETWORK", "BLOCK", "USE"}
_STATEMENTS = ("input", "let", "for", "if", "expect", "require")
_LINKS = ("from", "each")
_DEFINITIONS = ("network", "block", "let", "use")
_AFTER_VALUE = {"NAME", "NUMBER", "SIZE", "STRING", "TRUE", "FALSE", "RPAR", "RSQB", "IN"}


Kind: TypeAlias = Literal[
    "keyword", "layer", "structure", "block", "network", "argument", "choice", "name", "label", "fact", "file"
]


@dataclass(frozen=True)
class Completion:
    """A word that could stand there, and what it is.

    text  what is put in, where that is more than the word
    """

    word: str
    kind: Kind
    detail: str = ""
    documentation: str = ""
    text: str = ""


def completions(view: View, source: Source, offset: int) -> list[Completion]:
    """What fits before `offset` of `source`, whatever of the word is there already.

    `view` is the last look at the text, perhaps one before the last letters: names are taken from it.
    """
    words = [word for word in tables().lexer.tokens(source.text[:offset])]
    if _in_comment_or_string(source, offset):
        return []
    if words and words[-1].end_pos == offset and words[-1].type not in _SIGNS and words[-1].isidentifier():
        words.pop()  # the beginning of what is asked for
    return [*_fitting(_Place(view, words, offset))]


_SIGNS = {"_NL", *OPENING, *CLOSING}


def _in_comment_or_string(source: Source, offset: int) -> bool:
    line, column = source.position(offset)
    before, quoted = source.line(line)[: column - 1], False
    for at, letter in enumerate(before):
        if letter == '"' and before[at - 1 : at] != "\\":
            quoted = not quoted
        elif letter == "#" and not quoted:
            return True
    return quoted


class _Place:
    """The words before a place, and the last look at the text."""

    def __init__(self, view: View, words: list[Token], offset: int) -> None:
        self.view, self.words, self.offset = view, words, offset

    @property
    def last(self) -> str:
        """The terminal before the place; that of a line end at the beginning."""
        return self.words[-1].type if self.words else "_NL"

    @cached_property
    def _read(self) -> tuple[int, int]:
        """How many braces are open there, and where the link of a chain begins: at a line, `->`, `|` or a brace.

        A definition at the beginning of a line ends all brackets: while one types, some are still open.
        """
        opened: list[str] = []
        start, before = 0, "_NL"
        for at, kind in enumerate(word.type for word in self.words):
            if kind in _DEFINES and before == "_NL":
                opened, start = [], at
            elif kind in OPENING:
                opened.append(kind)
            elif kind in CLOSING and opened:
                opened.pop()
            inside = opened[-1:] in (["LPAR"], ["LSQB"]) or before == "_COMMA"
            if kind in ("LBRACE", "RBRACE") or (kind in _BEFORE_COMMAND and not inside):
                start = at + 1
            before = kind
        return opened.count("LBRACE"), start

    @property
    def depth(self) -> int:
        return self._read[0]

    @property
    def link(self) -> list[Token]:
        return self.words[self._read[1] :]

    @property
    def definition(self) -> tree.BlockDefinition | tree.NetworkDefinition | tree.VariantDefinition | None:
        """The block or network around the place: the last that begins before it."""
        around = [each for each in self.view.definitions if each.span.start <= self.offset]
        return around[-1] if around and self.depth > 0 else None


def _fitting(place: _Place) -> Iterator[Completion]:
    link = place.link
    first = link[0].type if link else ""
    if place.last == "FROM":
        yield from _origins() if first == "USE" else _labels(place, "in")
    elif first == "USE":
        yield from _exported()
    elif not link:
        yield from _definitions() if place.depth <= 0 else _commands(place)
    elif place.last == "DOT":
        yield from (Completion(fact, "fact", "of a tensor") for fact in FACTS)
    elif place.last == "_AS":
        return
    elif first in ("NETWORK", "BLOCK"):
        yield from _in_heading(place, link)
    elif first == "EXPECT":
        yield from (Completion(fact, "fact", "of the network") for fact in NETWORK_FACTS)
        yield from _names(place)
    elif first == "NAME" and not any(word.type in ("_AS", "_COLON") for word in link):
        yield from _arguments(place, link)
    elif first not in ("_AS", "EACH") and place.last not in _AFTER_VALUE:
        yield from _names(place)


def _definitions() -> Iterator[Completion]:
    return (Completion(word, "keyword") for word in _DEFINITIONS)


def _origins() -> Iterator[Completion]:
    yield Completion("std", "file", "the shared blocks of cnndsl")


def _exported() -> Iterator[Completion]:
    """The blocks and values of `std`."""
    from cnndsl.syntax import parse

    for path in sorted((shipped("archs") / "std").glob("*.arch")):
        file, _ = parse(Source(str(path), path.read_text(encoding="utf-8")))
        for block in file.blocks:
            yield Completion(block.name.id, "block", heading(block), block.doc)
        for value in file.values:
            names = value.names if isinstance(value, tree.Let) else (value.name,)
            yield from (Completion(name.id, "name") for name in names)


def _commands(place: _Place) -> Iterator[Completion]:
    """What a link of a chain begins with; at the beginning of a line, statements too."""
    for word, cls in entries().items():
        kind: Kind = "structure" if cls.__module__.startswith("cnndsl.elaborate") else "layer"
        yield Completion(word, kind, first_line(cls), cleandoc(cls.__doc__ or ""))
    module = place.view.checked.module
    for name, (block, _) in module.blocks.items():
        yield Completion(name, "block", heading(block), block.doc)
    for parameter in _parameters(place):
        if parameter.type is not None and parameter.type.id == "block":
            yield Completion(parameter.name.id, "block", "parameter")
    yield from (Completion(word, "keyword") for word in _LINKS)
    if place.last in ("_NL", "LBRACE"):
        yield from (Completion(word, "keyword") for word in _STATEMENTS)


def _in_heading(place: _Place, link: list[Token]) -> Iterator[Completion]:
    """Types and defaults of parameters; of a variant the base, then its parameters."""
    kinds = [word.type for word in link]
    if place.last == "_COLON":
        yield from (Completion(word, "keyword") for word in TYPES)
    elif kinds[-1:] == ["_EQUAL"] and "LPAR" not in kinds:
        yield from (Completion(name, "network") for name in place.view.checked.module.networks)
    elif "_EQUAL" in kinds and "LPAR" in kinds and kinds.index("_EQUAL") < kinds.index("LPAR"):
        base = place.view.checked.module.networks.get(link[kinds.index("_EQUAL") + 1])
        base = bottom(place.view.checked.module, base)
        if place.last in ("LPAR", "_COMMA") and base is not None:
            yield from _by_name(parameters_of(base.parameters), {*link})
        yield from _names(place)
    elif place.last == "_EQUAL":
        yield from _names(place)


def _arguments(place: _Place, link: list[Token]) -> Iterator[Completion]:
    """Arguments of the command by name, the choices of the one whose value is asked for, and names of values."""
    signature = _signature(place, link[0])
    known = {parameter.name: parameter for parameter in signature}
    if place.last == "_EQUAL" and len(link) > 2 and link[-2] in known:
        yield from _choices(place, known[link[-2]])
    elif place.last == "_COMMA" or len(link) == 1:
        yield from _by_name(signature, _given(signature, link[1:]))
    elif place.last in _AFTER_VALUE:
        return
    yield from _names(place)


def _signature(place: _Place, command: str) -> tuple[Parameter, ...]:
    cls = entry(command)
    if cls is not None:
        return cls.signature()
    found = place.view.checked.module.blocks.get(command)
    return parameters_of(found[0].parameters) if found else ()


def _given(signature: Iterable[Parameter], words: list[Token]) -> set[str]:
    """The parameters that the words of a call bind: by name, the stride by its slash, others by their order."""
    arguments: list[list[Token]] = [[]]
    depth = 0
    for word in words:
        depth += (word.type in OPENING) - (word.type in CLOSING)
        if word.type == "_COMMA" and depth == 0:
            arguments.append([])
        else:
            arguments[-1].append(word)
    named = {first for first, second in (each[:2] for each in arguments if len(each) > 1) if second.type == "_EQUAL"}
    strided = {"stride" for each in arguments if each and each[0].type == "SLASH"}
    by_order = sum(bool(each) for each in arguments) - len(named) - len(strided)
    free = [parameter.name for parameter in signature if parameter.positional and parameter.name not in named]
    return {*named, *strided, *free[:by_order]}


def _by_name(signature: Iterable[Parameter], given: set[str]) -> Iterator[Completion]:
    for parameter in signature:
        if parameter.name not in given:
            default = default_of(parameter)
            detail = parameter.kind.expects + (f" (default: {default})" if default else "")
            yield Completion(parameter.name, "argument", detail, text=f"{parameter.name}=")


def _choices(place: _Place, parameter: Parameter) -> Iterator[Completion]:
    words = ("true", "false") if isinstance(parameter.kind, Boolean) else parameter.kind.choices
    yield from (Completion(word, "choice", parameter.name) for word in words if word)
    if isinstance(parameter.kind, TensorLabel):
        yield from _labels(place)


def _labels(place: _Place, *more: str) -> Iterator[Completion]:
    yield from (Completion(word, "keyword") for word in more)
    definition = place.definition
    names = dict.fromkeys(label.id for label in labels_of(definition.body)) if definition is not None else ()
    yield from (Completion(name, "label") for name in names)


def _parameters(place: _Place) -> tuple[tree.ParameterDefinition, ...]:
    definition = place.definition
    return () if definition is None or isinstance(definition, tree.VariantDefinition) else definition.parameters


def _names(place: _Place) -> Iterator[Completion]:
    """Names of values: parameters, `let`s and loop variables around the place, those of the file, and functions."""
    for parameter in _parameters(place):
        yield Completion(parameter.name.id, "name", "parameter")
    seen: set[str] = set()
    for part in parts_of(place.definition.body) if place.definition is not None else ():
        names: tuple[tree.Name, ...] = ()
        if isinstance(part, (tree.Let, tree.For, tree.Each)):
            names = part.names
        elif isinstance(part, tree.FunctionDefinition):
            names = (part.name,)
        new = [name for name in names if name.span.end < place.offset and name.id not in seen]
        seen.update(name.id for name in new)
        yield from (Completion(name.id, "name", "bound here") for name in new)
    yield from (Completion(name, "name", "of the file") for name in place.view.checked.module.env.names)
    yield Completion("in", "keyword", "what enters the statement")
    yield from (Completion(name, "name", "function") for name in FUNCTIONS)
