"""How PyTorch spells fused layers: subclasses of its own layers that do more in one call, by oneDNN where it can.

oneDNN's fused operators are PyTorch's own (`torch.ops.mkldnn`), the ones that `torch.compile` freezes a network to.
They take weights reordered for the shape of the input; the reordered ones are made on demand and never stale.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.ops.base import Op, Shape, TorchModule
from cnndsl.ops.pooling import Avgpool, Pool

AFFINE = '''\
class Affine(nn.Module):
    """Every channel times its `scale` plus its `shift`: a batch norm in inference."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels), requires_grad=False)
        self.shift = nn.Parameter(torch.zeros(channels), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shape = (-1,) + (1,) * (x.dim() - 2)
        return torch.addcmul(self.shift.view(shape), x, self.scale.view(shape))
'''

AFFINE_NORM = '''\
class AffineNorm(nn.Module):
    """Every channel times its `scale` plus its `shift`, as the batch norm of mean 0 and variance 1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels), requires_grad=False)
        self.shift = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.register_buffer("mean", torch.zeros(channels), persistent=False)
        self.register_buffer("variance", torch.ones(channels), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(x, self.mean, self.variance, self.scale, self.shift, eps=0.0)
'''

FUSED = '''\
class Fused(nn.Module):
    """What fused layers share: steps before and after the layer, and weights in the order that oneDNN wants.

    A step is the name of a function of `torch.nn.functional`, or such a name with an argument; `add` adds the second
    input, `scale` multiplies by its argument, `squared_relu` squares what `relu` gives, and `affine` (before the layer)
    applies `scale` and `shift` per channel.
    """

    prologue: tuple = ()
    epilogue: tuple = ()
    operator: tuple = ("none", [], "")  # oneDNN's names for the activation that its operator applies
    rest: tuple = ()  # the steps that its operator leaves
    takes_sums = False  # may oneDNN's operator add the second input?
    after_sums = ("relu",)  # activations that it takes after a sum
    known = {
        "relu": ("relu", [], ""),
        "relu6": ("hardtanh", [0.0, 6.0], ""),
        "leaky_relu": ("leaky_relu", None, ""),
        "gelu": ("gelu", [], None),
        "silu": ("swish", [], ""),
        "hardswish": ("hardswish", [], ""),
        "hardsigmoid": ("hardsigmoid", [], ""),
        "sigmoid": ("sigmoid", [], ""),
        "tanh": ("tanh", [], ""),
    }

    def fuse(self, prologue: tuple, epilogue: tuple, channels: int) -> None:
        self.prologue, self.epilogue = prologue, epilogue
        self.adds = "add" in epilogue
        self.packed: dict = {}
        if "affine" in prologue:
            self.scale = nn.Parameter(torch.ones(channels))
            self.shift = nn.Parameter(torch.zeros(channels))
        self.sums = self.takes_sums and epilogue[:1] == ("add",)
        self.operator, self.rest = self.find_operator(epilogue[1:] if self.sums else epilogue)
        self.requires_grad_(False)

    def find_operator(self, steps: tuple) -> tuple[tuple, tuple]:
        """What oneDNN's operator applies, and the steps that are left."""
        if steps:
            name, *arguments = (steps[0],) if isinstance(steps[0], str) else steps[0]
            if name in (self.after_sums if self.sums else self.known):
                attribute, scalars, algorithm = self.known[name]
                scalars = arguments if scalars is None else scalars
                return (attribute, scalars, arguments[0] if algorithm is None else algorithm), steps[1:]
        return ("none", [], ""), steps

    def runs_on_onednn(self, x: torch.Tensor) -> bool:
        if x.device.type != "cpu" or torch.compiler.is_compiling() or torch.jit.is_tracing():
            return False
        if x.dtype not in (torch.float32, torch.bfloat16) or self.weight.dtype != x.dtype or not x.numel():
            return False
        if torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad):
            return False
        if not torch.backends.mkldnn.is_available():
            return False
        return x.dtype is torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported()

    def before(self, x: torch.Tensor) -> torch.Tensor:
        for index, step in enumerate(self.prologue):
            x = F.relu_(x) if index and step == "relu" else self.step(step, x, None)
        return x

    def after(self, x: torch.Tensor, other: torch.Tensor | None, steps: tuple) -> torch.Tensor:
        for step in steps:
            x = self.step(step, x, other)
        return x

    def step(self, step: str | tuple, x: torch.Tensor, other: torch.Tensor | None) -> torch.Tensor:
        name, *arguments = (step,) if isinstance(step, str) else step
        if name == "add":
            return x + other
        if name == "scale":
            return x * arguments[0]
        if name == "affine":
            shape = (-1,) + (1,) * (x.dim() - 2)
            return torch.addcmul(self.shift.view(shape), x, self.scale.view(shape))
        if name == "squared_relu":
            return F.relu(x).square()
        if name == "gelu":
            return F.gelu(x, approximate=(arguments or ["none"])[0])
        return getattr(F, name)(x, *arguments)

    def packed_weight(self, x: torch.Tensor) -> torch.Tensor:
        """The weight as oneDNN wants it for such an input; made anew if the weight has changed."""
        weight = self.weight
        if weight.is_inference():  # nothing tells whether it has changed
            return self.pack(x.shape)
        state = (weight.data_ptr(), weight._version, weight.dtype)
        if self.packed.get("state") != state or len(self.packed) > 4:
            self.packed = {"state": state}
        found = self.packed.get(x.shape)
        if found is None:
            found = self.packed[x.shape] = self.pack(x.shape)
        return found

    def pack(self, shape: torch.Size) -> torch.Tensor:
        return self.weight

    def __getstate__(self) -> dict:
        return self.__dict__ | {"packed": {}}


