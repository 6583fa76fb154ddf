"""Plans: on any network they compute what the PyTorch backend computes; they print, save and place as they should."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from contextlib import nullcontext
from random import Random
from types import SimpleNamespace

import pytest
from examples import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from random_networks import networks, random_network  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.torch import build  # noqa: E402
from cnndsl.backends.triton import arena, explain_plan, make_plan  # noqa: E402
from cnndsl.backends.triton.execute import Executor, specialized  # noqa: E402
from cnndsl.backends.triton.library import RELU, LibraryConfig, refusal  # noqa: E402
from cnndsl.backends.triton.library_steps import library_step  # noqa: E402
from cnndsl.backends.triton.module import TritonModule, compile_graph  # noqa: E402
from cnndsl.backends.triton.packed import pack_weights  # noqa: E402
from cnndsl.backends.triton.plan import Buffer  # noqa: E402
from cnndsl.backends.triton.rules import chains  # noqa: E402
from cnndsl.backends.triton.stored import dumps, load_plan, loads, save_plan  # noqa: E402
from cnndsl.backends.triton.text import format_plan  # noqa: E402
from cnndsl.errors import PlanError, StrictError  # noqa: E402
from cnndsl.ir import Graph  # noqa: E402
from cnndsl.kernels.families.conv_gemm import Problem  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402
from cnndsl.ops import base  # noqa: E402
from cnndsl.ops.activation import Pointwise  # noqa: E402
from cnndsl.ops.base import Shape, TorchModule, all_layers  # noqa: E402
from cnndsl.passes import Notes  # noqa: E402


def assert_computes(graph: Graph, batch: int = 2) -> TritonModule:
    """In the interpreter, from memory full of NaN, in float32, what the PyTorch backend computes in float64."""
    plain = build(graph, seed=3).eval()
    torch.manual_seed(4)
    for name, value in plain.state_dict().items():
        if value.dim() == 1 and value.is_floating_point():  # biases, and batch norms that do something
            value.copy_(
                torch.rand_like(value) + 0.5 if name.endswith("running_var") else value + torch.randn_like(value) / 8
            )
    module = compile_graph(graph, batch=batch, precision="fp32")
    module.load_state_dict(plain.state_dict())
    inputs = [torch.randn(batch, *node.shape) for node in graph.inputs]
    module.executor(batch, inputs[0].device).arena.fill_(255)
    with torch.no_grad():
        expected, found = plain.double()(*(x.double() for x in inputs)), module(*inputs)
    assert getattr(found, "_fields", None) == getattr(expected, "_fields", None)
    wanted = [expected] if isinstance(expected, torch.Tensor) else [*expected]
    for one, other in zip(wanted, [found] if isinstance(found, torch.Tensor) else found, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            scale = float(one.abs().max().clamp(min=1))
            torch.testing.assert_close(other.double(), one, rtol=0, atol=1e-5 * scale)
    return module


@given(networks().filter(lambda graph: len(graph) <= 40))  # the interpreter takes a while for each node
@settings(max_examples=examples(10), deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_any_network(graph: Graph) -> None:
    assert_computes(graph)


def small_random_networks(most: int, nodes: int) -> list[int]:
    """Seeds of random networks of so many nodes at most, since the interpreter takes a while for each."""
    sizes = ((seed, len(cnndsl.loads(random_network(seed)).graph)) for seed in range(200))
    return [seed for seed, size in sizes if size <= nodes][:most]


@pytest.mark.parametrize("seed", small_random_networks(8, 40))
def test_random_networks(seed: int) -> None:
    assert_computes(cnndsl.loads(random_network(seed)).graph, batch=1 + seed % 3)


EXAMPLES = [(word, line) for word, layer in all_layers().items() for line in layer.examples]


@pytest.mark.parametrize(("word", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_every_layer_compiles(word: str, line: str) -> None:
    shape, layer = line.split(" -> ", 1)
    assert_computes(cnndsl.loads(f"network n {{ input {shape}\n {layer} }}").graph)


ODD = {
    "slices that overlap": (
        "conv 3x3, 8 as c\n concat { | from c -> channel_slice 0, 4 | from c -> channel_slice 2, 6 }"
    ),
    "a slice of a slice's channels": (
        "conv 3x3, 8 as c\n concat { | from c -> channel_slice 0, 2 | from c -> channel_slice 1, 4 -> conv 3x3, 3 }"
    ),
    "slices in a concat and beside it": (
        "conv 3x3, 9 as c\n concat { | from c -> channel_slice 0, 3 | from c -> channel_slice 3, 9 -> conv 3x3, 2 }"
    ),
    "slices of an input": "concat { | channel_slice 1, 3 | channel_slice 0, 2 -> conv 3x3, 3 | identity }",
    "a slice across a concat": "concat { | conv 3x3, 3 | conv 5x5, 5 } -> channel_slice 2, 7 -> conv 3x3, 3",
    "one tensor in two concats": (
        "conv 3x3, 5 as c\n concat { | from c | channel_slice 0, 3 } as d\n concat { | from d | from c } -> conv 3x3, 2"
    ),
    "concat of an input twice": "concat { | identity | identity }",
    "batch norms of siblings": "concat { | bn -> relu -> conv 1x1, 4 | bn -> relu -> conv 1x1, 4 }",
    "a 1x1 and its sum": "conv 1x1, 4\n residual { conv 1x1, 4 }",
    "strides on both sides": "add { | conv 1x1, 6, /2 -> bn | conv 1x1, 6, /2 -> bn } -> relu -> conv 1x1, 5",
    "a window over the end": "avgpool 2x2, /2, round=ceil -> conv 1x1, 8",
    "windows over the rim": "bn -> relu -> avgpool 3x3, /2, pad=1, round=ceil -> conv 1x1, 8 -> relu",
    "a pool of everything": "avgpool 5x7, /1 -> conv 1x1, 3",
    "gates of a row and a column": (
        "mul { | conv 3x3, 4 | avgpool 5x1, /1 -> conv 1x1, 4 -> sigmoid | avgpool 1x7, /1 -> conv 1x1, 4 -> sigmoid }"
    ),
    "gates alone": "mul { | global_avgpool -> sigmoid | conv 3x3, 1 -> sigmoid }",
    "six means": "mean { | conv 3x3, 4 | identity | tanh | sigmoid | conv 1x1, 4 -> relu | conv 5x5, 4 }",
    "six products": "mul { | conv 3x3, 1 | global_avgpool | conv 3x3, 4 | conv 1x1, 4 | tanh | sigmoid }",
    "flat parts": "concat { | flatten | conv 3x3, 2 -> flatten | global_avgpool -> flatten }\n relu -> bn -> linear 4",
    "flatten of a slice": "conv 3x3, 7 -> channel_slice 2, 5 -> flatten -> linear 4",
    "outputs in a concat": (
        "concat { | conv 3x3, 5 as p | conv 3x3, 6 }\n head a { from p }\n head b { channel_slice 3, 9 }"
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_networks(name: str) -> None:
    assert_computes(cnndsl.loads(f"network n {{ input 4 x 5 x 7\n {ODD[name]} }}").graph)


SHAPES = {
    "bottlenecks": (
        "conv 1x1, 16\n repeat 2 { residual { conv 1x1, 4 -> relu -> conv 3x3, 4 -> relu -> conv 1x1, 16 }\n relu }"
    ),
    "fire": "repeat 2 { conv 1x1, 4 -> relu\n concat { | conv 1x1, 8 -> relu | conv 3x3, 8 -> relu } }\n conv 1x1, 3",
    "fire with a stride": "concat { | conv 1x1, 8, /2 -> relu | conv 3x3, 8, /2 -> relu }\n conv 1x1, 3 -> tanh",
    "projection": (
        "residual shortcut=projection { conv 1x1, 4 -> relu -> conv 3x3, 4 -> relu -> conv 1x1, 16 -> bn }\n"
        " relu -> conv 1x1, 6"
    ),
    "projection with a stride": (
        "residual shortcut=projection { conv 3x3, 4, /2 -> relu -> conv 1x1, 16 -> bn }\n relu -> conv 1x1, 6 -> relu"
    ),
    "projection on the other side": (
        "add { | conv 3x3, 4 -> relu -> conv 1x1, 8, bias=false | conv 1x1, 8, bias=false } -> relu\n conv 3x3, 4"
    ),
    "two bodies of a sum": "add { | conv 3x3, 4 -> relu -> conv 1x1, 8 | conv 3x3, 6 -> relu -> conv 1x1, 8 }",
    "three": "conv 5x5, 8, bias=false -> relu -> conv 1x1, 12, bias=false -> relu -> conv 1x1, 7",
    "middle is read": (
        "conv 3x3, 8 -> relu -> conv 1x1, 8 -> relu as kept\n conv 1x1, 4 -> concat { | identity | from kept }"
    ),
    "middle is an output": "conv 3x3, 8 -> conv 1x1, 8 as kept\n head side { identity }\n conv 1x1, 4",
}


def chain_wherever_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "_modelled_ratio", lambda *_: 0.0)


@pytest.mark.parametrize("name", SHAPES)
def test_chains(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken wherever they can be, whether they pay or not."""
    chain_wherever_possible(monkeypatch)
    module = assert_computes(cnndsl.loads(f"network n {{ input 4 x 9 x 7\n {SHAPES[name]} }}").graph)
    assert "chain" in [launch.kernel for launch in module.plan(2).launches]


