"""The PyTorch backend at work: what is generated runs, trains, and goes through PyTorch's own tools."""

from __future__ import annotations

import copy
import inspect
import io
import keyword
import math
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from interpreter import interpret
from oracles import relative_error
from random_networks import random_network
from torch import Tensor, nn

import cnndsl
from cnndsl.backends.torch import build, generate, load_written, write, write_optimized
from cnndsl.backends.torch.names import _MODULE_NAMES
from cnndsl.backends.torch.reserved import global_names
from cnndsl.errors import OutputError
from cnndsl.files import write_together
from cnndsl.ir import Graph
from cnndsl.states import expected_shapes

GOLDEN = Path(__file__).parent / "golden" / "torch"

HEADS = """
block conv_bn(n) { conv 3x3, n -> bn -> relu }
network heads {
    input 3 x 16 x 16
    conv_bn 8
    head boxes { conv 1x1, 4 }
    stage {
        conv_bn 8
        head aux, train_only=true { global_avgpool -> flatten -> linear 10 }
        conv_bn 8
    }
    head count { global_avgpool -> flatten -> linear 1 }
    global_avgpool -> flatten -> dropout 0.5 -> linear 10
}
"""
TWO_INPUTS = """
network two {
    input 3 x 16 x 16 as image
    conv 3x3, 8 -> relu as features
    input 1 x 16 x 16 as mask
    conv 3x3, 8 -> sigmoid
    mul { | identity | from features }
    drop_path 0.1 -> conv 1x1, 4
}
"""
FRACTAL = "network net { input 3 x 16 x 16\n fractal 3, drop_path=0.15 { conv 3x3, 8 -> bn -> relu } }"
SHORT = """
network net {
    input 3 x 8 x 8
    conv 3x3, 4 -> bn -> relu
    conv_transpose 2x2, 6, /2, pad=0 -> flatten -> linear 5
}
"""


def graph(text: str) -> Graph:
    return cnndsl.loads(text).graph


GRAPHS: dict[str, Callable[[], Graph]] = {
    "heads": lambda: graph(HEADS),
    "two_inputs": lambda: graph(TWO_INPUTS),
    "fractal": lambda: graph(FRACTAL),
    "short": lambda: graph(SHORT),
    **{path.stem: lambda path=path: cnndsl.load(path).graph for path in sorted(GOLDEN.glob("*.arch"))},  # type: ignore[misc]
}


@pytest.fixture(params=GRAPHS)
def network(request: pytest.FixtureRequest) -> Graph:
    return GRAPHS[request.param]()


def inputs_of(graph: Graph, batch: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, *node.shape, generator=generator) for node in graph.inputs]


def shaken(module: nn.Module) -> nn.Module:
    """The module with biases and statistics away from 0 and 1, where a mistake could hide."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand(tensor.shape, generator=generator))
    return module


def outputs_of(result: Tensor | tuple[Tensor | None, ...], only: str = "output") -> dict[str, Tensor]:
    """The tensors of a result by their names; a network that gives no more than one does not say its name."""
    named = {only: result} if isinstance(result, Tensor) else result._asdict()  # type: ignore[attr-defined]
    return {name: tensor for name, tensor in named.items() if tensor is not None}


# --- what it computes


def assert_equals_interpreter(graph: Graph) -> None:
    module, inputs = shaken(build(graph)).eval(), inputs_of(graph)
    wanted = interpret(graph, module.state_dict(), *inputs)
    with torch.no_grad():
        names = [output.name for output in graph.outputs if not output.train_only]
        got = outputs_of(module(*inputs), names[0])
    assert set(got) == {*names}
    for name, tensor in got.items():
        torch.testing.assert_close(tensor, wanted[name], rtol=1e-4, atol=1e-6, equal_nan=True)


def test_it_computes_what_the_graph_says(network: Graph) -> None:
    assert_equals_interpreter(network)


@pytest.mark.parametrize("seed", range(40))
def test_random_networks_compute_what_their_graphs_say(seed: int) -> None:
    network = graph(random_network(seed))
    assert_equals_interpreter(network)
    assert {name: tuple(tensor.shape) for name, tensor in build(network).state_dict().items()} == expected_shapes(
        network
    )


class HandwrittenBottleneck(nn.Module):
    """As torchvision's, by other names."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, filters, 1, bias=False), nn.BatchNorm2d(filters)
        self.conv2, self.bn2 = nn.Conv2d(filters, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters)
        self.conv3, self.bn3 = nn.Conv2d(filters, 4 * filters, 1, bias=False), nn.BatchNorm2d(4 * filters)
        if stride != 1 or channels != 4 * filters:
            self.shortcut = nn.Sequential()
            self.shortcut.add_module("conv", nn.Conv2d(channels, 4 * filters, 1, stride, bias=False))
            self.shortcut.add_module("bn", nn.BatchNorm2d(4 * filters))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + (self.shortcut(x) if hasattr(self, "shortcut") else x))


