"""Laws that every layer keeps, run over the registry and every line of its examples: a new layer is tested by existing.

Each fact of a layer is held against PyTorch: shapes, parameters, buffers, MACs, defaults, the window it looks at, and
the Triton expression of pointwise layers. What a law cannot say (drop-path's statistics, pools' edges) follows.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from cnndsl.diagnostics import Report
from cnndsl.elaborate import Loader, elaborate_network
from cnndsl.ops import Op, Shape, all_layers
from cnndsl.ops.base import TorchModule
from cnndsl.ops.bounds import ANY, POSITIVE
from cnndsl.ops.fractal import FractalJoin
from cnndsl.ops.reshape import ZeroPadShortcut
from cnndsl.ops.resize import SamePad
from cnndsl.ops.window import Reach
from cnndsl.source import Source

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

BATCH = 2


@dataclass(frozen=True)
class Case:
    """A layer on inputs it takes."""

    op: Op
    inputs: tuple[Shape, ...]

    @property
    def spelling(self):
        return self.op.torch(*self.inputs)

    def tensors(self, batch: int = BATCH) -> list[torch.Tensor]:
        torch.manual_seed(0)
        tensors = [torch.randn(batch, *shape) for shape in self.inputs]
        return [*tensors[:-1], torch.rand(2)] if isinstance(self.op, FractalJoin) else tensors  # the shared draw


def case(line: str) -> Case:
    """The last layer of an example line, `INPUT SHAPE -> LINE`."""
    shape, _, layers = line.partition(" -> ")
    report = Report()
    module = Loader(report).load(Source("example", f"network t {{\n input {shape}\n {layers}\n}}"))
    graph = elaborate_network(module, "t", report).graph
    assert report.ok, [diagnostic.message for diagnostic in report]
    return Case(graph.output.op, graph.input_shapes(graph.output))


EXAMPLES = {f"{word}: {line}": (word, line) for word, layer in all_layers().items() for line in layer.examples}
UNWRITTEN = {  # layers that structures of the language insert
    "zero_pad_shortcut": Case(ZeroPadShortcut(6, (2, 3)), ((4, 7, 5),)),
    "same_pad": Case(SamePad((3, 2), stride=(2, 3)), ((4, 7, 5),)),
    "fractal_join": Case(FractalJoin((2, 3), 3, 0.5), ((4, 3, 3), (4, 3, 3), (2,))),
}


CASES = {name: case(line) for name, (_, line) in EXAMPLES.items()} | UNWRITTEN


def over(condition: Callable[[Case], bool] = lambda each: True) -> pytest.MarkDecorator:
    """Run a law over every case that it speaks of."""
    chosen = {name: each for name, each in CASES.items() if condition(each)}
    return pytest.mark.parametrize("each", chosen.values(), ids=chosen)


def namespace(spelling) -> dict[str, object]:
    """The names of a generated file in which this layer stands."""
    names: dict[str, object] = {"torch": torch, "nn": nn, "F": F, "math": math}
    if isinstance(spelling, TorchModule) and spelling.source:
        exec(spelling.helper + spelling.source, names)
    return names


def alone(case: Case) -> nn.Module:
    """A network of one layer, by its PyTorch spelling."""
    spelling, names = case.spelling, namespace(case.spelling)
    inputs = [f"x{index}" for index in range(len(case.inputs))]
    if isinstance(spelling, TorchModule):
        body = f"self.layer({spelling.inputs.format(*inputs)})"
    else:
        body = spelling.text(*inputs)
    exec(f"def forward(self, {', '.join(inputs)}): return {body}", names)
    module = type("Alone", (nn.Module,), {"forward": names["forward"]})()
    if isinstance(spelling, TorchModule):
        module.layer = eval(spelling.constructor(), names)
    return module


# --- laws


@pytest.mark.parametrize("layer", all_layers().values(), ids=all_layers())
def test_a_layer_documents_itself(layer: type[Op]) -> None:
    assert layer.examples
    assert layer.__doc__ and not layer.__doc__.startswith(f"{layer.__name__}("), "a docstring, not dataclass's own"
    assert re.match(r"[^\n]+[.:]", layer.__doc__), "the first line is a summary"
    assert layer.word == re.sub(r"(?<!^)(?=[A-Z])", "_", layer.__name__).lower()


@pytest.mark.parametrize(("word", "line"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_shows_its_layer(word: str, line: str) -> None:
    assert case(line).op.word == word


@over()
def test_output_is_the_shape_that_torch_makes(each: Case) -> None:
    assert alone(each).eval()(*each.tensors()).shape == (BATCH, *each.op.output(*each.inputs))


@over()
def test_parameters_and_buffers_are_those_of_the_module(each: Case) -> None:
    layer = getattr(alone(each), "layer", nn.Identity())
    found = {name: tuple(tensor.shape) for name, tensor in layer.named_parameters()}
    assert each.op.parameters(*each.inputs) == found
    buffers = {name: (buffer.shape, buffer.dtype) for name, buffer in each.op.buffers(*each.inputs).items()}
    found = {name: (tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in layer.named_buffers()}
    assert buffers == found


class Storages:
    """What autograd keeps of a layer, each storage once, by what it is: the bytes of inputs, output and others."""

    def __init__(self, each: Case) -> None:
        batch = 1 if len(each.inputs[0]) == 3 else 2  # a batch norm needs more than one value
        module, tensors = alone(each).train(), each.tensors(batch)
        for tensor in tensors:
            tensor.requires_grad_()
        self.kept: dict[int, torch.UntypedStorage] = {}
        with torch.autograd.graph.saved_tensors_hooks(self.keep, lambda tensor: tensor):
            self.output = address(module(*tensors))
        self.inputs = [address(tensor) for tensor in tensors]
        self.weights = {address(tensor) for tensor in (*module.parameters(), *module.buffers())}

    def keep(self, tensor: torch.Tensor) -> torch.Tensor:
        self.kept[address(tensor)] = tensor.untyped_storage()  # held, so that no other comes to its place
        return tensor

    @property
    def besides(self) -> int:
        known = {*self.inputs, self.output, *self.weights}
        return sum(storage.nbytes() for at, storage in self.kept.items() if at not in known)


def address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


SCALARS = 32  # bytes, of single numbers that nobody counts


@over()
def test_what_is_kept_is_what_autograd_saves(each: Case) -> None:
    found, said = Storages(each), each.op.keeps(*each.inputs)
    assert (found.output in found.kept) == said.output or each.op.shares == "always"
    read = [at in found.kept for at in found.inputs[: len(found.inputs) - each.op.measured]]
    assert all(read) if said.inputs else not any(read)
    assert abs(found.besides - said.besides) <= SCALARS


@over()
def test_what_shares_memory_has_the_storage_of_its_input(each: Case) -> None:
    for mode, training in (("inference", False), ("always", True)):
        module, tensors = alone(each).train(training), each.tensors()
        shared = address(module(*tensors)) in map(address, tensors)
        assert shared == (each.op.shares in (mode, "always"))


@over()
def test_macs_are_half_of_what_torch_counts(each: Case) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        alone(each).eval()(*each.tensors(batch=1))
    assert 2 * each.op.macs(*each.inputs) == counter.get_total_flops()
    assert each.op.weighted == (each.op.macs(*each.inputs) > 0)


# What warnings ask for. Examples seldom do nothing, so some lines that do stand beside them.
EDGES = {
    line: case(line)
    for line in (
        "4 x 5 x 3 -> upsample 1",
        "4 x 5 x 3 -> upsample 1, mode=bicubic",
        "4 x 5 x 3 -> resize 5x3, mode=bilinear",
        "4 x 5 x 3 -> pad 0",
        "4 x 5 x 3 -> crop 5x3",
        "4 x 5 x 3 -> maxpool 1x1, /1",
        "4 x 5 x 3 -> avgpool 1x1, /1",
        "4 x 1 x 1 -> global_avgpool",
        "4 x 1 x 1 -> global_maxpool",
        "4 x 5 x 3 -> adaptive_avgpool 5x3",
        "4 x 5 x 3 -> adaptive_maxpool 5x3",
        "1 x 5 x 3 -> channel_mean",
        "1 x 5 x 3 -> channel_max",
        "4 x 5 x 3 -> channel_shuffle 1",
        "4 x 5 x 3 -> channel_shuffle 4",
        "4 x 5 x 3 -> channel_slice 0, 4",
        "4 x 6 x 4 -> pixel_shuffle 1",
        "4 x 6 x 4 -> pixel_unshuffle 1",
        "4 x 5 x 3 -> leaky_relu 1",
        "4 x 5 x 3 -> leaky_relu -2",
        "4 x 5 x 3 -> elu -1",
        "4 x 5 x 3 -> lrn 5, beta=0",
        "7 -> dropout 0",
        "7 -> drop_path 0",
        "7 -> scale 1",
        "7 -> scale 0",
        "7 -> scale -2",
        "7 -> flatten",
        "1 -> softmax",
        "1 -> log_softmax",
        "1 x 5 x 3 -> softmax",
        "4 x 1 x 1 -> group_norm 4",
        "4 x 5 x 3 -> group_norm 4",
        "1 x 5 x 3 -> group_norm 1",
        "1 x 5 x 3 -> layer_norm",
        "1 -> layer_norm",
        "4 x 6 x 7 -> avgpool 3x3, /2, pad=1, count_include_pad=false",
    )
}


def over_edges(condition: Callable[[Case], bool] = lambda each: True) -> pytest.MarkDecorator:
    chosen = {name: each for name, each in (CASES | EDGES).items() if condition(each)}
    return pytest.mark.parametrize("each", chosen.values(), ids=chosen)


def trained(each: Case) -> Callable[..., torch.Tensor]:
    """The layer in training, its weights being anything."""
    layer = alone(each)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return layer.train()


def shifted(each: Case) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Inputs, and the same with a constant added to each channel; what is drawn for a join stays."""
    tensors = each.tensors(batch=3)
    shifts = [torch.randn(1, shape[0], *(1 for _ in shape[1:])) for shape in each.inputs]
    kept = isinstance(each.op, FractalJoin)
    return tensors, [x if kept and x is tensors[-1] else x + c for x, c in zip(tensors, shifts, strict=True)]


