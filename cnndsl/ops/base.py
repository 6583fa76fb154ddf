"""What a layer is: `Op`, the one class that holds every fact about it, and the registry of all layers.

Shapes leave out the batch axis: an image is (channels, height, width), a vector (features,). A rule here knows
no text and no places; it raises `LayerError` with the values and the repair, and the elaborator adds where.
Nothing here imports torch: PyTorch's spelling of a layer is data (`TorchModule`, `TorchExpression`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import ModuleType
from typing import ClassVar, Literal, TypeVar

from cnndsl.errors import Error, PackageError
from cnndsl.ops.arguments import Parameter, signature
from cnndsl.ops.bounds import ANY, Bounds, hull
from cnndsl.ops.kept import INPUTS, Kept, Shares
from cnndsl.ops.window import Window
from cnndsl.records import dataclass, field

Shape = tuple[int, ...]
Dtype = Literal["float32", "int64"]
ENTRY_POINT_GROUP = "cnndsl.layers"


def show_shape(shape: Shape) -> str:
    """`64 x 56 x 56`, as the language writes a shape."""
    return " x ".join(map(str, shape))


def literal(value: object) -> str:
    """A number, bool, string, tuple or None as Python writes it; infinity by way of `math`."""
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return repr(value).replace("inf", "math.inf").replace("e-0", "e-")
    return repr(value)


@dataclass(frozen=True)
class Rewrite:
    """A layer with other arguments, as they are written; None leaves one out. `title` says it in words."""

    title: str
    arguments: Mapping[str, str | None]


class LayerError(Error):
    """A layer that cannot be built from its arguments or applied to its input.

    code      the stable code of the diagnostic, such as "E202"
    argument  the name of the argument at fault, if one is
    input     the index of the input at fault, if one is (merges have several)
    help      advice, with numbers where they can be computed
    rewrites  the same layer as it could have been meant, each another way out
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        argument: str | None = None,
        input: int | None = None,
        help: str | None = None,
        rewrites: tuple[Rewrite, ...] = (),
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.argument = argument
        self.input = input
        self.help = help
        self.rewrites = rewrites

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Buffer:
    """A tensor that is kept with the weights but not learned, such as a running mean."""

    shape: Shape
    dtype: Dtype = "float32"


@dataclass(frozen=True)
class TorchModule:
    """PyTorch's spelling of a layer that is a module: `nn.Conv2d(3, 64, 7, stride=2, padding=3)`.

    callee  the class, as the generated file writes it (`nn.`, `F.`, `torch.` and `math.` are imported there)
    args    positional arguments: numbers, tuples, bools, strings
    kwargs  keyword arguments, each (value, PyTorch's default); all of them, so that two instances of a layer can
            be compared; a writer leaves out those that equal the default
    inputs  how the inputs are handed over, `{0}`, `{1}`, ...; other text wraps them (`F.pad({0}, (0, 1, 0, 1))`)
    source  the class definition, where PyTorch has no such module
    helper  a function that the source calls, which other layers may share
    """

    callee: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, tuple[object, object]] = field(default_factory=dict)
    inputs: str = "{0}"
    source: str | None = None
    helper: str = ""

    def constructor(self) -> str:
        """The call that makes the module, keyword arguments only where they differ from PyTorch's defaults."""
        given = [f"{name}={literal(value)}" for name, (value, default) in self.kwargs.items() if value != default]
        return f"{self.callee}({', '.join([*map(literal, self.args), *given])})"


@dataclass(frozen=True)
class TorchExpression:
    """PyTorch's spelling of a layer without state, used in `forward`: `torch.cat([{0}, {1}], dim=1)`.

    `{0}`, `{1}`, ... are the input tensors; `{name}` is the number `values[name]`, which may become an argument
    of the generated class when instances of a block differ in it.
    """

    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, *inputs: str) -> str:
        """The expression on input tensors of these names."""
        return self.template.format(*inputs, **{name: literal(value) for name, value in self.values.items()})