class HandwrittenResidual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential()
        self.stem.add_module("conv", nn.Conv2d(3, 64, 7, 2, 3, bias=False))
        self.stem.add_module("bn", nn.BatchNorm2d(64))
        self.stage1, self.stage2 = nn.Sequential(), nn.Sequential()
        channels = 64
        for stage, filters, depth in ((self.stage1, 64, 3), (self.stage2, 128, 4)):
            for i in range(1, depth + 1):
                stride = 2 if (filters, i) == (128, 1) else 1
                stage.add_module(f"bottleneck{i}", HandwrittenBottleneck(channels, filters, stride))
                channels = 4 * filters
        self.linear = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(torch.relu(self.stem(x)), 3, 2, 1)
        return self.linear(self.stage2(self.stage1(x)).mean((2, 3)))


def test_a_residual_network_equals_a_handwritten_one() -> None:
    network = GRAPHS["residual"]()
    ours, theirs = shaken(build(network)), HandwrittenResidual()
    theirs.load_state_dict(ours.state_dict())  # the same names, all of them
    (x,) = inputs_of(network)
    for mode in (True, False):
        assert relative_error(ours.train(mode)(x), theirs.train(mode)(x)) < 1e-5
    for one, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert torch.allclose(one, other, rtol=1e-4)  # running statistics too


# --- names, training, state


def test_the_state_dict_has_the_names_and_shapes_of_the_graph(network: Graph) -> None:
    state = build(network).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected_shapes(network)
    assert list(state) == list(expected_shapes(network))


def test_every_parameter_learns(network: Graph) -> None:
    module = build(network).train()
    results = outputs_of(module(*inputs_of(network)))
    sum(tensor.square().mean() for tensor in results.values()).backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_heads_for_training_are_left_out_of_inference() -> None:
    module = build(graph(HEADS))
    (x,) = inputs_of(graph(HEADS))
    trained, evaluated = module.train()(x), module.eval()(x)
    assert trained._fields == ("output", "boxes", "count", "aux") and trained.aux.shape == (2, 10)
    assert type(evaluated) is type(trained) and evaluated.aux is None and evaluated.count.shape == (2, 1)
    only = build(cnndsl.load(GOLDEN / "inception.arch").graph)
    image = torch.randn(1, 3, 64, 64)
    assert only.train()(image)._fields == ("output", "aux") and isinstance(only.eval()(image), Tensor)


def test_one_tensor_may_be_several_results() -> None:
    module = build(graph("network net { input 3 x 4 x 4\n conv 1x1, 2 as t\n head same { identity }\n from t }"))
    result = module(torch.randn(1, 3, 4, 4))
    assert result._fields == ("output", "same") and result.output is result.same


def test_a_training_step_lowers_the_loss() -> None:
    network = graph(SHORT)
    module, (x,) = build(network).train(), inputs_of(network, batch=8)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    losses = []
    for _ in range(5):
        loss = nn.functional.cross_entropy(module(x), torch.arange(8) % 5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)