class FusedConv2d(Fused, nn.Conv2d):
    """A convolution with what stands around it, in one pass over memory where oneDNN can."""

    takes_sums = True

    def __init__(
        self, *sizes: int, prologue: tuple = (), epilogue: tuple = (), in_place: bool = False, **options: object
    ) -> None:
        super().__init__(*sizes, **options)
        self.fuse(prologue, epilogue, self.in_channels)
        self.in_place = in_place  # may the sum be written over `other`?

    def forward(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        x = self.before(x)
        if self.in_channels == 1:
            x = self.planes(x)
        if not self.runs_on_onednn(x):
            return self.after(self._conv_forward(x, self.weight, self.bias), other, self.epilogue)
        return self.after(self.run(x, other), other, self.rest)

    @staticmethod
    def planes(x: torch.Tensor) -> torch.Tensor:
        """One channel with the strides of a plane; where they call it the innermost, oneDNN gives wrong numbers."""
        return x.contiguous().view(x.shape)

    def run(self, x: torch.Tensor, other: torch.Tensor | None) -> torch.Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        window = (self.padding, self.stride, self.dilation, self.groups)
        convolution = torch.ops.mkldnn._convolution_pointwise
        if not self.sums:
            return convolution.default(x, self.packed_weight(x), self.bias, *window, *self.operator)
        other = other.contiguous(memory_format=torch.channels_last)
        name, *rest = self.operator
        unary = (None, [], None) if name == "none" else (name, *rest)
        if self.in_place:
            convolution = torch.ops.mkldnn._convolution_pointwise_
            return convolution.binary(other, x, self.packed_weight(x), self.bias, *window, "add", 1.0, *unary)
        return convolution.binary(x, other, self.packed_weight(x), self.bias, *window, "add", 1.0, *unary)

    def pack(self, shape: torch.Size) -> torch.Tensor:
        if self.in_channels == 1:  # reordered, its strides would be those of an innermost channel
            return self.planes(self.weight.detach())
        window = (self.padding, self.stride, self.dilation, self.groups)
        weight = self.weight.detach().contiguous(memory_format=torch.channels_last)
        return torch.ops.mkldnn._reorder_convolution_weight(weight, *window, list(shape))


class FusedLinear(Fused, nn.Linear):
    """A linear layer with what stands around it."""

    def __init__(
        self, *sizes: int, prologue: tuple = (), epilogue: tuple = (), in_place: bool = False, **options: object
    ) -> None:
        super().__init__(*sizes, **options)
        self.fuse(prologue, epilogue, self.in_features)

    def forward(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        x = self.before(x)
        if not self.runs_on_onednn(x):
            return self.after(F.linear(x, self.weight, self.bias), other, self.epilogue)
        x = torch.ops.mkldnn._linear_pointwise(x, self.packed_weight(x), self.bias, *self.operator)
        return self.after(x, other, self.rest)

    def pack(self, shape: torch.Size) -> torch.Tensor:
        return torch.ops.mkldnn._reorder_linear_weight(self.weight.detach().contiguous(), shape[0])


class FusedConvTranspose2d(Fused, nn.ConvTranspose2d):
    """A transposed convolution with what stands around it."""

    def __init__(
        self, *sizes: int, prologue: tuple = (), epilogue: tuple = (), in_place: bool = False, **options: object
    ) -> None:
        super().__init__(*sizes, **options)
        self.fuse(prologue, epilogue, self.in_channels)

    def forward(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        return self.after(nn.ConvTranspose2d.forward(self, self.before(x)), other, self.epilogue)
'''

POINTWISE = '''\
class FusedPointwise(nn.Module):
    """Steps that treat every element alike, in turn; `add` and `mul` take the next input, `affine` its own weights."""

    def __init__(self, channels: int, steps: tuple) -> None:
        super().__init__()
        self.steps = steps
        if "affine" in steps:
            self.scale = nn.Parameter(torch.ones(channels), requires_grad=False)
            self.shift = nn.Parameter(torch.zeros(channels), requires_grad=False)

    def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        waiting = list(others)
        for step in self.steps:
            name, *arguments = (step,) if isinstance(step, str) else step
            if name == "affine":
                shape = (-1,) + (1,) * (x.dim() - 2)
                x = torch.addcmul(self.shift.view(shape), x, self.scale.view(shape))
            elif name in ("add", "mul"):
                x = getattr(torch, name)(x, waiting.pop(0))
            elif name == "scale":
                x = x * arguments[0]
            elif name == "squared_relu":
                x = F.relu(x).square()
            else:
                x = F.gelu(x, approximate=arguments[0]) if name == "gelu" else getattr(F, name)(x, *arguments)
        return x
'''

CLASSES: Mapping[str, str] = {
    "nn.Conv2d": "FusedConv2d",
    "nn.Linear": "FusedLinear",
    "nn.ConvTranspose2d": "FusedConvTranspose2d",
}


def spell_fused(
    core: TorchModule,
    prologue: tuple[Op, ...],
    epilogue: tuple[Op, ...],
    in_place: bool,
    inputs: tuple[Shape, ...],
) -> TorchModule:
    """PyTorch's spelling of a fused layer on `inputs`, from that of its core."""
    kwargs = dict(core.kwargs)
    kwargs["prologue"] = (tuple(map(_step, prologue)), ())
    kwargs["epilogue"] = (tuple(map(_step, epilogue)), ())
    kwargs["in_place"] = (in_place, False)
    others = "".join(f", {{{index}}}" for index in range(1, len(inputs)))
    return TorchModule(CLASSES[core.callee], core.args, kwargs, core.inputs + others, FUSED)


def spell_pointwise(steps: tuple[Op, ...], inputs: tuple[Shape, ...]) -> TorchModule:
    """PyTorch's spelling of pointwise layers in turn."""
    given = ", ".join(f"{{{index}}}" for index in range(len(inputs)))
    return TorchModule("FusedPointwise", (inputs[0][0], tuple(map(_step, steps))), inputs=given, source=POINTWISE)


def _step(op: Op) -> object:
    if isinstance(op, Pool):
        return _pool_step(op)
    function = op.function or (op.word,)  # `add`, `mul` and `affine` are steps by their own names
    return function if len(function) > 1 else function[0]


def _pool_step(op: Pool) -> object:
    pad = (op.pad[0], op.pad[2])
    if isinstance(op, Avgpool):
        return ("avg_pool2d", op.kernel, op.stride, pad, op.ceil, op.counts_padding)
    return ("max_pool2d", op.kernel, op.stride, pad, 1, op.ceil)
