"""A layer as another framework writes it, in our words and with its own numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cnndsl.habits.arguments import ACTIVATIONS, DROPPED, INVERTED, NAMES, NORMALIZERS, same_argument
from cnndsl.habits.layers import ORDERS, SHIPPED, STRUCTURES, Meaning, is_merge, letters, meaning
from cnndsl.habits.order import LARGEST_KERNEL
from cnndsl.habits.reading import Argument, Link, Unclear, Value
from cnndsl.habits.values import is_nothing, numbers, truth, written
from cnndsl.ops import find
from cnndsl.ops.arguments import ArgumentError, Choice, Padding, Parameter, Size, Stride
from cnndsl.ops.base import LayerError, Op

FLOW = {"x", "y", "h", "net", "out", "output", "input", "inputs", "img", "image", "feat", "features", "data", "self"}
_BARE = {"conv", "conv_transpose", "linear", "maxpool", "avgpool", "bn", "relu", "softmax", "flatten", "group_norm"}
_LARGEST = {"kernel": LARGEST_KERNEL, "stride": 8, "pad": 8, "dilation": 32}  # what these are at most, without names
_MANY, _KERNELS = 8, (1, 3, 5, 7)  # `conv 8, 3` has eight filters
_COUNTS = {"filters", "features", "groups", "multiplier"}


@dataclass
class Scope:
    """What the file names around the line.

    labels   that layers carry in it
    blocks   its own and the imported ones
    rebound  names that are assigned more than once, and so stand for what flows rather than for one tensor
    """

    labels: Collection[str] = ()
    blocks: Collection[str] = ()
    rebound: Collection[str] = ()


@dataclass
class Written:
    """One element of a chain in our words, and the label that follows it.

    separate  whether a new line begins behind it
    sure      whether nothing was guessed
    remarks   what its author should know: which argument is called what here
    """

    text: str
    label: str | None = None
    separate: bool = False
    sure: bool = True
    remarks: tuple[str, ...] = ()

    @property
    def ends_line(self) -> bool:
        return self.separate or self.label is not None


def write_link(link: Link, scope: Scope) -> list[Written]:
    """The elements that a foreign layer is here; raises `Unclear` where something has no certain meaning."""
    name = link.name.split(".")[-1]
    if name in scope.blocks:
        return [Written(_plain(name, link))]
    if letters(name) in ("activation", "act", "nonlinearity") and link.arguments:
        return [Written(text) for text in _activation(link.arguments[0].value)]
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
    return _Layer(link, means, scope).write()


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


def _activation(value: Value) -> list[str]:
    """`relu`, `'relu'`, `nn.ReLU`, `nn.ReLU()`, or none."""
    if value.kind == "call":
        return [each.text for link in value.links for each in write_link(link, Scope())]
    if is_nothing(value) or value.text in ("linear", "false", "False", "identity"):
        return []
    means = meaning(value.text) if value.kind in ("word", "string") else None
    op = find(means.word) if means is not None else None
    if means is None or op is None or not _follows(op):
        raise Unclear(value.text)
    return ["leaky_relu 0.1" if value.text == "leaky" else means.word]  # Darknet's slope


def _follows(op: type[Op]) -> bool:
    """Whether it may be named among a layer's arguments to follow it: an activation, or a normalisation."""
    return not any(parameter.required for parameter in op.signature()) and not op.weighted and op.arity == 1