# --- PyTorch's tools


def copied(module: nn.Module, _: list[Tensor]) -> nn.Module:
    return copy.deepcopy(module)


def pickled(module: nn.Module, _: list[Tensor]) -> nn.Module:
    return pickle.loads(pickle.dumps(module))


def saved(module: nn.Module, _: list[Tensor]) -> nn.Module:
    buffer = io.BytesIO()
    torch.save(module, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


def reloaded(module: nn.Module, _: list[Tensor]) -> nn.Module:
    fresh = type(module)()
    fresh.load_state_dict(module.state_dict())
    return fresh.eval()


def traced(module: nn.Module, _: list[Tensor]) -> nn.Module:
    return torch.fx.symbolic_trace(module)


def compiled(module: nn.Module, _: list[Tensor]) -> nn.Module:
    return torch.compile(module, backend="eager", fullgraph=True)


def exported(module: nn.Module, inputs: list[Tensor]) -> nn.Module:
    return torch.export.export(module, tuple(inputs)).module()


TOOLS = (copied, pickled, saved, reloaded, traced, compiled, exported)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_tools(network: Graph, tool: Callable[[nn.Module, list[Tensor]], nn.Module]) -> None:
    torch.compiler.reset()
    module, inputs = shaken(build(network)).eval(), inputs_of(network)
    with torch.no_grad():
        wanted = outputs_of(module(*inputs))
        got = outputs_of(tool(module, inputs)(*inputs))
    assert got.keys() == wanted.keys()
    for name, tensor in got.items():
        torch.testing.assert_close(tensor, wanted[name])


@pytest.mark.parametrize("name", ["heads", "inception"])
def test_training_mode_can_be_traced(name: str) -> None:
    network = GRAPHS[name]()
    module = build(network).train()
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    inputs = inputs_of(network)
    for one, other in zip(module(*inputs), torch.fx.symbolic_trace(module)(*inputs), strict=True):
        torch.testing.assert_close(one, other)


def test_moving_and_casting() -> None:
    network = graph(SHORT)
    module = build(network).double().eval()
    assert module(inputs_of(network)[0].double()).dtype == torch.float64
    assert all(parameter.is_meta for parameter in module.to("meta").parameters())


def test_copies_do_not_share_state() -> None:
    module = build(graph(SHORT))
    other = copy.deepcopy(module)
    with torch.no_grad():
        other.conv.weight.zero_()
    assert module.conv.weight.abs().sum() > 0 and type(other) is type(module)


def test_pickles_are_read_in_a_fresh_process(tmp_path: Path) -> None:
    network = GRAPHS["unet"]()
    module, (x,) = shaken(build(network)).eval(), inputs_of(network)
    torch.save({"module": module, "part": module.stage1, "x": x, "y": module(x)}, tmp_path / "all.pt")
    program = (
        "import sys, torch; saved = torch.load(sys.argv[1], weights_only=False);"
        "assert torch.allclose(saved['module'](saved['x']), saved['y'], atol=1e-6);"
        "assert 'class.weight' in saved['module'].state_dict(); assert len(saved['part'](saved['x'])) == 3"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "all.pt")], check=True)


def test_tracebacks_and_inspect_show_the_generated_lines() -> None:
    module = build(graph(SHORT))
    with pytest.raises(RuntimeError) as caught:
        module(torch.randn(1, 5, 8, 8))
    assert "self.relu(self.bn(self.conv(x)))" in "".join(traceback.format_exception(caught.value))
    assert inspect.getsource(type(module)).startswith("class Net(nn.Module):")
    assert inspect.getsource(type(module)) in generate(graph(SHORT))


# --- initialisation