@over_edges(lambda each: each.op.keeps_shift)
def test_a_shift_of_channels_is_kept(each: Case) -> None:
    layer, (before, after) = trained(each).eval(), shifted(each)
    moved = layer(*after) - layer(*before)
    if each.inputs[0] != each.op.output(*each.inputs) and len(each.inputs[0]) > 1 and moved.dim() == 2:
        moved = moved[:, :, None]  # flattened: a constant for each feature
    over = [axis for axis in range(moved.dim()) if axis != 1]
    assert torch.allclose(moved.amax(over), moved.amin(over), atol=1e-5)


@over_edges()
def test_only_what_centres_does_not_see_a_shift(each: Case) -> None:
    torch.manual_seed(1)
    layer, (before, after) = trained(each), shifted(each)
    torch.manual_seed(7)
    one = layer(*before)
    torch.manual_seed(7)
    unseen = torch.allclose(one, layer(*after), atol=1e-4)
    assert each.op.centres(*each.inputs) <= unseen
    assert unseen <= (each.op.centres(*each.inputs) or bool(each.op.constant(*each.inputs)))


@over_edges(lambda each: each.op.bounds(*(POSITIVE for _ in each.inputs)) != ANY)
def test_values_lie_between_their_bounds(each: Case) -> None:
    layer, tensors = trained(each), each.tensors()
    for least, largest in ((0.0, 1.0), (-1.0, 0.5), (0.5, 6.5), (-3.0, -1.0)):
        low, high = each.op.bounds(*((least, largest) for _ in each.inputs))
        y = layer(*(least + (largest - least) * torch.rand_like(x) for x in tensors))
        assert low - 1e-5 <= y.min() and y.max() <= high + 1e-5