@dataclass
class _Layer:
    """Collects what a layer is given, by our names, and writes it."""

    link: Link
    means: Meaning
    scope: Scope
    values: dict[str, Value] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    same: bool = False
    norm: list[str] = field(default_factory=list)
    activation: list[str] = field(default_factory=list)
    label: str | None = None
    before: list[str] = field(default_factory=list)
    sure: bool = True
    remarks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if (
            self.means.word == "upsample"
            and self.link.called
            and "size" in self.given()
            and letters(self.link.name.split(".")[-1]) != "upsampling"
        ):
            self.means = Meaning("resize")  # in PyTorch it is the size that comes out
        op = find(self.means.word)
        if op is None:
            raise Unclear(self.means.word)
        self.op = op
        self.parameters = {parameter.name: parameter for parameter in op.signature()}

    def write(self) -> list[Written]:
        positional = [argument.value for argument in self.link.arguments if argument.name is None]
        for argument in self.link.arguments:
            if argument.name is not None:
                self.take_named(argument.name, argument.value)
        self.take_positional(list(self.surplus_words(self.without_flow(positional))))
        self.imply()
        self.settle_padding()
        separable = self.values.pop("filters", None) if self.means.after else None
        text = self.text()
        elements = [*self.before, text]
        if self.means.after:
            if separable is None:
                raise Unclear("filters")
            elements.append(self.means.after.format(filters=separable.text))
        elements += [*self.norm, *self.activation]
        at = elements.index(text)
        written = [Written(each, self.label if i == at else None) for i, each in enumerate(elements)]
        written[at].sure, written[at].remarks = self.sure, tuple(self.remarks)
        return written

    # --- arguments without a name

    def without_flow(self, values: Sequence[Value]) -> Iterator[Value]:
        """Leave out the tensor that a function is called on; one that carries a label is read."""
        for number, value in enumerate(values):
            if value.kind == "word" and self.link.called and number in (0, len(values) - 1):
                if value.text in self.scope.labels and number == 0:
                    self.before = [f"from {value.text}"]
                    continue
                if value.text in FLOW:
                    self.sure = False  # it may be another tensor than the current one
                    continue
            yield value

    def surplus_words(self, values: Iterable[Value]) -> Iterator[Value]:
        """Words that are no values: an activation that follows, a choice such as `nearest`."""
        for value in values:
            if value.kind in ("word", "string"):
                chosen = next((p for p in self.parameters.values() if value.text.lower() in p.kind.choices), None)
                if chosen is not None and not chosen.positional:
                    self.values[chosen.name] = value
                    continue
                if (op := find(_word(value.text))) is not None and _follows(op):
                    (self.norm if _word(value.text) == "bn" else self.activation).append(_word(value.text))
                    continue
                if value.kind == "word" and value.text in self.scope.blocks:
                    raise Unclear(value.text)
            yield value

    def take_positional(self, values: Sequence[Value]) -> None:
        own = " ".join(p.name for p in self.parameters.values() if p.positional)
        bare = self.link.called or self.means.word in _BARE
        if len(values) == 1 and own == "kernel filters" and (parts := numbers(values[0])) and len(parts) == 3:
            values = [Value("size", f"{parts[0]}x{parts[1]}"), Value("number", str(parts[2]))]
        elif own == "kernel filters" and len(values) == 3 and _is_spread(values):
            values = [Value("size", f"{values[0].text}x{values[1].text}"), values[2]]
        for order in (*self.means.orders, *(ORDERS.get(self.means.word, (own,)) if bare else (own,))):
            slots = order.split()
            if len(values) <= len(slots) and self.fits(dict(zip(slots, values, strict=False))):
                self.values |= {slot: v for slot, v in zip(slots, values, strict=False) if slot != "-"}
                self.sure &= self.link.called or order == own
                self.as_word()
                return
        raise Unclear(self.link.name)

    def fits(self, given: dict[str, Value]) -> bool:
        """Whether values make sense in these places, and none that is needed lacks."""
        if any(not _plausible(slot, value) or slot in self.values for slot, value in given.items()):
            return False
        if "-" in given and not self.link.called and given["-"].kind != "number":
            return False  # a name may be anything
        if self.swapped(given.get("kernel"), given.get("filters")):
            return False
        known = {*given, *self.values, *(name for name, _ in (*self.means.given, *self.means.called))}
        return all(not p.required or p.name in known for p in self.parameters.values())

    def swapped(self, kernel: Value | None, filters: Value | None) -> bool:
        """Whether an even kernel without padding, and a small odd number of filters, must be the other way round."""
        if kernel is None or filters is None or kernel.kind != "number" or "pad" in self.values:
            return False
        size, count = numbers(kernel), numbers(filters)
        padded = any(name == "pad" for name, _ in self.means.called) and self.link.called
        if padded or size is None or count is None:
            return False
        return size[0] % 2 == 0 and size[0] >= _MANY and count[0] in _KERNELS

    def as_word(self) -> None:
        """Meanings that depend on the values: `relu 6`, reshapes, sizes where a factor is wanted."""
        name = letters(self.link.name.split(".")[-1])
        positional = [argument.value for argument in self.link.arguments if argument.name is None]
        if self.means.word == "relu" and [value.text for value in positional] in (["6"], ["6.0"]):
            self.means = Meaning("relu6")
        if name in ("view", "reshape") and (len(positional) > 3 or "-1" not in [v.text for v in positional]):
            raise Unclear(name)
        if name in ("interpolate", "interp") and self.link.called and len(positional) > 1:
            raise Unclear(name)
        if self.link.name.split(".")[-1] == "Upsample" and self.link.called and positional:
            raise Unclear(name)

    def given(self) -> set[str]:
        return {argument.name for argument in self.link.arguments if argument.name}

    # --- arguments with a name

    def take_named(self, name: str, value: Value) -> None:
        if name == "padding_mode" and value.text == "zeros":
            return
        if name in NAMES:
            self.label = value.text if value.kind in ("word", "string") and value.text.isidentifier() else None
        elif name == "ceil_mode" and "round" in self.parameters:
            if truth(value):
                self.values["round"] = Value("word", "ceil")
        elif name in INVERTED:
            self.take(name, INVERTED[name], _inverse(name, value))
        elif name == "max_value" and self.means.word == "relu" and value.text in ("6", "6.0"):
            self.means = Meaning("relu6")
        elif (ours := self.ours(name)) is not None:
            self.take(name, ours, value)
        elif name in ACTIVATIONS:
            self.activation += _activation(value)
        elif name in NORMALIZERS:
            self.norm += self.normalizer(value)
        elif name in DROPPED:
            self.remarks += [DROPPED[name]] if " " in DROPPED[name].removeprefix("leave it out") else []
        elif not self.take_choice(name, value):
            raise Unclear(name)

    def ours(self, name: str) -> str | None:
        return "stride" if name == "/" and "stride" in self.parameters else same_argument(name, list(self.parameters))

    def take(self, theirs: str, ours: str, value: Value) -> None:
        if is_nothing(value):
            return
        if theirs == "momentum" and self.link.name.endswith("BatchNormalization"):
            value = _inverse(theirs, value)
        if ours in self.values:
            raise Unclear(theirs)
        if theirs not in ("/", ours, *INVERTED):
            self.remarks.append(f"`{theirs}` is `{ours}` here")
        self.values[ours] = value
        self.named.add(ours)

    def take_choice(self, name: str, value: Value) -> bool:
        """`nearest=true` for `mode=nearest`."""
        chosen = next((p for p in self.parameters.values() if name.lower() in p.kind.choices), None)
        if chosen is not None and truth(value):
            self.values[chosen.name] = Value("word", name)
        follows = chosen is None and (op := find(_word(name))) is not None and _follows(op)
        if follows and truth(value):
            self.activation.append(_word(name))
        return chosen is not None or follows

    def normalizer(self, value: Value) -> list[str]:
        if truth(value) is not None or is_nothing(value):
            return ["bn"] if truth(value) else []
        return _activation(value)

    # --- what is implied

    def imply(self) -> None:
        implied = (*self.means.given, *(self.means.called if self.link.called else ()))
        for name, text in implied:
            self.values.setdefault(name, Value("word" if text.isalpha() else "number", text))
        if "kernel" in self.values and self.is_pool():  # whose stride is its kernel elsewhere
            self.values.setdefault("stride", self.values["kernel"])

    def is_pool(self) -> bool:
        """Whether its stride goes without saying: elsewhere always, here only that of two."""
        ours = self.link.name == self.means.word and not self.link.called
        needed = "stride" in self.parameters and self.parameters["stride"].default is None
        return needed and (not ours or _pair(numbers(self.values["kernel"])) == (2, 2))

    def settle_padding(self) -> None:
        """`same` and `valid`, and half of the kernel, which a convolution has anyway."""
        pad = self.values.get("pad")
        if pad is None or not isinstance(self.parameters["pad"].kind, Padding):
            return
        if pad.kind in ("word", "string") and pad.text.lower() == "valid":
            self.values["pad"] = Value("number", "0")
        elif pad.kind in ("word", "string") and pad.text.lower() == "same":
            del self.values["pad"]
            self.pad_same()
            if "pad" not in self.values:
                self.remark_half()
        elif self.halves() and numbers(pad) is not None and self.half() == _pair(numbers(pad)):
            del self.values["pad"]
            self.remark_half()

    def remark_half(self) -> None:
        self.remarks = [remark for remark in self.remarks if "`pad`" not in remark]
        if not self.link.called:
            self.remarks.append("half of the kernel is padded unless `pad` says otherwise")

    def pad_same(self) -> None:
        """As large as before over the stride: half of the kernel where that is it, else what `pad=same` says."""
        strided = _pair(numbers(self.values["stride"])) != (1, 1) if "stride" in self.values else False
        half = self.half()
        if half is not None and not strided:
            if not self.halves():
                self.values["pad"] = Value("size", "x".join(map(str, half)))
        elif _accepts(self.parameters["pad"], "same"):
            self.values["pad"] = Value("word", "same")
        elif half is None or not self.halves():
            raise Unclear("same")

    def halves(self) -> bool:
        """Whether half of the kernel is what it pads without being told."""
        return self.parameters["pad"].default is None

    def half(self) -> tuple[int, int] | None:
        kernel = _pair(numbers(self.values["kernel"])) if "kernel" in self.values else None
        spread = _pair(numbers(self.values["dilation"])) if "dilation" in self.values else (1, 1)
        if kernel is None or spread is None or any(k % 2 == 0 for k in kernel):
            return None
        return (spread[0] * (kernel[0] - 1) // 2, spread[1] * (kernel[1] - 1) // 2)

    # --- our words

    def text(self) -> str:
        word, parameters = self.means.word, self.parameters
        if word in ("adaptive_avgpool", "adaptive_maxpool") and _pair(numbers(self.values["size"])) == (1, 1):
            return word.replace("adaptive", "global")
        shown: list[str] = []
        literals: dict[str, object] = {}
        for name, parameter in parameters.items():
            if name not in self.values:
                continue
            text = written(parameter.kind, self.values[name], square=name in ("kernel", "size"))
            literals[name] = _literal(text)
            if not parameter.positional and _same(literals[name], parameter):
                continue
            plain = parameter.positional and (parameter.required or name == "size" or name not in self.named)
            shown.append(text if plain else _keyword(parameter, text))
        _hold(self.op, parameters, literals)
        return f"{word} {', '.join(shown)}".strip()


def _word(name: str) -> str:
    means = meaning(name)
    return means.word if means is not None else name


def _plausible(slot: str, value: Value) -> bool:
    parts = numbers(value)
    if slot in _LARGEST and value.kind == "number":
        return parts is not None and parts[0] <= _LARGEST[slot]
    if slot == "kernel":
        return value.kind != "call"
    if slot in _COUNTS:
        return value.kind not in ("tuple", "size", "string", "call") or "*" in value.text
    return True


def _is_spread(values: Sequence[Value]) -> bool:
    """`3, 3, 64`: rows, columns, filters."""
    rows, columns, filters = ((numbers(value) or (0,))[0] for value in values)
    return all(value.kind == "number" for value in values) and rows == columns in _KERNELS and filters >= _MANY


def _inverse(name: str, value: Value) -> Value:
    """`no_bias=true` for `bias=false`, `keep_prob=0.8` for `p=0.2`."""
    if name.startswith("no") and truth(value) is not None:
        return Value("word", "false" if truth(value) else "true")
    try:
        return Value("number", f"{1 - float(value.text):.6g}")
    except ValueError:
        raise Unclear(name) from None


def _pair(parts: tuple[int, ...] | None) -> tuple[int, int] | None:
    return (parts[0], parts[-1]) if parts is not None and len(parts) in (1, 2) else None


def _accepts(parameter: Parameter, value: object) -> bool:
    try:
        parameter.kind.accept(value)
    except ArgumentError:
        return False
    return True


def _keyword(parameter: Parameter, text: str) -> str:
    return f"/{text}" if isinstance(parameter.kind, Stride) else f"{parameter.name}={text}"


def _literal(text: str) -> object:
    """The value of a text without names; None if it has some."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        parts = text.split("x")
    return Size(map(int, parts)) if all(part.isdigit() for part in parts) else None


def _same(literal: object, parameter: Parameter) -> bool:
    """Whether a value is what would be taken without it."""
    if isinstance(parameter.kind, Choice) or literal is None or parameter.default is None:
        return False
    try:
        return parameter.kind.accept(literal) == parameter.default
    except ArgumentError:
        return False


def _hold(op: type[Op], parameters: dict[str, Parameter], literals: dict[str, object]) -> None:
    """Raises `Unclear` if the layer would not take these values."""
    try:
        taken = {n: parameters[n].kind.accept(v) for n, v in literals.items() if v is not None}
        if None not in literals.values():
            op(**taken)
    except (ArgumentError, LayerError, TypeError) as error:
        raise Unclear(str(error)) from None
