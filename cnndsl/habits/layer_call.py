"""A foreign layer's arguments, brought to ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cnndsl.habits.arguments import ACTIVATIONS, DROPPED, INPUTS, INVERTED, NAMES, NORMALIZERS, same_argument
from cnndsl.habits.fitting import (
    KERNELS,
    MANY,
    accepts,
    activation,
    follows,
    hold,
    inverse,
    is_default,
    is_spread,
    keyword,
    literal,
    pair,
    plausible,
    word,
)
from cnndsl.habits.foreign_line import Link, Unclear, Value
from cnndsl.habits.layers import ORDERS, Meaning, letters
from cnndsl.habits.scope import FLOW, Scope, Written
from cnndsl.habits.values import is_nothing, numbers, truth, written
from cnndsl.ops import find
from cnndsl.ops.arguments import Padding
from cnndsl.records import dataclass, field

_BARE = {"conv", "conv_transpose", "linear", "maxpool", "avgpool", "bn", "relu", "softmax", "flatten", "group_norm"}


@dataclass
class LayerCall:
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
        name = letters(self.link.name.split(".")[-1])
        sized = self.link.called and name != "upsampling"  # in PyTorch it is the size that comes out
        if self.means.word == "upsample" and "size" in self.given() and (sized or name in ("interpolate", "interp")):
            self.means = Meaning("resize")
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
                if (op := find(word(value.text))) is not None and follows(op):
                    (self.norm if word(value.text) == "bn" else self.activation).append(word(value.text))
                    continue
                if value.kind == "word" and value.text in self.scope.blocks:
                    raise Unclear(value.text)
            yield value

    def take_positional(self, values: Sequence[Value]) -> None:
        own = " ".join(p.name for p in self.parameters.values() if p.positional)
        bare = self.link.called or self.means.word in _BARE
        if len(values) == 1 and own == "kernel filters" and (parts := numbers(values[0])) and len(parts) == 3:
            values = [Value("size", f"{parts[0]}x{parts[1]}"), Value("number", str(parts[2]))]
        elif own == "kernel filters" and len(values) == 3 and is_spread(values):
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
        if any(not plausible(slot, value) or slot in self.values for slot, value in given.items()):
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
        return size[0] % 2 == 0 and size[0] >= MANY and count[0] in KERNELS

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
            self.take(name, INVERTED[name], inverse(name, value))
        elif name == "max_value" and self.means.word == "relu" and value.text in ("6", "6.0"):
            self.means = Meaning("relu6")
        elif (ours := self.ours(name)) is not None:
            self.take(name, ours, value)
        elif name in ACTIVATIONS:
            self.activation += activation(value)
        elif name in NORMALIZERS:
            self.norm += self.normalizer(value)
        elif name in DROPPED:
            if name in INPUTS:
                self.remarks.append(DROPPED[name])
        elif not self.take_choice(name, value):
            raise Unclear(name)

    def ours(self, name: str) -> str | None:
        return "stride" if name == "/" and "stride" in self.parameters else same_argument(name, list(self.parameters))

    def take(self, theirs: str, ours: str, value: Value) -> None:
        if is_nothing(value):
            return
        if theirs == "momentum" and self.link.name.endswith("BatchNormalization"):
            value = inverse(theirs, value)
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
        layer = chosen is None and (op := find(word(name))) is not None and follows(op)
        if layer and truth(value):
            self.activation.append(word(name))
        return chosen is not None or layer

    def normalizer(self, value: Value) -> list[str]:
        if truth(value) is not None or is_nothing(value):
            return ["bn"] if truth(value) else []
        return activation(value)

    # --- what is implied

    def imply(self) -> None:
        implied = (*self.means.given, *(self.means.called if self.link.called else ()))
        for name, text in implied:
            self.values.setdefault(name, Value("word" if text.isalpha() else "number", text))
        if "kernel" in self.values and self.is_pool():  # whose stride is its kernel elsewhere
            self.values.setdefault("stride", self.values["kernel"])

    def is_pool(self) -> bool:
        """Whether its stride goes without saying, as it does elsewhere."""
        ours = self.link.name == self.means.word and not self.link.called
        needed = "stride" in self.parameters and self.parameters["stride"].default is None
        return needed and not ours

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
        elif self.halves() and numbers(pad) is not None and self.half() == pair(numbers(pad)):
            del self.values["pad"]
            self.remark_half()

    def remark_half(self) -> None:
        self.remarks = [remark for remark in self.remarks if "`pad`" not in remark]
        if not self.link.called:
            self.remarks.append("half of the kernel is padded unless `pad` says otherwise")

    def pad_same(self) -> None:
        """As large as before over the stride: half of the kernel where that is it, else what `pad=same` says."""
        strided = pair(numbers(self.values["stride"])) != (1, 1) if "stride" in self.values else False
        half = self.half()
        if half is not None and not strided:
            if not self.halves():
                self.values["pad"] = Value("size", "x".join(map(str, half)))
        elif accepts(self.parameters["pad"], "same"):
            self.values["pad"] = Value("word", "same")
        elif half is None or not self.halves():
            raise Unclear("same")

    def halves(self) -> bool:
        """Whether half of the kernel is what it pads without being told."""
        return self.parameters["pad"].default is None

    def half(self) -> tuple[int, int] | None:
        kernel = pair(numbers(self.values["kernel"])) if "kernel" in self.values else None
        spread = pair(numbers(self.values["dilation"])) if "dilation" in self.values else (1, 1)
        if kernel is None or spread is None or any(k % 2 == 0 for k in kernel):
            return None
        return (spread[0] * (kernel[0] - 1) // 2, spread[1] * (kernel[1] - 1) // 2)

    # --- our words

    def text(self) -> str:
        word, parameters = self.means.word, self.parameters
        if word in ("adaptive_avgpool", "adaptive_maxpool") and pair(numbers(self.values["size"])) == (1, 1):
            return word.replace("adaptive", "global")
        shown: list[str] = []
        literals: dict[str, object] = {}
        for name, parameter in parameters.items():
            if name not in self.values:
                continue
            text = written(parameter.kind, self.values[name], square=name in ("kernel", "size"))
            literals[name] = literal(text)
            if not parameter.positional and is_default(literals[name], parameter):
                continue
            plain = parameter.positional and (parameter.required or name == "size" or name not in self.named)
            shown.append(text if plain else keyword(parameter, text))
        hold(self.op, parameters, literals)
        return f"{word} {', '.join(shown)}".strip()
