"""How plans are run: global settings of PyTorch during a step, graphs of the caller, memory for each batch size."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from time import sleep
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from fake_cuda import FakeCuda  # noqa: E402
from torch import nn  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.triton import tuning  # noqa: E402
from cnndsl.backends.triton.building import Chosen, suggested  # noqa: E402
from cnndsl.backends.triton.execute import Executor  # noqa: E402
from cnndsl.backends.triton.float32 import float32_products  # noqa: E402
from cnndsl.backends.triton.graphs import captured  # noqa: E402
from cnndsl.backends.triton.library import LibraryConfig  # noqa: E402
from cnndsl.backends.triton.library_steps import library_step  # noqa: E402
from cnndsl.backends.triton.module import TritonModule, compile_graph  # noqa: E402
from cnndsl.kernels.families.conv_gemm import Problem  # noqa: E402
from cnndsl.kernels.targets import Target  # noqa: E402

BACKENDS = torch.backends
USERS = {
    "PyTorch's own": lambda: None,
    "cuDNN without": lambda: setattr(BACKENDS.cudnn, "allow_tf32", False),
    "cuBLAS with": lambda: setattr(BACKENDS.cuda.matmul, "allow_tf32", True),
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
    "newer, all": lambda: setattr(BACKENDS, "fp32_precision", "tf32"),
    "newer, each": lambda: (
        setattr(BACKENDS.cudnn.conv, "fp32_precision", "ieee"),
        setattr(BACKENDS.cuda.matmul, "fp32_precision", "tf32"),
    ),
    "both": lambda: (torch.set_float32_matmul_precision("high"), setattr(BACKENDS, "fp32_precision", "ieee")),
}


def read(setting: object) -> object:
    """PyTorch refuses to read an older setting that differs from the newer one."""
    try:
        return setting()  # type: ignore[operator]
    except RuntimeError:
        return "mixed"


def settings() -> dict[str, object]:
    every = {name: getattr(BACKENDS, name) for name in ("cudnn", "cuda", "mkldnn")}
    newer = {
        f"{name}.{part}": getattr(owner, part).fp32_precision
        for name, owner in every.items()
        for part in ("conv", "matmul", "rnn")
        if hasattr(owner, part)
    }
    older = {
        "cuBLAS": read(torch.get_float32_matmul_precision),
        "cuDNN": read(lambda: BACKENDS.cudnn.allow_tf32),
        "search": BACKENDS.cudnn.benchmark,
        "enabled": BACKENDS.cudnn.enabled,
    }
    return newer | older


def products() -> tuple[str, str]:
    """What cuDNN's convolutions and cuBLAS do now; raises where cuBLAS would, between older and newer."""
    assert BACKENDS.cuda.matmul.allow_tf32 == (BACKENDS.cuda.matmul.fp32_precision == "tf32")
    return BACKENDS.cudnn.conv.fp32_precision, BACKENDS.cuda.matmul.fp32_precision


@pytest.fixture
def restored():
    """PyTorch's own settings after the test."""
    before = (BACKENDS.cudnn.conv.fp32_precision, BACKENDS.cudnn.rnn.fp32_precision)
    yield
    BACKENDS.fp32_precision = "none"
    BACKENDS.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cudnn.conv.fp32_precision, BACKENDS.cudnn.rnn.fp32_precision = before
    for part in (BACKENDS.mkldnn.matmul, BACKENDS.cuda.matmul):
        part.fp32_precision = "none"
    assert settings()["cuDNN"] is True and settings()["cuBLAS"] == "highest"


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("wanted", ("ieee", "tf32"))
def test_settings_are_the_users_again(user: str, wanted: str) -> None:
    USERS[user]()
    before = settings()
    with pytest.raises(KeyError), float32_products(wanted):
        assert products() == (wanted, wanted)
        raise KeyError
    assert settings() == before