def test_a_seed_means_the_same_weights_and_leaves_the_generator_alone() -> None:
    network = GRAPHS["residual"]()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, same, other = (build(network, seed=seed).state_dict() for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    drawn = [name for name in one if name.endswith("weight") and one[name].dim() > 1]
    assert not any(torch.equal(one[name], other[name]) for name in drawn)


def test_weights_are_drawn_as_in_he_et_al() -> None:
    text = "network net { input 64 x 8 x 8\n conv 3x3, 128, groups=4 -> bn -> flatten -> linear 200 }"
    module = build(graph(text))
    for layer, fan_in in ((module.conv, 16 * 9), (module.linear, 128 * 64)):
        assert layer.weight.mean().abs() < 0.01
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.02)
    assert not module.linear.bias.any()
    assert torch.equal(module.bn.weight, torch.ones(128)) and not module.bn.bias.any()


@pytest.mark.parametrize("layer", ["conv 3x3, 256", "conv 3x3, 256, groups=8", "conv_transpose 4x4, 256, /2, pad=1"])
def test_the_forward_pass_keeps_its_variance(layer: str) -> None:
    """A weighted layer after ReLU gives back the second moment it was given: fan_in, not fan_out."""
    text = f"network net {{ input 64 x 16 x 16\n relu -> {layer} }}"
    x = torch.randn(4, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    y = build(graph(text))(x)[..., 3:-3, 3:-3]
    assert y.square().mean().item() == pytest.approx(1.0, rel=0.1)


# --- names that Python or nn.Module need


ODD_WORDS = """
class forward training type half eval _modules __x add_module class_ append self x torch device nn inf math F super
operator output args tensor dtype getattr print chain
"""
ODD = ODD_WORDS.split()


def odd_graph() -> Graph:
    layers = "\n".join(f"conv 1x1, 4 as {name}" for name in ODD)
    return graph(
        f"network net {{ input 4 x 4 x 4\n {layers}\n stage {{ conv 1x1, 4 as pop\n bn as keys }} as lambda }}"
    )


def test_odd_names_stay_in_the_state_dict() -> None:
    network = odd_graph()
    module, (x,) = shaken(build(network)).eval(), inputs_of(odd_graph())
    assert {f"{name}.weight" for name in ODD} | {"lambda.pop.weight", "lambda.keys.weight"} <= set(module.state_dict())
    wanted = module(x)
    torch.testing.assert_close(interpret(network, module.state_dict(), x)["output"], wanted)
    for tool in TOOLS:
        torch.testing.assert_close(tool(module, [x])(x), wanted)
    fresh = build(network, seed=1)
    assert fresh.load_state_dict(module.state_dict()).missing_keys == []
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\) in state_dict: \"nobody.weight\""):
        fresh.load_state_dict({**module.state_dict(), "nobody.weight": x})


def test_the_names_of_nn_module_are_known() -> None:
    ours = {name for name in dir(nn.Module()) if not name.startswith("_")}
    assert ours <= _MODULE_NAMES


EVERYWHERE = """
block {0}({0}, k = 3) {{
    conv k, {0} -> bn -> relu as {0}
    conv 2x2, 4, pad=[0, 1, 0, 1] -> elu 0.5 -> lrn 5
    concat {{ | from {0} | identity }}
    stage {{ add {{ | dense 2 {{ bn -> conv 3x3, 2 }} -> conv 1x1, {0} | conv 1x1, {0} -> relu }} }}
}}
network {0} {{
    input 3 x 8 x 8 as pixels
    head {0} {{ conv 3x3, 4 -> scale 0.5 }}
    concat {{ | {0} 8 as {0} | {0} 16, k=5 -> elu 1.5 }}
    stage {{ concat {{ | from pixels | identity | from {0} }} }}
}}
"""