HEADS = {
    "a classifier": ("conv 3x3, 8 -> relu\n global_avgpool -> linear 5", 3),
    "normed": (
        "conv 3x3, 8 as c\n add { | from c | tanh }\n bn -> relu -> global_avgpool -> flatten -> linear 5 -> relu",
        4,
    ),
    "an average of all": ("avgpool 9x7, /1 -> flatten -> linear 70 -> sigmoid", 2),
    "without a bias": ("bn -> sigmoid -> avgpool 9x7, /1 -> linear 3, bias=false", 2),
    "the average is read": ("global_avgpool as mean\n linear 4\n head side { from mean }", None),
    "the average of a part": ("avgpool 3x3, /3 -> flatten -> linear 4", None),
    "a maximum": ("global_maxpool -> linear 4", None),
    "what is normed is read": ("bn -> relu as c\n global_avgpool -> linear 4\n head side { from c }", 2),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads(name: str) -> None:
    """One launch from the map to the classes, after `pack` and what comes before, where nothing else is read."""
    text, launches = HEADS[name]
    module = assert_computes(cnndsl.loads(f"network n {{ input 4 x 9 x 7\n {text} }}").graph)
    kernels = [launch.kernel for launch in module.plan(1).launches]
    assert ("head" in kernels) == (launches is not None)
    if launches is not None and "head side" not in text:
        assert len(kernels) == launches


def test_a_pool_that_is_kept() -> None:
    """By the 1x1 that reads it, for others, an output among them."""
    body = "conv 1x1, 4 -> relu -> conv 3x3, 20 -> bn"
    text = f"conv 1x1, 20\n maxpool 3x3, /2, pad=1 as pool\n residual {{ {body} }}\n relu\n head side {{ from pool }}"
    module = assert_computes(cnndsl.loads(f"network n {{ input 4 x 9 x 7\n {text} }}").graph)
    launches = module.plan(1).launches
    assert "pool" not in [launch.kernel for launch in launches]
    (kept,) = (launch for launch in launches if "kept" in launch.tensors)
    assert str(kept.tensors["kept"]) == "pool" and kept.nodes == ("pool", "conv2")


INPUTS = {
    "pixel_unshuffle 2 -> conv 3x3, 5": ["pack", "conv_gemm"],
    "conv 7x7, 5, /2": ["pack", "conv_gemm"],
    "concat {\n | pixel_unshuffle 2\n | conv 1x1, 5, /2\n }": ["pack", "torch", "conv_gemm"],
    "pixel_unshuffle 2 -> concat {\n | identity\n | conv 1x1, 5\n }": ["pack", "torch", "conv_gemm"],
}


@pytest.mark.parametrize("body", INPUTS)
def test_blocks_of_an_input_are_packed_as_such(body: str) -> None:
    module = assert_computes(cnndsl.loads(f"network n {{ input 3 x 8 x 6\n {body} }}").graph)
    assert [launch.kernel for launch in module.plan(1).launches] == INPUTS[body]


def test_a_head_of_many_images_is_its_parts() -> None:
    graph, notes = cnndsl.load("resnet50").graph, Notes()
    assert "head" in {launch.kernel for launch in make_plan(graph, "sm_90").launches}
    plan = make_plan(graph, "sm_90", batch=256, notes=notes)
    assert [launch.kernel for launch in plan.launches][-2:] == ["pool", "conv_gemm"]
    assert any(each.reason.startswith("classified in one kernel") for each in notes.refusals)


def test_a_chain_for_some_batches_needs_no_other_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    network = cnndsl.loads("network n { input 4 x 9 x 7\n conv 3x3, 8, bias=false -> relu -> conv 1x1, 8, bias=false }")
    monkeypatch.setattr(chains, "_modelled_ratio", lambda *_: 9.0)
    module = compile_graph(network.graph, batch=2, precision="fp32")
    chain_wherever_possible(monkeypatch)
    assert "chain" in [launch.kernel for launch in module.plan(1).launches]
    x = torch.randn(2, 4, 9, 7)
    torch.testing.assert_close(module(x[:1]), module(x)[:1])


def test_tensors_that_begin_anywhere_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Binaries read 16 bytes at once where they may."""
    chain_wherever_possible(monkeypatch)
    body = "concat { | conv 3x3, 4 | conv 3x3, 4 as c }\n head a { from c -> conv 3x3, 8 -> conv 1x1, 8 }\n flatten"
    plan = make_plan(cnndsl.loads(f"network n {{ input 8 x 6 x 6\n {body}\n head b {{ from c -> flatten }} }}").graph)
    found = {(launch.kernel, str(launch.tensors["x"])): specialized(launch).unaligned for launch in plan.launches}
    assert found["chain", "concat[4:8]"] == {"x"}
    assert found["pack", "concat[4:8]"] == {"x"}
    assert found["pack", "concat"] == set()


def test_a_chain_that_does_not_pay_says_why() -> None:
    notes = Notes()
    network = cnndsl.loads("network n { input 256 x 7 x 7\n conv 3x3, 256 -> relu -> conv 1x1, 256 }")
    plan = make_plan(network.graph, notes=notes)
    assert [launch.kernel for launch in plan.launches].count("chain") == 0
    assert any("of the time by the model" in each.reason for each in notes.refusals)


SPLIT = "concat { | conv 3x3, 8 | conv 1x1, 8 -> relu | conv 1x1, 4 -> relu -> conv 3x3, 8 | conv 1x1, 8 -> relu }"


def test_siblings_write_into_the_concat_and_beside_it() -> None:
    graph = cnndsl.loads(f"network n {{ input 8 x 6 x 6\n {SPLIT} }}").graph
    module = assert_computes(graph)
    (siblings,) = (launch for launch in module.plan(2).launches if launch.nodes == ("siblings",))
    assert siblings.tensors["y"].buffer == "concat" and siblings.tensors["y2"].buffer == "siblings"


def test_an_inception_module_copies_nothing() -> None:
    plan = make_plan(cnndsl.load("googlenet").graph, batch=32)
    assert "pointwise" not in {launch.kernel for launch in plan.launches}


@pytest.mark.parametrize("precision", ["fp16", "tf32"])
def test_precisions(precision: str) -> None:
    graph = cnndsl.loads("network n { input 3 x 9 x 9\n conv 3x3, 8 -> bn -> relu\n global_avgpool -> linear 5 }").graph
    module = compile_graph(graph, precision=precision)
    plain = cnndsl.loads(
        "network n { input 3 x 9 x 9\n conv 3x3, 8 -> bn -> relu\n global_avgpool -> linear 5 }"
    ).compile()
    x = torch.randn(1, 3, 9, 9)
    found, expected = module(x), plain.eval()(x)
    assert found.dtype == (torch.float16 if precision == "fp16" else torch.float32)
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=3e-3)


TINY = "network tiny { input 3 x 8 x 8\n conv 3x3, 8 -> bn -> relu\n global_avgpool -> linear 4 }"


@pytest.fixture(scope="module")
def tiny() -> TritonModule:
    return compile_graph(cnndsl.loads(TINY).graph, batch=2, precision="fp32")


def test_new_weights_need_no_new_compile(tiny: TritonModule) -> None:
    x = torch.randn(2, 3, 8, 8)
    executor = tiny.executor(2, x.device)
    for seed in (5, 6):
        plain = cnndsl.loads(TINY).compile(seed=seed).eval()
        tiny.load_state_dict(plain.state_dict())
        torch.testing.assert_close(tiny(x), plain(x), rtol=1e-4, atol=1e-5)
    assert tiny.executor(2, x.device) is executor
    tiny.load_state_dict(tiny.state_dict())
    torch.testing.assert_close(tiny(x), plain(x), rtol=1e-4, atol=1e-5)


def test_a_state_dict_that_does_not_fit_is_refused(tiny: TritonModule) -> None:
    state = dict(cnndsl.loads(TINY).compile().state_dict())
    state["linear.weight"] = torch.zeros(7, 8)
    with pytest.raises(RuntimeError, match=r"linear\.weight is 7 x 8, not 4 x 8"):
        tiny.load_state_dict(state)
    del state["linear.weight"]
    with pytest.raises(RuntimeError, match=r"linear\.weight"):
        tiny.load_state_dict(state)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ((torch.zeros(1, 3, 9, 8),), ValueError, "input must be N x 3 x 8 x 8, not 1 x 3 x 9 x 8"),
        ((torch.zeros(3, 3, 8, 8),), ValueError, "a batch of 3: this module was compiled for 1 to 2"),
        ((torch.zeros(0, 3, 8, 8),), ValueError, "a batch of 0: this module was compiled for 1 to 2"),
        (
            (torch.zeros(1, 3, 8, 8, dtype=torch.int64),),
            TypeError,
            "input must be a tensor of torch.float32, not torch.int64",
        ),
        (("x",), TypeError, "input must be a tensor of torch.float32, not str"),
        ((), TypeError, "tiny takes 1 inputs, not 0"),
        ((torch.zeros(1, 3, 8, 8, device="meta"),), ValueError, "input is on meta, the module on cpu"),
    ],
)
def test_wrong_inputs(tiny: TritonModule, inputs: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tiny(*inputs)


def test_smaller_batches_and_other_layouts(tiny: TritonModule) -> None:
    x = torch.randn(2, 3, 8, 8)
    whole = tiny(x)
    torch.testing.assert_close(tiny(x[:1]), whole[:1])
    torch.testing.assert_close(tiny(x.contiguous(memory_format=torch.channels_last)), whole)
    torch.testing.assert_close(tiny(torch.randn(2, 3, 8, 16)[..., ::2].copy_(x)), whole)
    torch.testing.assert_close(tiny(torch.randn(2, 3, 12, 12)[..., 1:9, 3:11].copy_(x)), whole)
    torch.testing.assert_close(tiny(x[:1].expand(2, -1, -1, -1))[1:], whole[:1])


def test_the_first_call_on_a_gpu_is_right_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Capturing runs the launches, and later tensors lie where the input lay: it must be taken in after that."""
    graph = cnndsl.loads("network n { input 8 x 6 x 6\n conv 3x3, 8\n conv 3x3, 8\n conv 3x3, 8\n conv 3x3, 8 }").graph
    module = compile_graph(graph, precision="fp32")
    x = torch.randn(1, 8, 6, 6)
    expected = module(x)
    executor = Executor(module.plan(1), pack_weights(module.plan(1), build(graph).state_dict()), torch.device("cpu"))

    def capture() -> None:
        executor.run()
        executor.graph = SimpleNamespace(replay=executor.run)

    monkeypatch.setattr(executor, "device", SimpleNamespace(type="cuda"))
    monkeypatch.setattr(executor, "_capture", capture)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    for _ in range(2):
        torch.testing.assert_close(executor(x)[0], expected)


def test_what_it_is_not_for(tiny: TritonModule) -> None:
    with pytest.raises(RuntimeError, match="compiled for inference"):
        tiny.train()
    with pytest.raises(TypeError, match="compiled for fp32"):
        tiny.half()
    with pytest.raises(TypeError, match="compiled for fp16"):
        compile_graph(cnndsl.loads(TINY).graph).float()
    with pytest.raises(RuntimeError, match="no products of bfloat16"):
        compile_graph(cnndsl.loads(TINY).graph, precision="bf16")(torch.zeros(1, 3, 8, 8))
    assert not tiny.training


def test_weights_stay_as_kernels_read_them(tiny: TritonModule) -> None:
    module, x = copy.deepcopy(tiny), torch.randn(1, 3, 8, 8)
    module(x)
    torch.testing.assert_close(module.to(memory_format=torch.channels_last)(x), tiny(x))
    plain = cnndsl.loads(TINY).compile(seed=8).eval()
    module.load_state_dict(plain.state_dict(), assign=True)
    torch.testing.assert_close(module(x), plain(x), rtol=1e-4, atol=1e-5)


def test_inference_mode_and_back() -> None:
    module = compile_graph(cnndsl.loads("network n { input 3 x 4 x 4\n layer_norm }").graph, precision="fp32")
    x = torch.randn(1, 3, 4, 4)
    with torch.inference_mode():
        first = module(x)
    torch.testing.assert_close(module(x), first)


def test_it_copies_and_pickles(tiny: TritonModule) -> None:
    x = torch.randn(1, 3, 8, 8)
    for other in (copy.deepcopy(tiny), pickle.loads(pickle.dumps(tiny))):
        torch.testing.assert_close(other(x), tiny(x))


def test_strict_names_layer_and_line() -> None:
    gate = "mul { | identity | avgpool 12x1, /1 }"
    text = f"input 4 x 6 x 6\n    layer_norm\n    conv_transpose 2x2, 4, /2 -> relu\n    {gate} -> relu"
    graph = cnndsl.loads(f"network n {{\n    {text}\n}}").graph
    with pytest.raises(StrictError) as caught:
        make_plan(graph, strict=True)
    assert str(caught.value).splitlines() == [
        "<text>:3:5: no Triton kernel serves `layer_norm` (layer_norm)",
        "<text>:4:5: no Triton kernel serves `conv_transpose` (conv_transpose)",
        "<text>:5:5: no Triton kernel serves `mul` (mul)",
    ]


def test_a_saved_plan_runs_with_saved_weights(tmp_path) -> None:
    network = cnndsl.loads(TINY)
    plan = make_plan(network.graph, precision="fp32")
    save_plan(plan, tmp_path / "plan.json")
    state = network.compile(seed=9).eval()
    executor = Executor(load_plan(tmp_path / "plan.json"), pack_weights(plan, state.state_dict()), torch.device("cpu"))
    x = torch.randn(1, 3, 8, 8)
    torch.testing.assert_close(executor(x)[0], state(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"cnndsl plan": 99}', '{"cnndsl plan": 1, "is": "given", "index": 0}', "\0"]
)
def test_what_is_no_plan(text: str) -> None:
    with pytest.raises(PlanError):
        loads(text)


def test_plans_are_the_same_each_time() -> None:
    plans = [make_plan(cnndsl.load("googlenet").graph) for _ in range(2)]
    assert dumps(plans[0]) == dumps(plans[1])


@given(st.integers(0, 10**6))
@settings(max_examples=examples(100), deadline=None)
def test_the_arena_never_gives_memory_twice(seed: int) -> None:
    random = Random(seed)
    buffers = []
    for index in range(random.randint(1, 30)):
        first = random.randint(0, 20)
        buffers.append(Buffer(f"b{index}", random.randint(1, 5000), first, first + random.randint(0, 6)))
    placed = arena.place(buffers)
    assert [each.name for each in placed] == [each.name for each in buffers]
    for index, one in enumerate(placed):
        assert one.offset % arena.ALIGNMENT == 0
        for other in placed[:index]:
            together = one.first <= other.last and other.first <= one.last
            assert not together or one.offset >= other.offset + other.bytes or other.offset >= one.offset + one.bytes


LIBRARY = {
    "plain": ((), False),
    "relu": ((RELU,), False),
    "sum": (("x + other",), True),
    "sum, then relu": (("x + other", RELU), True),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_the_library_computes_the_same(name: str) -> None:
    tail, residual = LIBRARY[name]
    problem = Problem("fp32", 2, 7, 6, 8, 16, 8, 24, (3, 3), sides=(1, 1, 1, 1), tail=tail)
    assert refusal(problem) is None
    x, w, bias, other = torch.randn(2, 7, 6, 8), torch.randn(16, 3, 3, 8), torch.randn(16), torch.randn(2, 7, 6, 16)
    wide = torch.full((2, 7, 6, 24), float("nan"))
    tensors = {"x": x, "w": w, "bias": bias, "y": wide[..., 8:]} | ({"residual": other} if residual else {})
    library_step(problem, LibraryConfig(), tensors)()
    expected = torch.nn.functional.conv2d(x.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2), bias, padding=1).permute(
        0, 2, 3, 1
    )
    expected = expected + other if residual else expected
    torch.testing.assert_close(wide[..., 8:], expected.relu() if RELU in tail else expected)
    assert wide[..., :8].isnan().all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"split_at": 8, "y2_leading": 8}, "several"),
        ({"bundles": 2}, "bundles"),
        ({"tail": ("x * 2.0",)}, "tail"),
        ({"sides": (0, 1, 0, 1)}, "padding"),
    ],
)
def test_what_the_library_refuses(change: dict, reason: str) -> None:
    problem = Problem("fp16", 1, 8, 8, 8, 16, 8, 16, (3, 3), **change)
    assert reason in refusal(problem)