@pytest.mark.parametrize(("precision", "wanted"), (("fp32", "ieee"), ("tf32", "tf32")))
def test_the_precision_decides_for_layers_of_pytorch(
    precision: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = "network n { input 4 x 6 x 6\n conv_transpose 2x2, 4, /2 }"
    module = compile_graph(cnndsl.loads(network).graph, precision=precision)
    seen = []
    real = nn.ConvTranspose2d.forward
    monkeypatch.setattr(nn.ConvTranspose2d, "forward", lambda self, x: (seen.append(products()), real(self, x))[1])
    before = settings()
    module(torch.randn(1, 4, 6, 6))
    assert seen == [(wanted, wanted)]
    assert settings() == before


@pytest.mark.parametrize("wanted", ("ieee", "tf32"))
@pytest.mark.parametrize("matrix", (False, True), ids=("cuDNN", "cuBLAS"))
def test_the_precision_decides_for_libraries(wanted: str, matrix: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    owner, name = (torch, "addmm") if matrix else (torch.nn.functional, "conv2d")
    real = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *given, **named: (seen.append(products()), real(*given, **named))[1])
    problem = Problem("fp32", 1, 4, 4, 8, 16, 8, 16, precision=wanted)
    x, w, y = torch.randn(1, 4, 4, 8), torch.randn(16, 1, 1, 8), torch.empty(1, 4, 4, 16)
    before = settings()
    library_step(problem, LibraryConfig(matrix), {"x": x, "w": w, "bias": torch.randn(16), "y": y})()
    assert seen == [(wanted, wanted)]
    assert settings() == before


def by_library(kernel: str, problem: object, target: Target) -> Chosen:
    return Chosen("cudnn", LibraryConfig()) if kernel == "conv_gemm" else suggested(kernel, problem, target)


def test_new_weights_reach_the_biases_of_libraries() -> None:
    """They are cast together, in every run, as a CUDA graph would replay it."""
    network = cnndsl.loads("network n { input 8 x 6 x 6\n conv 3x3, 8 -> relu -> conv 3x3, 4 }")
    module = compile_graph(network.graph, choose=by_library)
    x, plain = torch.randn(1, 8, 6, 6), network.compile(seed=1).eval()
    nn.init.normal_(plain.conv1.bias)
    before = module(x)
    module.load_state_dict(plain.state_dict())
    torch.testing.assert_close(module(x).float(), plain(x), rtol=2e-2, atol=2e-2)
    assert not torch.equal(module(x), before)
    executor = module.executor(1, x.device)
    assert len(executor.steps) == 1 + sum(launch.kernel == "cudnn" for launch in executor.plan.launches) == 3


class FakeGraphs:
    """A GPU that is the interpreter: what a graph records is run again when it is replayed, nothing may wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.capturing = False
        monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: self.capturing)
        monkeypatch.setattr(torch.cuda, "synchronize", self.not_while_capturing)
        monkeypatch.setattr(Executor, "_capture", self.capture)

    def not_while_capturing(self, *_: object) -> None:
        assert not self.capturing

    @staticmethod
    def capture(executor: Executor) -> None:
        executor.run()
        executor.graph = SimpleNamespace(replay=executor.run)


def test_each_device_captures_on_streams_of_its_own(small: TritonModule, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, executor = FakeCuda(monkeypatch), small.executor(1, torch.device("cpu"))
    steps, executor.steps = executor.steps, [cuda.step(1.0)]
    for device in (torch.device("cuda", 0), torch.device("cuda", 1), torch.device("cuda", 0)):
        executor.device = device
        executor._capture()
        assert executor.graph.recorded == [1.0]
    assert [stream.device.index for stream in cuda.captured] == [0, 1, 0] and steps


def test_captures_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that run two networks at once, on two GPUs or on one."""
    cuda = FakeCuda(monkeypatch)

    def run() -> None:
        cuda.step(1.0)()
        sleep(0.001)

    with ThreadPoolExecutor(4) as threads:
        graphs = [*threads.map(lambda index: captured(run, torch.device("cuda", index % 2)), range(8))]
    assert [graph.recorded for graph in graphs] == [[1.0]] * 8


def on_gpu(module: TritonModule, batch: int) -> Executor:
    """The module's executor for a batch, which believes itself to be on a GPU."""
    executor = module.executor(batch, torch.device("cpu"))
    executor.device = SimpleNamespace(type="cuda")
    return executor


NETWORK = "network n { input 3 x 6 x 6\n conv 3x3, 8 -> relu -> conv 1x1, 4 }"


@pytest.fixture
def small() -> TritonModule:
    return compile_graph(cnndsl.loads(NETWORK).graph, batch=12, precision="fp32")


def test_a_callers_graph_gets_the_launches(small: TritonModule, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 3, 6, 6)
    expected = small(x)
    cuda, executor = FakeGraphs(monkeypatch), on_gpu(small, 2)
    torch.testing.assert_close(small(x), expected)
    executor.graph = SimpleNamespace(replay=lambda: pytest.fail("a graph cannot be replayed into another"))
    monkeypatch.setattr(Executor, "_capture", lambda self: pytest.fail("a graph cannot be captured within another"))
    executor.arena.fill_(255)
    assert not executor.recorded
    cuda.capturing = True
    torch.testing.assert_close(small(x), expected)
    assert executor.recorded


UNREADY = {
    "no call before": (None, lambda x: x),
    "another memory format": (torch.channels_last, lambda x: x.contiguous()),
    "another address": (torch.contiguous_format, lambda x: torch.cat([x.flatten()[:1], x.flatten()])[1:].view_as(x)),
}


@pytest.mark.parametrize("case", UNREADY)
def test_a_callers_graph_needs_a_call_before(case: str, small: TritonModule, monkeypatch: pytest.MonkeyPatch) -> None:
    before, change = UNREADY[case]
    cuda, x = FakeGraphs(monkeypatch), torch.randn(2, 3, 6, 6)
    executor = on_gpu(small, 2)
    if before is not None:
        small(x.contiguous(memory_format=before))
    cuda.capturing = True
    with pytest.raises(RuntimeError, match="call the module once before"):
        small(change(x))
    assert not executor.recorded


def test_nothing_is_allocated_in_a_callers_graph(small: TritonModule, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeGraphs(monkeypatch).capturing = True
    with pytest.raises(RuntimeError, match="call the module once before, with a batch of 3"):
        Executor(small.plan(3), {}, SimpleNamespace(type="cuda"))


def kept(module: TritonModule) -> list[int]:
    return [batch for batch, _ in module._executors]


def test_only_the_batch_sizes_used_last_keep_memory(small: TritonModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.backends.triton.module.KEPT", 3)
    x = torch.randn(5, 3, 6, 6)
    expected = small(x)
    first = weakref.ref(small.executor(5, x.device).arena)
    for batch in (1, 2, 1, 2, 5, 1):
        torch.testing.assert_close(small(x[:batch]), expected[:batch])
    assert kept(small) == [2, 5, 1] and first() is not None, "sizes in turn are not made anew"
    small(x[:3])
    small(x[:2])
    assert kept(small) == [1, 3, 2]
    gc.collect()
    assert first() is None
    torch.testing.assert_close(small(x), expected)


def test_memory_in_a_callers_graph_stays(small: TritonModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.backends.triton.module.KEPT", 2)
    cuda, x = FakeGraphs(monkeypatch), torch.randn(2, 3, 6, 6)
    executor = on_gpu(small, 2)
    small(x)
    cuda.capturing = True
    small(x)
    cuda.capturing = False
    for batch in (3, 4, 5, 6):
        small(torch.randn(batch, 3, 6, 6))
    assert small.executor(2, x.device) is executor
    assert kept(small) == [5, 6, 2]


FREEING = {
    "another device": lambda module: module.to("cpu"),
    "other batch sizes": lambda module: module._drop_oldest(0),
    "other choices": lambda module: tuned_at_once(module),
}


def tuned_at_once(module: TritonModule) -> None:
    """As on a GPU where everything is known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "tune_problems", lambda problems, target, known, device, observe: known)
        patch.setattr(module, "buffers", lambda: iter([SimpleNamespace(device=SimpleNamespace(type="cuda"))]))
        patch.setattr(torch.cuda, "get_device_name", lambda device: "Toaster")
        module.tune()


@pytest.mark.parametrize("freeing", FREEING)
def test_memory_is_freed_when_nothing_runs_on_it(
    freeing: str, small: TritonModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[bool] = []
    arenas = [weakref.ref(small.executor(batch, torch.device("cpu")).arena) for batch in (1, 2)]
    monkeypatch.setattr(Executor, "finish", lambda self: waited.append(self.arena is not None))
    FREEING[freeing](small)
    gc.collect()
    assert waited == [True, True] and not small._executors and [each() for each in arenas] == [None, None]


def test_several_outputs_pickle() -> None:
    heads = (
        "network h { input 4 x 4 x 4\n head a { conv 1x1, 2 }\n head b, train_only=true { conv 1x1, 3 }\n conv 1x1, 4 }"
    )
    module, x = compile_graph(cnndsl.loads(heads).graph), torch.randn(1, 4, 4, 4)
    first, again = module(x), module(x)
    assert type(first) is type(again) and type(first).__name__ == "HOutput"
    for other in (pickle.loads(pickle.dumps(first)), copy.deepcopy(first)):
        assert type(other) is type(first) and other._fields == first._fields
        assert all(a is b is None or torch.equal(a, b) for a, b in zip(first, other, strict=True))