@pytest.mark.parametrize("optimize", [False, True])
def test_everything_may_be_called_like_what_the_file_reads(optimize: bool) -> None:
    """A network, a block, a parameter, a label and a head, all of one name, be it one that the file itself needs."""

    def results(name: str) -> list[Tensor]:
        network = cnndsl.loads(EVERYWHERE.format(name))
        return [*(network.optimize() if optimize else network.compile().eval())(x)]

    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    wanted, refused = results("plain"), set()
    needed = global_names(cnndsl.loads(EVERYWHERE.format("plain")).source(optimize=optimize))
    for name in sorted({*needed, *keyword.kwlist, "plain2"}):
        try:
            assert all(map(torch.equal, results(name), wanted)), name
        except (cnndsl.ArchError, cnndsl.ModelError):
            refused.add(name)
    assert refused <= set(keyword.kwlist)


# --- deep networks


def test_deep_networks() -> None:
    deep = "block unit(n) { residual shortcut=projection { conv 3x3, n -> bn -> relu -> conv 3x3, n -> bn }\n relu }"
    network = graph(f"{deep}\nnetwork net {{ input 3 x 4 x 4\n conv 3x3, 4\n repeat 600 {{ unit 4 }} }}")
    module = build(network).eval()
    assert sum(isinstance(layer, nn.Conv2d) for layer in module.modules()) == 1201
    assert module(torch.randn(1, 3, 4, 4)).shape == (1, 4, 4, 4)


def test_deeply_nested_blocks() -> None:
    blocks = "\n".join(f"block b{i}() {{ b{i - 1}\n relu }}" for i in range(1, 60))
    network = graph(f"block b0() {{ conv 1x1, 2 }}\n{blocks}\nnetwork net {{ input 2 x 2 x 2\n b59 }}")
    assert build(network)(torch.randn(1, 2, 2, 2)).shape == (1, 2, 2, 2)


# --- files


@pytest.mark.parametrize("name", ["heads", "two_inputs", "unet"])
def test_a_written_network_needs_nothing_but_torch(name: str, tmp_path: Path) -> None:
    network = GRAPHS[name]()
    files = write(network, tmp_path / "new" / "folder", seed=4)
    assert [path.suffix for path in files] == [".py", ".safetensors"]
    module, inputs = load_written(files).eval(), inputs_of(network)
    torch.save((inputs, list(outputs_of(module(*inputs)).values())), tmp_path / "expected.pt")
    program = f"""
import sys
sys.modules["cnndsl"] = None
import torch
from safetensors.torch import load_file
from {files[0].stem} import {files[0].stem}
inputs, wanted = torch.load("{tmp_path / "expected.pt"}")
again = {files[0].stem}()
again.load_state_dict(load_file("{files[1]}"))
for model in ({files[0].stem}(seed=4), again):
    results = model.eval()(*inputs)
    results = [r for r in results if r is not None] if isinstance(results, tuple) else [results]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(results, wanted, strict=True))
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=files[0].parent, check=True)


def test_what_is_written_is_what_runs(tmp_path: Path) -> None:
    network = GRAPHS["inception"]()
    files = write(network, tmp_path, seed=7)
    module = build(network, seed=7)
    text = files[0].read_text(encoding="utf-8")
    assert files[0].stat().st_mode == files[1].stat().st_mode
    assert text == generate(network) and inspect.getsource(type(module)) in text
    for one, other in zip(module.state_dict().values(), load_written(files).state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("dtype", "device"), [(torch.float64, "cpu"), (torch.float16, "cpu"), (torch.float32, "meta")])
def test_a_seed_gives_the_same_weights_whatever_pytorch_makes(tmp_path: Path, dtype: torch.dtype, device: str) -> None:
    """A module follows PyTorch's defaults, with the same values; a file does not."""
    network = GRAPHS["inception"]()
    plain = build(network, seed=7).state_dict()
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            module = build(network, seed=7)
            files = write(network, tmp_path / "plain", seed=7) + write_optimized(network, tmp_path / "fast", seed=7)
    finally:
        torch.set_default_dtype(before)
    for name, value in module.state_dict().items():
        assert value.device.type == device and value.dtype in (dtype, torch.int64)
        assert device == "meta" or torch.equal(value, plain[name].to(value.dtype))
    again = write(network, tmp_path, seed=7) + write_optimized(network, tmp_path / "again", seed=7)
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]


