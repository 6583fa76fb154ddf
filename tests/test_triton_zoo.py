"""Every network of the classic line as a whole plan, against the PyTorch backend in float64.

They run in Triton's interpreter, or with TRITON_INTERPRET=0 on a GPU.

The interpreter is slow, so the networks are small: little pictures, few rounds of a repeat, narrow linear layers. Their
kernels are those of the full ones, whose plans are made and looked at too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from zoo import FILES, first_two, stem  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.triton import make_plan  # noqa: E402
from cnndsl.backends.triton.execute import interpreting  # noqa: E402
from cnndsl.backends.triton.lower import rewritten  # noqa: E402
from cnndsl.backends.triton.module import compile_graph  # noqa: E402
from cnndsl.backends.triton.plan import Buffer, Plan  # noqa: E402
from cnndsl.backends.triton.stored import dumps, loads  # noqa: E402
from cnndsl.ir import Graph  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402
from cnndsl.ops.fused import Subsample  # noqa: E402
from cnndsl.ops.merge import Concat  # noqa: E402
from cnndsl.ops.reshape import ChannelSlice, Flatten  # noqa: E402
from cnndsl.shipped import shipped  # noqa: E402

CLASSIC = (
    "alexnet", "zfnet", "vgg", "nin", "googlenet", "resnet", "resnet_cifar", "preresnet", "preresnet_cifar",
    "wide_resnet", "wide_resnet_imagenet", "resnext", "stochastic_depth", "fractalnet", "densenet", "densenet_cifar",
    "squeezenet", "inception_v3", "inception_v4", "inception_resnet_v2",
)  # fmt: skip


DEVICE = torch.device("cpu" if interpreting() else "cuda")
# Few multiprocessors want few large tiles, with which the interpreter is fastest.
FEW_UNITS = replace(TARGETS["sm_90"], units=2)


@dataclass(frozen=True)
class Small:
    """A network that the interpreter runs in seconds; `written` replaces text of its file that asks for large layers.

    `file` is the one it stands in, where that is not called like it.
    """

    model: str
    size: int | None = None
    parameters: dict[str, object] = field(default_factory=dict)
    batch: int = 1
    written: dict[str, str] = field(default_factory=dict)
    file: str | None = None

    def load(self) -> cnndsl.Architecture:
        size = None if self.size is None else (3, self.size, self.size)
        if not self.written:
            return cnndsl.load(self.model, input=size, **self.parameters)
        text = (shipped("archs") / f"{self.file or self.model}.arch").read_text(encoding="utf-8")
        for old, new in self.written.items():
            assert old in text
            text = text.replace(old, new)
        return cnndsl.loads(text, self.model, input=size, **self.parameters)

    def __str__(self) -> str:
        return self.model


NARROW = {"linear 4096": "linear 72"}
ONCE = {"repeat 4": "repeat 1", "repeat 7": "repeat 1", "repeat 3": "repeat 1"}
SMALL_POOLS = {"avgpool 7x7, /1": "global_avgpool", "avgpool 5x5, /3": "avgpool 2x2, /1"}
FEWER_MODULES = {
    "inception 160, 112, 224, 24,  64,  64 as inception4b": "identity",
    "inception 128, 128, 256, 24,  64,  64 as inception4c": "identity",
    "inception 384, 192, 384, 48, 128, 128 as inception5b": "identity",
}
SMALL = (
    Small("alexnet", 67, written=NARROW),
    Small("zfnet", 71, written=NARROW),
    Small("nin_cifar10", 16),
    Small("googlenet", 33, written=SMALL_POOLS | FEWER_MODULES),
    Small("resnet50", 32, {"depths": [2, 2]}),
    Small("resnet18_a", 32, {"depths": [1, 2, 1]}, batch=3),
    Small("resnet20", 16, {"n": 1}),
    Small("preresnet50", 32, {"depths": [1, 2, 1]}),
    Small("preresnet164", 16, {"n": 1}),
    Small("wide_resnet16_8", 8, {"k": 4}, batch=2),
    Small("resnext50_32x4d", 32, {"depths": [1, 1]}),
    Small("stochastic_depth110", 16, {"n": 1}),
    Small("fractalnet", 32, {"widths": [16, 32, 64, 64, 64]}),
    Small("densenet121", 32, {"depths": [2, 3, 2, 2]}),
    Small("densenet_bc100_12", 16, {"depth": 22}),
    Small("squeezenet1_0_complex_bypass", 40),
)
MORE = (
    Small("vgg11_bn", 32, written=NARROW, file="vgg"),
    Small("inception_v4", 75, written=ONCE),
    Small("googlenet", 33, written=SMALL_POOLS),
    Small("googlenet_torchvision", 32),
    Small("resnet50", 32),
    Small("inception_v4", 75),
    Small("vgg11_bn", 32),
)


# Others have their kernels too.
LONG = {"alexnet", "zfnet", "preresnet50", "wide_resnet16_8", "squeezenet1_0_complex_bypass"}
LATER = [pytest.param(each, marks=pytest.mark.slow if each.model in LONG else ()) for each in SMALL]


@pytest.mark.parametrize("small", [*LATER, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE)], ids=str)
def test_a_whole_network_equals_the_torch_backend(small: Small) -> None:
    network = small.load()
    plain = lively(network.compile(seed=1).eval())
    module = compile_graph(network.graph, batch=small.batch, precision="fp32", target=FEW_UNITS)
    module.load_state_dict(plain.state_dict())
    module.to(DEVICE)
    x = torch.randn(small.batch, *network.input_shape, generator=torch.Generator().manual_seed(0))
    executor = module.executor(small.batch, DEVICE)
    executor.arena.fill_(255)  # NaN in every type: what a kernel should have written and did not would spread
    with torch.no_grad():
        expected = plain.double()(x.double())
    found = module(x.to(DEVICE)).double().cpu()
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * float(expected.abs().max()))


def lively(module: torch.nn.Module) -> torch.nn.Module:
    """Batch norms that do something, as after training."""
    generator = torch.Generator().manual_seed(2)
    for name, value in module.state_dict().items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.1, generator=generator)
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5, generator=generator)
    return module


@pytest.mark.parametrize("path", [path for path in FILES if path.stem in CLASSIC], ids=stem)
def test_the_classic_line_needs_triton_alone(path: Path) -> None:
    for graph in first_two(path):
        make_plan(graph, strict=True)


LARGE = ("resnext_branches",)  # 3,663 layers


@pytest.mark.parametrize(
    "path", [pytest.param(path, marks=[pytest.mark.slow] if path.stem in LARGE else []) for path in FILES], ids=stem
)
def test_plans_of_the_zoo(path: Path) -> None:
    """Nothing is dropped, memory that is in use is never given away, and what is stored is what is read."""
    for graph, batch, target in zip(first_two(path), (1, 32), ("sm_90", "sm_80"), strict=False):
        plan = make_plan(graph, target, batch=batch)
        assert loads(dumps(plan)) == plan
        assert plan.least_bytes <= plan.arena_bytes <= 1.5 * plan.least_bytes
        assert_apart(plan.buffers)
        assert_complete(plan, rewritten(graph))


def assert_apart(buffers: tuple[Buffer, ...]) -> None:
    for one, other in combinations(buffers, 2):
        together = one.first <= other.last and other.first <= one.last
        overlap = one.offset < other.offset + other.bytes and other.offset < one.offset + one.bytes
        assert not (together and overlap), (one, other)


def assert_complete(plan: Plan, graph: Graph) -> None:
    """Every layer is in a launch, but for those that only look at a tensor in another way."""
    computed = {name for launch in plan.launches for name in launch.nodes}
    for node in graph:
        if not isinstance(node.op, ChannelSlice | Flatten | Concat | Subsample):
            assert node.name in computed, f"{node.name} is in no launch"