@dataclass(frozen=True)
class Op:
    """A layer. Subclass it as a frozen dataclass whose fields are the layer's arguments, and `register` it.
    (A layer without arguments needs no decorator of its own: it inherits equality and the empty signature.)

    Class facts (all but the word may be properties, where they depend on the arguments):
      word      what the language calls it
      arity     how many tensors it takes; None means two or more (a merge, written with branches)
      measured  how many of its inputs, the last ones, it takes the size of and nothing else
      weighted  counts as a layer in `depth` (convolutions and linear layers)
      pointwise treats every element alike, so it can be fused into the layer before it
      triton    for a pointwise layer: the Triton expression of its value at `x` (float32), using `tl` and `libdevice`
                and its fields by name (`tl.where(x > 0, x, x * {slope})`); with one, it is fused on a GPU
      function  for a pointwise layer: its function in `torch.nn.functional` and what that takes after the input, as
                in `("leaky_relu", 0.1)`; with one, it is fused on a CPU
      picks     each value that comes out is a copy, a maximum or a mean of values that come in, of one channel (of
                each branch, for a merge)
      passes    for an activation: the values that it hands on unchanged, as (least, largest)
      pools     a pool, of windows or of the whole map
      shares    when what comes out is what came in, or a part of it, without memory of its own
      examples  lines of the language that show it, each `INPUT SHAPE -> LINE`; documentation and tests run them
    The docstring is the layer's documentation: its first line a summary, then meaning, units and source.
    """

    word: ClassVar[str]
    arity: ClassVar[int | None] = 1
    measured: ClassVar[int] = 0
    weighted: ClassVar[bool] = False
    pointwise: ClassVar[bool] = False
    triton: ClassVar[str | None] = None
    function: ClassVar[tuple[object, ...] | None] = None
    picks: ClassVar[bool] = False
    passes: ClassVar[Bounds | None] = None
    pools: ClassVar[bool] = False
    shares: ClassVar[Shares] = "never"
    examples: ClassVar[tuple[str, ...]] = ()

    def output(self, *inputs: Shape) -> Shape:
        """The shape that comes out; raises `LayerError` if the inputs do not fit."""
        raise TypeError(f"{type(self).__name__} does not say its output shape")

    def parameters(self, *inputs: Shape) -> dict[str, Shape]:
        """Learned tensors by PyTorch's names, for inputs that fit."""
        return {}

    def buffers(self, *inputs: Shape) -> dict[str, Buffer]:
        """Tensors that are kept but not learned, by PyTorch's names."""
        return {}

    def macs(self, *inputs: Shape) -> int:
        """Multiply-accumulates of one sample: convolutions and linear layers, padding counted, bias not."""
        return 0

    def keeps(self, *inputs: Shape) -> Kept:
        """What training keeps of it until backward, in PyTorch on a CPU."""
        return INPUTS

    def window(self, *inputs: Shape) -> Window:
        """Which pixels it looks at, for the receptive field."""
        return Window()

    def bounds(self, *inputs: Bounds) -> Bounds:
        """Between what its values lie, in training too, if those of its inputs lie between these."""
        return hull(*inputs) if self.picks else ANY

    @property
    def keeps_shift(self) -> bool:
        """Whether a constant that is added to a channel of its input is, in inference, one added to channels of its
        output."""
        return self.picks

    def centres(self, *inputs: Shape) -> bool:
        """Whether a constant that is added to a channel of its input changes nothing."""
        return False

    def does_nothing(self, *inputs: Shape) -> bool:
        """Whether what comes out is what comes in, in training too. `identity`, which is meant so, does not say it."""
        return False

    def constant(self, *inputs: Shape) -> str:
        """Why what comes out is the same whatever comes in, in a few words; empty if it is not."""
        return ""

    def torch(self, *inputs: Shape) -> TorchModule | TorchExpression:
        """How PyTorch spells it for these inputs."""
        raise TypeError(f"{type(self).__name__} does not say how PyTorch spells it")

    @classmethod
    def signature(cls) -> tuple[Parameter, ...]:
        """Its arguments, in order."""
        return signature(cls)

    def __str__(self) -> str:
        """The layer with its arguments, all of them by keyword but the positional ones."""
        shown = []
        for parameter in self.signature():
            value, kind = getattr(self, parameter.name), parameter.kind
            if value != parameter.default or parameter.required:
                shown.append(kind.show(value) if parameter.positional else kind.keyword(parameter.name, value))
        return f"{self.word} {', '.join(shown)}" if shown else self.word


_REGISTRY: dict[str, type[Op]] = {}
_entry_points_loaded = False

OpClass = TypeVar("OpClass", bound=type[Op])


def register(cls: OpClass) -> OpClass:
    """Add a layer to the language (a class decorator). A word can be taken only once.

    A package can also name its layers in the entry point group `cnndsl.layers`; they are loaded the first time
    a file uses a word that is not built in.
    """
    taken = _REGISTRY.get(cls.word)
    if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
        raise ValueError(f"a layer called {cls.word!r} exists already: {taken.__module__}.{taken.__qualname__}")
    _REGISTRY[cls.word] = cls
    return cls


def _load_entry_points() -> None:
    global _entry_points_loaded
    if not _entry_points_loaded:
        from importlib.metadata import entry_points  # 40 ms, and few files need it

        for entry_point in entry_points(group=ENTRY_POINT_GROUP):
            try:
                _take(entry_point.load())
            except Exception as error:
                package = entry_point.dist.name if entry_point.dist is not None else "a package"
                what = f"{package} brings a layer {entry_point.name} ({entry_point.value}) that cannot be loaded"
                raise PackageError(f"{what}: {type(error).__name__}: {error}") from error
        _entry_points_loaded = True


def _take(loaded: object) -> None:
    """What an entry point names: a layer, or a module that registers some itself."""
    if isinstance(loaded, type) and issubclass(loaded, Op):
        register(loaded)
    elif not isinstance(loaded, ModuleType):
        raise TypeError(f"{loaded!r} is neither a layer nor a module")


def is_built_in(word: str) -> bool:
    """Whether a layer of that name is known without a look at installed packages."""
    return word in _REGISTRY


def built_in_layers() -> dict[str, type[Op]]:
    """The layers that come with cnndsl, by their words."""
    return {word: layer for word, layer in _REGISTRY.items() if layer.__module__.startswith("cnndsl.ops.")}


def find(word: str) -> type[Op] | None:
    """The layer of that name, looking at installed packages' entry points if it is not built in."""
    if word not in _REGISTRY:
        _load_entry_points()
    return _REGISTRY.get(word)


def all_layers() -> dict[str, type[Op]]:
    """Every layer by its word, in order of registration: built in ones by family, then others."""
    _load_entry_points()
    return dict(_REGISTRY)