@pytest.mark.parametrize("seed", [-1, 2**63, True, 1.0, "1", None])
def test_a_seed_is_an_integer_from_0(seed: Any, tmp_path: Path) -> None:
    net = cnndsl.load("lenet5")
    for use in (net.compile, net.optimize, partial(net.write, tmp_path)):
        with pytest.raises(ValueError, match="a seed is an integer"):
            use(seed=seed)


def test_an_option_of_the_other_backend_is_an_error(tmp_path: Path) -> None:
    net: Any = cnndsl.load("lenet5")
    for options in ({"batch": 1}, {"precision": "fp16"}, {"strict": True}):
        with pytest.raises(ValueError, match="means nothing to the backend 'torch'"):
            net.compile("torch", **options)
    for backend, options in (("torch", {"batch": 1}), ("torch", {"target": "sm_90"}), ("triton", {"optimize": True})):
        with pytest.raises(ValueError, match=f"means nothing to the backend '{backend}'"):
            net.write(tmp_path, backend, **options)
    with pytest.raises(ValueError, match="no place"):
        net.write("")
    assert not any(tmp_path.iterdir())


def failing(path: Path) -> None:
    path.write_text("half")
    raise OSError(28, "No space left on device")


def interrupted(path: Path) -> None:
    path.write_text("half")
    raise KeyboardInterrupt


@pytest.mark.parametrize(("writer", "error"), [(failing, OutputError), (interrupted, KeyboardInterrupt)])
def test_a_failure_leaves_the_folder_as_it_was(tmp_path: Path, writer: Callable[[Path], None], error: type) -> None:
    (tmp_path / "a.py").write_text("old")
    for folder in (tmp_path, tmp_path / "new" / "folder"):
        with pytest.raises(error):
            write_together(folder, {"a.py": lambda path: path.write_text("new"), "a.safetensors": writer})
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"] and (tmp_path / "a.py").read_text() == "old"


@pytest.mark.parametrize("calls", range(3))
def test_a_failure_while_moving_puts_back_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """The n-th system call of the last step fails: links to old files, and moves of new ones."""
    import os

    link, replace, left = os.link, os.replace, [calls]

    def counted(function: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise KeyboardInterrupt
            function(*arguments)

        return call

    (tmp_path / "a").write_text("old a")
    (tmp_path / "b").write_text("old b")
    monkeypatch.setattr(os, "link", counted(link))
    monkeypatch.setattr(os, "replace", counted(replace))
    with pytest.raises(KeyboardInterrupt):
        write_together(tmp_path, {name: lambda path: path.write_text("new") for name in "ab"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old a", "b": "old b"}


def test_places_that_cannot_be_written_are_said_in_one_line(tmp_path: Path) -> None:
    network = graph(SHORT)
    (tmp_path / "file").write_text("")
    (tmp_path / "taken" / "net.safetensors").mkdir(parents=True)
    for folder, message in (
        (tmp_path / "file", "it is a file, not a folder"),
        (tmp_path / "file" / "below", "cannot make the folder"),
        (tmp_path / "taken", "it is a folder"),
        (Path("/proc/nowhere"), "cannot make the folder"),
        (tmp_path / ("x" * 300), "cannot"),
        (tmp_path / "nul\0", "cannot"),
    ):
        with pytest.raises(OutputError, match=message) as caught:
            write(network, folder)
        assert "\n" not in str(caught.value)
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["net.safetensors"]


def test_missing_packages_are_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None)
    for use in (lambda: build(graph(SHORT)), lambda: write(graph(SHORT), tmp_path)):
        with pytest.raises(cnndsl.MissingExtra, match=r'pip install "cnndsl\[torch\]"'):
            use()
    assert not list(tmp_path.iterdir())