def test_every_target_has_plans() -> None:
    graph = cnndsl.loads(TINY).graph
    assert {make_plan(graph, target).target for target in TARGETS} == {*TARGETS}


# --- what is pointwise is fused, whoever wrote it

POINTWISE = sorted(
    {example.partition("-> ")[2] for cls in all_layers().values() if cls.pointwise for example in cls.examples}
)


def launches(body: str) -> list[str]:
    """The kernels of a plan, but for those that pack the picture and unpack the result."""
    plan = make_plan(cnndsl.loads(f"network n {{ input 8 x 8 x 8\n {body} }}").graph)
    return [launch.kernel for launch in plan.launches if launch.kernel != "pack"]


@pytest.mark.parametrize("layer", [line for line in POINTWISE if "learned" not in line])
def test_a_pointwise_layer_goes_with_the_convolution_before_it(layer: str) -> None:
    assert launches(f"conv 3x3, 8 -> {layer}") == launches("conv 3x3, 8")
    assert launches(f"conv 3x3, 8 -> bn -> {layer} -> {layer}") == launches("conv 3x3, 8")


def test_so_does_one_of_a_third_party(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mish(Pointwise):
        """x tanh(softplus(x)), which no table of ours knows."""

        word = "mish_of_another"
        triton = "x * libdevice.tanh(tl.log(1.0 + tl.exp(x)))"

        def torch(self, *inputs: Shape) -> TorchModule:
            return TorchModule("nn.Mish")

    monkeypatch.setitem(base._REGISTRY, Mish.word, Mish)
    assert launches("conv 3x3, 8 -> mish_of_another") == launches("conv 3x3, 8")
    assert launches("maxpool 2x2, /2 -> mish_of_another -> mish_of_another") == ["pool", "pointwise"]
    assert launches("conv_transpose 2x2, 8, /2 -> mish_of_another") == ["torch", "pointwise"]
    network = cnndsl.loads("network n { input 4 x 8 x 8\n conv 3x3, 4 -> mish_of_another }")
    module, fast = network.compile().eval(), network.optimize()
    fast.load_state_dict(module.state_dict())
    x = torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(fast(x), module(x))


WITHOUT = """
import sys
sys.modules["torch"] = sys.modules["triton"] = None  # as where they are not installed
import cnndsl
from cnndsl.backends.triton import explain_plan, make_plan
from cnndsl.backends.triton.stored import dumps, loads
from cnndsl.backends.triton.text import format_plan
for model in sys.argv[1:]:
    graph = cnndsl.load(model).graph
    plan = make_plan(graph, "sm_90", batch=2)
    assert loads(dumps(plan)) == plan
    print(format_plan(plan), dumps(plan), explain_plan(graph, "sm_90", batch=2))
"""


def test_plans_are_the_same_without_triton_and_torch() -> None:
    models = ("googlenet", "shufflenet_v2", "convnext_tiny")
    command = [sys.executable, "-c", WITHOUT, *models]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = []
    for model in models:
        graph = cnndsl.load(model).graph
        plan = make_plan(graph, "sm_90", batch=2)
        expected.append(f"{format_plan(plan)} {dumps(plan)} {explain_plan(graph, 'sm_90', batch=2)}\n")
    assert done.stdout == "".join(expected)