@over_edges(lambda each: each.op.passes is not None)
def test_an_activation_passes_on_what_it_says(each: Case) -> None:
    low, high = each.op.passes
    x = torch.linspace(low, min(high, 50), each.inputs[0][0] * 8).reshape(8, -1, *(1 for _ in each.inputs[0][1:]))
    x = x.expand(8, *each.inputs[0])
    assert torch.equal(trained(each)(x), x)


@over_edges(lambda each: each.op.word != "identity")
def test_only_what_does_nothing_says_so(each: Case) -> None:
    torch.manual_seed(3)
    tensors = each.tensors()
    y = trained(each)(*tensors)
    same = y.shape == tensors[0].shape and torch.allclose(y, tensors[0], atol=1e-6)
    assert each.op.does_nothing(*each.inputs) == same


@over_edges()
def test_only_what_is_constant_says_why(each: Case) -> None:
    layer, others = trained(each), [torch.randn_like(x) for x in each.tensors()]
    same = torch.allclose(layer(*each.tensors()), layer(*others), atol=1e-3)
    assert bool(each.op.constant(*each.inputs)) == same


@over(lambda each: isinstance(each.spelling, TorchModule))
def test_keyword_defaults_are_torchs(each: Case) -> None:
    parameters = inspect.signature(eval(each.spelling.callee, namespace(each.spelling))).parameters
    for name, (_, default) in each.spelling.kwargs.items():
        assert parameters[name].default == default, name


