"""Networks nobody thought of: valid `.arch` texts from a seed, for every law that holds of all networks.

Layers come from the registry and their arguments from their own signatures: a layer is drawn by existing, and where it
may stand is asked of its own shape rule. What has to be written here is how layers are put together: chains that can be
fused, merges of any layer with branches, gates, multi-resolution fuses, blocks called with different arguments, labels
that several read, heads, and all structures inside each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from math import prod
from random import Random

from hypothesis import strategies as st

from cnndsl import loads
from cnndsl.elaborate.structures.residual import strides
from cnndsl.ir import Graph
from cnndsl.ops import LayerError, Op, Shape, all_layers, show_shape
from cnndsl.ops.arguments import (
    ArgumentError,
    Boolean,
    Choice,
    Extent,
    Integer,
    Kind,
    Number,
    Padding,
    Parameter,
    Size,
    Stride,
)

LARGEST = 3_000  # values of a tensor
WIDEST = 20  # its channels
TRIES = 20
NUMBERS = (-0.5, 0.001, 0.1, 0.25, 0.5, 0.9, 1.0, 2.0)
LABELS = ("t", "conv", "len", "self", "forward", "F", "x", "relu_b")

Flow = tuple[str, Shape]  # a chain of the language, and the shape that comes out of it
Tensors = list[tuple[str, Shape]]  # labels that may be read


class Writer:
    """Writes one network. Everything takes the shape that comes in, and gives text that is valid for it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.names = 0
        self.blocks: list[tuple[str, Shape, str]] = []  # name, the shape it is made for, and its text
        self.pairs: list[str] = []  # texts of blocks that take and give two tensors

    # --- layers, from the registry

    @cached_property
    def layers(self) -> dict[str, type[Op]]:
        """Those of cnndsl, whatever else a test has registered."""
        return {word: cls for word, cls in all_layers().items() if cls.__module__.startswith("cnndsl.")}

    def family(self, belongs: Callable[[type[Op]], object]) -> list[type[Op]]:
        return [cls for cls in self.layers.values() if belongs(cls)]

    def value(self, kind: Kind, channels: int) -> object:
        """A value that an argument may well accept, as the language hands it over."""
        few = self.random.choice
        if isinstance(kind, Boolean):
            return few((True, False))
        if isinstance(kind, Choice):
            return few(kind.choices)
        if isinstance(kind, Stride):
            return few((1, 2, 2, 3, Size((1, 2)), Size((2, 1)), Size((3, 1))))
        if isinstance(kind, Extent):
            sizes = [size for size in (0, 1, 1, 2, 3, 3, 3, 4, 5) if size >= kind.minimum]
            return few((few(sizes), Size((few(sizes), few(sizes)))))
        if isinstance(kind, Padding):
            if kind.choices and self.random.random() < 0.3:
                return few(kind.choices)
            sides = [few((0, 0, 1, 1, 2, 3)) for _ in range(4)]
            return few((sides[0], Size(sides[:2]), sides))
        if isinstance(kind, Integer):
            divisors = [number for number in range(1, channels + 1) if channels % number == 0]
            return few((0, 1, 2, 3, 4, 5, 6, 7, 8, channels, 2 * channels, few(divisors), few(divisors)))
        return few(NUMBERS) if isinstance(kind, Number) else None

    def argument(self, parameter: Parameter, channels: int) -> object:
        """The value that the layer keeps."""
        left_out = 0.3 if parameter.default is None else 0.6  # None is worked out, or must be given after all
        if not parameter.required and self.random.random() < left_out:
            return parameter.default
        for _ in range(TRIES):
            try:
                return parameter.kind.accept(self.value(parameter.kind, channels))
            except ArgumentError:
                continue
        return parameter.default

    def layer(self, shape: Shape, among: list[type[Op]]) -> Flow:
        """One of these layers, with arguments for which it takes the shape; `identity` if none was found."""
        for _ in range(TRIES):
            cls = self.random.choice(among)
            try:
                op = cls(**{each.name: self.argument(each, shape[0]) for each in cls.signature()})
                after = op.output(shape)
            except LayerError:
                continue
            if self.is_handy(shape, after):
                return str(op), after
        return "identity", shape

    def is_handy(self, before: Shape, after: Shape) -> bool:
        """Whether to go on with that: small, still an image if it was one, and seldom of one pixel alone."""
        small = prod(after) <= LARGEST and after[0] <= WIDEST
        shrunk = after[1:] == (1, 1) != before[1:]
        return small and len(after) == len(before) and (not shrunk or self.random.random() < 0.2)

    def any_layer(self, shape: Shape) -> Flow:
        return self.layer(shape, self.family(lambda cls: cls.arity == 1))

    def activation(self, shape: Shape) -> str:
        return self.layer(shape, self.family(lambda cls: cls.pointwise))[0]

    def unit(self, shape: Shape) -> Flow:
        """Layers that are usually fused: weights, a norm and activations, in one order or the other."""
        text, after = self.layer(shape, self.family(lambda cls: cls.weighted))
        if self.random.random() < 0.2:
            return f"bn -> {self.activation(shape)} -> {text}", after
        steps = [text, *["bn"] * (self.random.random() < 0.5)]
        steps += [self.activation(after) for _ in range(self.random.choice((0, 1, 1, 2)))]
        return " -> ".join(steps), after

    # --- from one shape to another

    def fit(self, shape: Shape, wanted: Shape) -> str:
        """A chain that makes one shape of the other."""
        if shape == wanted:
            return "identity"
        if len(wanted) == 1:
            return self.random.choice(("flatten -> ", "global_avgpool -> ")) * (len(shape) > 1) + f"linear {wanted[0]}"
        channels = f"conv {self.random.choice(('1x1', '1x1', '3x3', '1x3'))}, {wanted[0]}"
        if shape[1:] == wanted[1:]:
            return channels
        grown = [after // before for before, after in zip(shape[1:], wanted[1:], strict=True)]
        if all(before * by == after for before, by, after in zip(shape[1:], grown, wanted[1:], strict=True)):
            return f"{channels} -> upsample {Size(grown)}{self.random.choice(('', ', mode=bilinear'))}"
        if (step := strides(shape, wanted)) is not None:
            return f"conv 3x3, {wanted[0]}, /{Size(step)}"
        return f"adaptive_avgpool {Size(wanted[1:])} -> {channels}"

    # --- what layers are put into

    def flow(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        texts = []
        for _ in range(self.random.randint(1, 3)):
            text, shape = self.element(shape, depth, labels)
            texts.append(text)
        return " -> ".join(texts), shape

    def element(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        roll = self.random.random()
        if depth == 0 or roll < 0.45:
            return self.unit(shape) if roll < 0.25 else self.any_layer(shape)
        structures = (
            self.merge,
            self.alike,
            self.residual,
            self.gate,
            self.dense,
            self.repeat,
            self.stage,
            self.towers,
        )
        spatial = (self.fractal, self.fuse, self.call, self.split, self.bundle)
        kinds = structures if len(shape) == 1 else (*structures, self.merge, self.residual, *spatial)
        return self.random.choice(kinds)(shape, depth - 1, labels)

    def merge(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """Branches of any kind; where the layer does not take them as they are, they are made to fit the first."""
        branches = [self.branch(shape, depth, labels) for _ in range(self.random.choice((2, 2, 3)))]
        op = self.random.choice(self.family(lambda cls: cls.arity is None))()
        try:
            after = op.output(*(each for _, each in branches))
        except LayerError:
            first = branches[0][1]
            branches = [(f"{text} -> {self.fit(each, first)}", first) for text, each in branches]
            after = op.output(*(each for _, each in branches))
        text = f"{op.word} {{ {' '.join(f'| {text}' for text, _ in branches)} }}"
        return (text, after) if self.is_handy(after, after) else (f"{text} -> {self.fit(after, shape)}", shape)

    def branch(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        near = [each for each in labels if len(each[1]) == len(shape)]
        if near and self.random.random() < 0.4:
            label, after = self.random.choice(near)
            return f"from {label}", after
        return ("identity", shape) if self.random.random() < 0.2 else self.flow(shape, depth, labels)

    def alike(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """The beginnings of an inception or fire module, which read one tensor and may be computed as one."""
        if len(shape) == 1:
            return self.unit(shape)
        act, bias = self.activation(shape), self.random.choice(("", ", bias=true"))
        more = ("", "", " -> conv 3x3, 2", " -> relu")
        first = [f"conv {self.random.choice(('1x1', '1x1', '3x3'))}, {n}{bias} -> {act}" for n in (1, 2, 3)]
        texts = [f"{text}{self.random.choice(more)}" for text in first[: self.random.choice((2, 3))]]
        filters = [2 if text.endswith("conv 3x3, 2") else number for number, text in enumerate(texts, 1)]
        return f"concat {{ {' '.join(f'| {text}' for text in texts)} }}", (sum(filters), *shape[1:])

    def residual(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        body, after = self.flow(shape, depth, labels)
        act = self.activation(shape)
        if after != shape and strides(shape, after) is not None and self.random.random() < 0.6:
            padded = after[0] >= shape[0] and self.random.random() < 0.3
            shortcut = "zero_pad" if padded else "projection"
            return f"residual shortcut={shortcut} {{ {body} }} -> {act}", after
        return f"residual {{ {body} -> {self.fit(after, shape)} }} -> {act}", shape

    def gate(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """Weights for channels, or for pixels."""
        squeezed = (shape[0], *(1 for _ in shape[1:])) if self.random.random() < 0.7 else (1, *shape[1:])
        start, before = ("global_avgpool -> ", (shape[0], 1, 1)) if squeezed[1:] == (1, 1) else ("", shape)
        inner, after = self.unit(before)
        gate = f"{start}{inner} -> {self.fit(after, squeezed)} -> sigmoid"
        kept = self.random.choice(("identity", self.activation(shape)))
        return f"mul {{ | {kept} | {gate} }}", shape

    def dense(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        count, growth = self.random.randint(1, 3), self.random.randint(1, 3)
        act = self.activation(shape)
        last = f"conv {self.random.choice(('3x3', '1x1'))}, {growth}" if len(shape) > 1 else f"linear {growth}"
        return f"dense {count} {{ bn -> {act} -> {last} }}", (shape[0] + count * growth, *shape[1:])

    def fractal(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        dropped = self.random.choice(("", ", drop_path=0.2"))
        body = f"conv {self.random.choice(('3x3', '1x3'))}, {shape[0]} -> bn -> {self.activation(shape)}"
        return f"fractal {self.random.randint(1, 3)}{dropped} {{ {body} }}", shape

    def repeat(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """Labels in it have no numbers, which would be the same in every round."""
        body, after = self.flow(shape, depth, labels)
        body = re.sub(r"(?<=\w)\[(\d), (\d)\]", r"_\1_\2", body)
        return f"repeat {self.random.randint(0, 3)} {{ {body} -> {self.fit(after, shape)} }}", shape

    def stage(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        inside = list(labels)  # what is labelled in a body stays there
        first, shape = self.statement(shape, depth, inside)
        second, shape = self.flow(shape, depth, inside)
        return f"stage {{ {first}\n {second} }}", shape

    def towers(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """Layers that are applied again, with the same weights, in all kinds of places."""
        body, after = self.flow(shape, depth, labels)
        name, back = self.label(after)[0], self.fit(after, shape)
        again = f"again {name} -> {self.random.choice((back, f'{self.activation(after)} -> {back}'))}"
        places = (
            again,
            f"stage {{ {self.activation(shape)} -> {again} }}",
            f"residual {{ {again} }}",
            f"add {{ | {again} | {self.activation(shape)} -> {again} }}",
            f"repeat 2 {{ {again} }}",
            f"group {{ | identity | {self.activation(shape)} }} -> each {{ {again} }} -> add",
        )
        first = self.random.choice((f"{body} as {name}", f"stage {{ {body} }} as {name}"))
        lines = [first, back, *(self.random.choice(places) for _ in range(self.random.randint(1, 2)))]
        return "stage {{ {} }}".format("\n ".join(lines)), shape

    def fuse(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """Streams of several resolutions, each made of all of them, twice (HRNet, Sun et al. 2019)."""
        lines, streams, family = [], [self.label(shape)], self.label(shape)[0]
        lines.append(f"{self.activation(shape)} as {streams[0][0]}")
        for _ in range(self.random.randint(1, 2)):
            before = streams[-1][1]
            half = (min(before[0] + 1, WIDEST), *(-(-size // 2) for size in before[1:]))
            streams.append(self.label(half))
            lines.append(f"conv 3x3, {half[0]}, /2 -> {self.activation(half)} as {streams[-1][0]}")
        for turn in range(2):
            fused = [self.label(after) for _, after in streams]
            if self.random.random() < 0.5:
                fused = [(f"{family}[{turn}, {i}]", after) for i, (_, after) in enumerate(fused)]
            for label, wanted in fused:
                branches = " ".join(f"| from {read} -> {self.fit(after, wanted)}" for read, after in streams)
                lines.append(f"add {{ {branches} }} as {label}")
            streams = fused
        branches = " ".join(f"| from {read} -> {self.fit(after, shape)}" for read, after in streams)
        return "stage {{ {}\n add {{ {} }} }}".format("\n ".join(lines), branches), shape

    def split(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """Parts of the channels, each worked on by itself (Gao et al. 2019, Ma et al. 2018)."""
        sizes = [self.random.randint(1, shape[0])]
        sizes += [shape[0] - sizes[0]] * (sizes[0] < shape[0])
        counts = [count for count in range(1, shape[0] + 1) if shape[0] % count == 0]
        parts = str(sizes) if self.random.random() < 0.5 else str(self.random.choice(counts))
        bodies = (f"conv 3x3, in.channels -> {self.activation(shape)}", self.activation(shape), "identity")
        return f"split {parts} -> each {{ {self.random.choice(bodies)} }} -> concat", shape

    def bundle(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """Two tensors of any shape that flow through everything that carries them, and are merged in the end."""
        texts, shapes = zip(*(self.flow(shape, depth, labels) for _ in range(2)), strict=True)
        widths = [each[0] for each in shapes]
        unit = f"conv {self.random.choice(('3x3', '1x1'))}, w -> bn -> {self.activation(shape)}"
        alike = f"each w in {widths} {{ {unit} }}"
        kinds = (alike, f"residual {{ {alike} }}", f"repeat 2 {{ {alike} }}", "identity", self.exchange(shapes))
        lines = [f"group {{ {' '.join(f'| {text}' for text in texts)} }}"]
        lines += [self.random.choice(kinds) for _ in range(self.random.randint(1, 3))]
        word = self.random.choice(("add", "mean", "mul"))
        reads = (f"| from in[{i}] -> {self.fit(each, shape)}" for i, each in enumerate(shapes))
        lines.append(f"{self.random.choice(('group', word))} {{ {' '.join(reads)} }}")
        lines += [word] * lines[-1].startswith("group")
        return "stage {{ {} }}".format("\n ".join(lines)), shape

    def exchange(self, shapes: tuple[Shape, ...]) -> str:
        """The call of a block in which each of two tensors is made of both."""
        branches = []
        for wanted in shapes:
            reads = (f"| from in[{i}] -> {self.fit(each, wanted)}" for i, each in enumerate(shapes))
            branches.append(f"| add {{ {' '.join(reads)} }} -> {self.activation(wanted)}")
        name = f"exchange{len(self.pairs)}"
        self.pairs.append(f"block {name}() {{ group {{ {' '.join(branches)} }} }}")
        return name

    def call(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """A block that exists, or a new one. It ends in a convolution of which its parameters say everything."""
        if not self.blocks or self.random.random() < 0.4:
            body, inner = self.flow(shape, depth, [])
            last = self.random.choice(("conv k, n", "conv k, n -> bn -> act", "conv k, n -> act"))
            name = f"block{len(self.blocks)}"
            text = f"block {name}(n, k = 3, act: block = relu) {{\n  {body} -> {self.fit(inner, shape)}\n  {last}\n}}"
            self.blocks.append((name, shape, text))
        name, made_for, _ = self.random.choice(self.blocks)
        filters, more = self.random.randint(1, 6), self.random.choice(("", ", k=1", ", k=3x1", ", act=sigmoid", ", 5"))
        return f"{self.fit(shape, made_for)} -> {name} {filters}{more}", (filters, *made_for[1:])

    # --- statements

    def label(self, shape: Shape) -> tuple[str, Shape]:
        self.names += 1
        return f"{self.random.choice(LABELS)}{self.names}", shape

    def statement(self, shape: Shape, depth: int, labels: Tensors) -> Flow:
        """A flow, at times with a label that later statements of the same body may read."""
        text, shape = self.flow(shape, depth, labels)
        if self.random.random() < 0.4:
            labels.append(self.label(shape))
            return f"{text} as {labels[-1][0]}", shape
        return text, shape

    def head(self, shape: Shape, labels: Tensors) -> str:
        self.names += 1
        body, after = self.flow(shape, 1, labels)
        only = self.random.choice(("true", "false"))
        return f"head head{self.names}, train_only={only} {{ {body} -> {self.fit(after, (3,))} }}"

    def image(self) -> Shape:
        return (self.random.randint(1, 8), self.random.randint(4, 14), self.random.randint(4, 14))

    def network(self, statements: int) -> str:
        shape, labels = self.image(), list[tuple[str, Shape]]()
        lines = [f"input {show_shape(shape)}"]
        if self.random.random() < 0.1:
            labels = [("photo", shape), ("other", self.image())]
            lines = [f"input {show_shape(each)} as {label}" for label, each in labels]
            lines.append(f"add {{ | from photo | from other -> {self.fit(labels[1][1], shape)} }}")
        for _ in range(statements):
            line, shape = self.statement(shape, 2, labels)
            lines.append(line)
            if self.random.random() < 0.2:
                lines.append(self.head(shape, labels))
        if self.random.random() < 0.3:
            lines.append(self.fit(shape, (4,)))
            lines.append(self.flow((4,), 1, labels)[0])
        elif self.random.random() < 0.1:
            text, _ = self.flow(shape, 1, labels)
            lines.append(f"group {{ | {text} as last | from in }}")
        blocks = [*(text for *_, text in self.blocks), *self.pairs]
        return "\n".join([*blocks, "network random {", *(f"  {line}" for line in lines), "}"])


def random_network(seed: int, statements: int = 2) -> str:
    """The text of one network, always the same for a seed."""
    return Writer(seed).network(statements)


texts = st.builds(random_network, st.integers(0, 10**6), st.integers(1, 3))


def networks() -> st.SearchStrategy[Graph]:
    """Graphs of random networks; what fails shrinks to one of few statements."""
    return texts.map(lambda text: loads(text).graph)