@over(lambda each: each.op.word in all_layers() and each.op.arity == 1)
def test_what_a_layer_prints_is_the_layer(each: Case) -> None:
    shape = " x ".join(map(str, each.inputs[0]))
    assert case(f"{shape} -> {each.op}").op == each.op


@over()
def test_pointwise_layers_alone_have_a_triton_expression(each: Case) -> None:
    assert each.op.pointwise == (each.op.triton is not None)


@over(lambda each: each.op.pointwise)
def test_the_triton_expression_is_torchs_function(each: Case) -> None:
    x = torch.cat([torch.linspace(-9, 9, 181), torch.tensor([-80.0, 80.0, 1e-4, -1e-4, math.nan])])
    allowed = {
        "tl": SimpleNamespace(where=torch.where, exp=torch.exp, erf=torch.erf),
        "libdevice": SimpleNamespace(tanh=torch.tanh, expm1=torch.expm1, log1p=torch.log1p),
        "__builtins__": {},
    }
    ours = eval(each.op.triton.format(**vars(each.op)), allowed | {"x": x})
    torch.testing.assert_close(ours, alone(each)(x), equal_nan=True, rtol=2e-6, atol=2e-6)


def has_a_window(each: Case) -> bool:
    """Merges look at one pixel of each input, and mirrors show pixels again."""
    modes = {getattr(each.op, "mode", "zero"), getattr(each.op, "pad_mode", "zero")}
    mirrors = modes & {"reflect", "replicate", "circular"} or each.op.word == "blur_pool"
    return each.op.arity is not None and not mirrors


@over(has_a_window)
def test_a_layer_looks_as_far_as_its_window_says(each: Case) -> None:
    """One pixel at a time becomes larger: the outputs that change are those that see it."""
    window, output = each.op.window(*each.inputs), each.op.output(*each.inputs)
    channels, height, width = (*each.inputs[0], 1, 1)[:3]
    torch.manual_seed(0)
    x = torch.rand(1, channels, height, width).repeat(height * width + 1, 1, 1, 1).double()
    for pixel in range(height * width):
        x[pixel, :, pixel // width, pixel % width] += 3 + torch.rand(channels)
    layer = alone(each).double().eval()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(0.5, 1.5)  # some start at 0 and hide what is there
        others = (tensor.double() for tensor in each.tensors(len(x))[1:])
        y = layer(x.reshape(-1, *each.inputs[0]), *others)
    seen = (y[:-1] - y[-1]).abs() > 1e-9
    if window.everywhere:
        assert seen.all()
    elif len(output) == 3:
        grid = seen.any(dim=1).reshape(height, width, *output[1:])
        assert_reads(grid.any(dim=1).any(dim=2), window.rows)
        assert_reads(grid.any(dim=0).any(dim=1), window.columns)


def assert_reads(seen: torch.Tensor, reach: Reach) -> None:
    """`seen[i, o]` says that output `o` sees input `i`, along one axis; some of what it reads may be padding."""
    for output, column in enumerate(seen.T):
        assert torch.nonzero(column).flatten().tolist() == [at for at in reach.reads(output) if 0 <= at < len(seen)]


@over()
def test_torch_fx_can_trace_a_layer_in_training(each: Case) -> None:
    traced = torch.fx.symbolic_trace(alone(each).train())
    torch.manual_seed(1)
    assert traced(*each.tensors()).shape[1:] == each.op.output(*each.inputs)
