"""Networks built ahead of time, without a GPU: what their folders launch, that they compute, and that kernels compile.

A fake driver takes the launches: it records them, to be compared with those of the executor, or runs each in Triton's
interpreter on the memory that its arguments point to. Compiling is real, for GPUs that need not be there.
"""

from __future__ import annotations

import argparse
import ast
import ctypes
import json
import os
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from fake_gpu import (  # noqa: E402
    SCRATCH,
    SHARED,
    STREAM,
    SWIZZLE,
    FakeDriver,
    InterpretingDriver,
    Map,
    addresses,
    pretend_to_build,
)
from triton_problems import PROBLEMS, by_boxes  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.torch import build  # noqa: E402
from cnndsl.backends.triton import (  # noqa: E402
    ahead,
    binaries,
    folder_arguments,
    folder_checks,
    folder_form,
    loader,
    make_plan,
    processes,
)
from cnndsl.backends.triton.ahead import write_folder  # noqa: E402
from cnndsl.backends.triton.building import Choose, suggested  # noqa: E402
from cnndsl.backends.triton.calibration import Pictures, with_ranges  # noqa: E402
from cnndsl.backends.triton.candidates import candidates, other_tiles  # noqa: E402
from cnndsl.backends.triton.execute import Executor, specialized  # noqa: E402
from cnndsl.backends.triton.lower import lower, rewritten  # noqa: E402
from cnndsl.backends.triton.module import TritonModule  # noqa: E402
from cnndsl.backends.triton.packed import pack_weights  # noqa: E402
from cnndsl.backends.triton.plan import Counters, Given, Launch, Packed, Plan  # noqa: E402
from cnndsl.backends.triton.stored import load_plan  # noqa: E402
from cnndsl.cli import compile_triton  # noqa: E402
from cnndsl.errors import BuildError, OutputError  # noqa: E402
from cnndsl.ir import Graph  # noqa: E402
from cnndsl.kernels import aot, built  # noqa: E402
from cnndsl.kernels.families import (  # noqa: E402
    FAMILIES,
    conv_gemm,
)
from cnndsl.kernels.precision import SIZES, eight_bits_of  # noqa: E402
from cnndsl.kernels.targets import TARGETS, Target  # noqa: E402

# Every kernel in one small network, and a layer of PyTorch's own.
EVERYTHING = """
network everything {
    input 3 x 16 x 16
    conv 3x3, 16 -> relu -> maxpool 2x2, stride=2 -> lrn 3
    residual { conv 3x3, 16 -> bn -> relu -> conv 1x1, 16 }
    conv 3x3, 16, groups=16 -> bn -> relu
    bn -> relu -> conv 1x1, 24
    upsample 2 -> sigmoid -> maxpool 4x4, stride=4
    conv 3x3, 128 -> conv 3x3, 16 -> conv_transpose 2x2, 8, stride=2
    global_avgpool -> flatten -> linear 10 -> softmax
}
"""

NARROW = """
network narrow {
    input 3 x 9 x 9
    conv 3x3, 16 -> relu
    residual { conv 3x3, 16 -> bn } -> relu -> maxpool 3x3, /2, pad=1
    concat { | conv 1x1, 8 -> relu | conv 1x1, 8 -> relu -> conv 3x3, 8 -> relu }
    global_avgpool -> linear 5
}
"""
SEVERAL = """
network several {
    input 3 x 8 x 8 as image
    conv 3x3, 16 -> relu -> global_avgpool -> flatten as seen
    input 10 as told
    linear 16 -> relu
    add { | identity | from seen }
    head early { linear 3 }
    from image -> conv 3x3, 4
}
"""


def whole(name: str) -> Graph:
    """The small network, or one of the zoo at its full size."""
    return cnndsl.loads(EVERYTHING).graph if name == "everything" else cnndsl.load(name).graph


def folder_of(graph: Graph, plan: Plan, folder: Path) -> dict[str, torch.Tensor]:
    """Write it with kernels that are only names; gives the packed weights."""
    state = build(graph, seed=1).state_dict()
    if eight_bits_of(plan.precision):
        generator = torch.Generator().manual_seed(0)
        pictures = Pictures(tuple(torch.randn(4, *node.shape, generator=generator) for node in graph.inputs))
        state = with_ranges(graph, plan, state, pictures)
    weights = pack_weights(plan, state)
    write_folder(pretend_to_build(plan), weights, folder)
    return weights


def network_in(folder: Path, driver: FakeDriver) -> loader.Network:
    return loader.Network(folder, folder_checks.read(folder), driver)


# --- what a folder launches


WHOLE = {
    "googlenet": lambda graph: make_plan(graph, "sm_90"),
    "densenet121": lambda graph: make_plan(graph, "sm_80"),
    "resnet50": lambda graph: lower(rewritten(graph), TARGETS["sm_90"], batch=2, choose=by_boxes),
    "squeezenet1_1": lambda graph: make_plan(graph, "gfx942", precision="tf32", batch=3),
    "efficientnet_b0": lambda graph: make_plan(graph, "sm_86", precision="bf16"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_launches_are_those_of_the_executor(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = cnndsl.load(name).graph
    plan = WHOLE[name](graph)
    monkeypatch.setattr(torch.version, "hip", None if TARGETS[plan.target].nvidia else "6.4")
    weights = folder_of(graph, plan, tmp_path)
    driver = FakeDriver(plan)
    network = network_in(tmp_path, driver)
    given = [torch.randn(plan.batch, *port.shape) for port in plan.inputs]
    network(*given)
    launches = [launch for launch in plan.launches if launch.kernel != "torch"]
    executor = Executor(plan, weights, torch.device("cpu"))
    for launch, call in zip(launches, driver.library.calls, strict=True):
        made = specialized(launch)
        assert (call.key, call.grid) == (built.digest(made, TARGETS[plan.target]), made.grid)
        assert (call.block, call.shared) == ((made.warps * TARGETS[plan.target].lanes, 1, 1), SHARED)
        assert call.stream == STREAM
        *_, scratch, profile = call.arguments
        for name, address in addresses(made, call.arguments).items():
            assert_same_memory(launch.tensors[name], address, network, executor, given)
        assert profile == 0
        assert scratch == (network.memory["scratch"].data_ptr() if launch.kernel == "chain" else 0)
    assert driver.library.early == (len(launches) if plan.target == "sm_90" else 0)
    wanted = Counter(box for launch in launches for box in maps_of(launch))
    assert Counter(driver.library.maps.values()) == wanted
    assert bool(wanted) == any(FAMILIES[launch.kernel].boxes for launch in launches)


def test_an_old_driver_starts_nothing_early(tmp_path: Path) -> None:
    """Its graphs cannot; kernels then wait for what is over."""
    graph = cnndsl.load("lenet5").graph
    plan = make_plan(graph, "sm_90")
    folder_of(graph, plan, tmp_path)
    driver = FakeDriver(plan)
    driver.version = 12020
    network_in(tmp_path, driver)(torch.randn(1, *plan.inputs[0].shape))
    assert driver.library.calls and not driver.library.early


def maps_of(launch: Launch) -> Iterator[Map]:
    """The descriptors of a launch in fp16, each made once."""
    made = specialized(launch)
    for box in made.boxes.values():
        yield Map(6, box.shape, tuple(2 * step for step in box.strides[:-1]), box.block, SWIZZLE)


def assert_same_memory(
    tensor: Any, address: int, network: loader.Network, executor: Executor, given: list[torch.Tensor]
) -> None:
    """An address in the loader's memory is the place that a tensor has in the executor's."""
    if isinstance(tensor, Given):
        assert address == given[tensor.index].data_ptr()
        return
    expected = executor.tensor(tensor)
    if isinstance(tensor, Packed):
        assert address % 16 == 0
        size = expected.numel() * expected.element_size()
        assert ctypes.string_at(address, size) == bytes(expected.view(-1).view(torch.uint8).numpy())
    else:
        name, own = ("counters", executor.counters) if isinstance(tensor, Counters) else ("arena", executor.arena)
        assert address - network.memory[name].data_ptr() == expected.data_ptr() - own.data_ptr()


def test_scratch_is_enough_for_the_largest_grid(tmp_path: Path) -> None:
    graph = cnndsl.load("squeezenet1_1").graph
    plan = make_plan(graph, "sm_90", batch=32)
    folder_of(graph, plan, tmp_path)
    grids = [specialized(launch).grid for launch in plan.launches if launch.kernel == "chain"]
    largest = max(x * y * z for x, y, z in grids)
    assert len({*grids}) > 1
    assert json.loads((tmp_path / "manifest.json").read_text())["memory"]["scratch"] == SCRATCH * largest


# --- that it computes


COMPUTED = {
    "everything": lambda: whole("everything"),
    "several": lambda: cnndsl.loads(SEVERAL).graph,
    "squeezenet1_1": lambda: cnndsl.load("squeezenet1_1", input=(3, 32, 32)).graph,
    "narrow": lambda: cnndsl.loads(NARROW).graph,
}


@pytest.mark.parametrize(
    ("name", "precision", "choose"),
    [
        ("everything", "fp32", suggested),
        ("everything", "fp16", by_boxes),
        ("several", "fp32", suggested),
        pytest.param("squeezenet1_1", "fp32", suggested, marks=pytest.mark.slow),
        ("narrow", "int8", suggested),
        pytest.param("narrow", "fp8", suggested, marks=pytest.mark.slow),
    ],
)
def test_a_folder_computes_what_the_network_computes(name: str, precision: str, choose: Choose, tmp_path: Path) -> None:
    graph = COMPUTED[name]()
    lowered = rewritten(graph, precision=precision)
    plan = lower(lowered, TARGETS["sm_90"], batch=2, precision=precision, choose=choose)
    folder_of(graph, plan, tmp_path)
    driver = InterpretingDriver(plan)
    network = network_in(tmp_path, driver)
    network.memory["arena"].fill_(255)  # NaN in every type
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(2, *node.shape, generator=generator) for node in graph.inputs]
    driver.tensors = [*network.memory.values(), *inputs]
    with torch.no_grad():
        expected = build(graph, seed=1).eval()(*inputs)
    for one, other in zip(as_tuple(network(*inputs)), as_tuple(expected), strict=True):
        assert one.shape == other.shape and one.is_contiguous()
        tolerance = {"fp32": 2e-5, "fp16": 2e-2, "int8": 5e-2, "fp8": 0.15}[precision]
        torch.testing.assert_close(one.float(), other, rtol=0, atol=tolerance * float(other.abs().max()))


def as_tuple(result: Any) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def test_everything_is_everything() -> None:
    """The small network has every kernel that a plan without measurements may have, and PyTorch's own."""
    found = {launch.kernel for launch in make_plan(COMPUTED["everything"](), batch=2).launches}
    assert found == {"torch"}.union(family.posed for family in FAMILIES.values())


# --- the loader


def test_the_loader_imports_neither_cnndsl_nor_triton() -> None:
    """As they are written, where they import one another."""
    names = set()
    for module in (loader, folder_arguments, folder_checks, folder_form):
        tree = ast.parse(ahead._alone(module))
        names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    outside = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert outside == {"torch", "safetensors", "folder_arguments", "folder_checks", "folder_form"}


def test_a_folder_says_that_it_needs_a_gpu(tmp_path: Path) -> None:
    """In a process that has neither cnndsl nor Triton."""
    graph = COMPUTED["everything"]()
    folder_of(graph, make_plan(graph, "sm_86"), tmp_path)
    program = (
        "import sys, runpy; sys.modules['triton'] = sys.modules['cnndsl'] = None; import torch;"
        "torch.cuda.is_available = lambda: False; runpy.run_path('run.py', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "run.py: built for sm_86, which needs a GPU: there is none at 'cuda'\n"


@pytest.fixture
def small(tmp_path: Path) -> loader.Network:
    graph = cnndsl.loads("network small { input 3 x 8 x 8\n conv 3x3, 8 -> relu }").graph
    plan = make_plan(graph, batch=2)
    folder_of(graph, plan, tmp_path)
    return network_in(tmp_path, FakeDriver(plan))


def test_the_loader_refuses_other_inputs(small: loader.Network) -> None:
    with pytest.raises(TypeError, match="small takes 1 inputs, not 2"):
        small(torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8))
    with pytest.raises(ValueError, match="input must be 2 x 3 x 8 x 8, not 1 x 3 x 8 x 8"):
        small(torch.zeros(1, 3, 8, 8))


def test_the_loader_says_what_the_driver_says(small: loader.Network) -> None:
    small.driver.library.status = 2
    with pytest.raises(RuntimeError, match=r"cuLaunchKernel(Ex)?: out of cake \(2\)"):
        small(torch.zeros(2, 3, 8, 8))


def test_the_loader_needs_a_gpu_and_its_own_format(small: loader.Network, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="built for sm_90, which needs a GPU"):
        loader.load(tmp_path, "cpu")
    record = json.loads((tmp_path / "manifest.json").read_text()) | {"cnndsl manifest": 99}
    (tmp_path / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(RuntimeError, match=r"manifest.json is a manifest of format 99, .* reads 5: build anew"):
        loader.load(tmp_path)


GPUS = {
    ("sm_80", (8, 0)): True,
    ("sm_80", (8, 6)): True,
    ("sm_86", (8, 0)): False,
    ("sm_90", (9, 0)): True,
    ("sm_90", (10, 0)): False,
    ("sm_80", (9, 0)): False,
}


@pytest.mark.parametrize(("target", "found"), GPUS)
def test_binaries_run_on_their_own_generation(
    target: str, found: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: found)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Toaster")
    if GPUS[target, found]:
        loader._require(target, torch.device("cuda"))
    else:
        with pytest.raises(RuntimeError, match=f"built for {target}: Toaster is sm_{found[0]}{found[1]}"):
            loader._require(target, torch.device("cuda"))


# --- the folder


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    graph = COMPUTED["everything"]()
    plan = make_plan(graph)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.md").mkdir()
    with pytest.raises(OutputError, match=r"report.md: it is a folder"):
        folder_of(graph, plan, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["report.md"]
    (tmp_path / "out" / "report.md").rmdir()
    (tmp_path / "out" / "kernels").write_text("a file")
    with pytest.raises(OutputError, match="kernels: it is a file"):
        folder_of(graph, plan, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["kernels"]


def test_another_build_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    first, second = COMPUTED["everything"](), COMPUTED["squeezenet1_1"]()
    folder_of(first, make_plan(first), tmp_path)
    (tmp_path / "kernels" / "own.cubin").write_bytes(b"not ours")
    folder_of(second, plan := make_plan(second), tmp_path)
    record = json.loads((tmp_path / "manifest.json").read_text())
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    listed = {each["file"] for each in record["kernels"]}
    own = {
        "run.py",
        "folder_arguments.py",
        "folder_checks.py",
        "folder_form.py",
        "manifest.json",
        "report.md",
        "plan.json",
        "weights.safetensors",
        "kernels/own.cubin",
    }
    assert files == listed | own
    assert load_plan(tmp_path / "plan.json") == plan


# --- compiling


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNDSL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def plan_of(*launches: Launch, target: str = "sm_90") -> Plan:
    return Plan("some", target, "fp16", 1, launches, (), (), ())


CONV = conv_gemm.Problem("fp16", 1, 28, 28, 256, 128, 256, 128)


def conv(config: conv_gemm.Config) -> Launch:
    return Launch("conv_gemm", CONV, config, {}, ("stem", "head"))


GOOD = conv_gemm.Config(64, 64, 32, 4, 3)


def rows_of(launch: Launch) -> int:
    """Rows of its matrix products; 0 if it has none."""
    if launch.kernel == "conv_rows":
        return launch.config.block_n
    return launch.config.block_m if launch.kernel in ("conv_gemm", "conv_tma", "chain", "conv1x1_pre") else 0


def faults(launch: Launch, made: built.Built, target: Target) -> Iterator[str]:
    """What a kernel of a whole network must not be."""
    where = f"{launch.kernel} of {', '.join(launch.nodes)}"
    rows = rows_of(launch)
    wanted = "wgmma" if target.name == "sm_90" and rows >= 64 else "mma" if rows else ""
    if made.spills:
        yield f"{where} spills ({made.spills})"
    if made.shared > target.shared:
        yield f"{where} needs {made.shared} bytes of shared memory"
    if made.matrix != wanted:
        yield f"{where} uses {made.matrix!r}, not {wanted!r}"
    if made.widest < 16 and whole_vectors(launch):
        yield f"{where} moves at most {made.widest} bytes at once"


def whole_vectors(launch: Launch) -> bool:
    """Whether pixels are whole vectors of 16 bytes in all its tensors, and a tile has one for each thread."""
    made, problem = specialized(launch), launch.problem
    size = SIZES[getattr(problem, "dtype", "fp32")]
    leading = [value for name, value in vars(problem).items() if name.endswith("leading") and value]
    columns = made.constants.get("BLOCK_C", made.constants.get("BLOCK_K", 0))
    tile = made.constants["BLOCK_M"] * columns * size
    aligned = bool(leading) and not made.unaligned and all(value * size % 16 == 0 for value in leading)
    return aligned and tile >= 16 * 32 * made.warps


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("everything", "sm_90"),
        pytest.param("everything", "sm_80", marks=pytest.mark.slow),
        pytest.param("squeezenet1_1", "sm_90", marks=pytest.mark.slow),
        pytest.param("squeezenet1_1", "sm_80", marks=pytest.mark.slow),
    ],
)
def test_whole_networks_compile_well(name: str, target: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(whole(name), target)
    made = binaries.build(plan)
    pairs = [(launch, made.kernels[key]) for launch, key in zip(plan.launches, made.keys, strict=True) if key]
    assert [fault for pair in pairs for fault in faults(*pair, TARGETS[target])] == []
    assert all(kernel.binary.startswith(b"\x7fELF") for kernel in made.kernels.values())
    monkeypatch.setattr(binaries, "ask_all", nothing)
    assert binaries.build(plan) == made


def nothing(target: Target, requests: dict[str, Any]) -> tuple[()]:
    assert not requests
    return ()


def test_the_compiler_says_how_many_warps_a_block_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which may be more than it was asked for."""
    monkeypatch.setattr(aot, "_cubin_resources", lambda binary: (32, 0))
    said = SimpleNamespace(name="k", shared=0, num_warps=12)
    made = SimpleNamespace(asm={"cubin": b"", "ptx": ".entry k(.param .u64 a)"}, metadata=said)
    monkeypatch.setattr(aot.triton, "compile", lambda *_, **__: made)
    assert built.Built.of(aot.compile_for(TARGETS["sm_90"], specialized(conv(GOOD)))).threads == 384


def test_identical_kernels_are_built_once() -> None:
    plan = make_plan(cnndsl.load("resnet110").graph)
    keys = binaries.keys_of(plan)
    assert len(keys) > 100 > 40 > len(set(keys))


def test_a_kernel_that_cannot_be_compiled_is_named(cache: Path) -> None:
    message = r"^launch 1, conv_gemm of stem, head, does not compile for sm_90: \w+: .+$"
    with pytest.raises(BuildError, match=message):
        binaries.build(plan_of(conv(GOOD), conv(replace(GOOD, block_m=48))))


def test_a_tile_that_spills_gives_way_to_the_next(cache: Path) -> None:
    spills = conv_gemm.Config(64, 128, 32, 1, 2)
    plan = plan_of(conv(GOOD), conv(spills), target="sm_80")
    made = binaries.build(plan)
    kept, changed = made.plan.launches
    assert kept == plan.launches[0] and changed.config != spills
    assert changed.config in [other for _, other in candidates("conv_gemm", CONV, TARGETS["sm_80"])]
    assert made.keys == binaries.keys_of(made.plan)
    assert not any(kernel.spills for kernel in made.kernels.values())
    assert any(built.loads(path.read_text()).spills for path in (cache / "kernels").iterdir())


def spilling(*wider: Any) -> Any:
    """A compiler whose kernels spill, or with these configurations need too much shared memory, but for the last."""

    def ask(target: Target, requests: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
        for key, request in requests.items():
            taken = specialized(launch_of(request)).parameters
            fits = wider and request.config == wider[-1]
            shared, spills = (0, 0) if fits else (10**6, 0) if request.config in wider else (0, 3)
            made = built.Built("k", b"ELF", taken + 2, 0, 128, shared, 32, spills, "mma", 16, 16, boxes=False)
            yield key, {"built": built.dumps(made)}

    return ask


def launch_of(request: Any) -> Launch:
    return Launch(request.kernel, request.problem, request.config, {}, ())


@pytest.mark.parametrize("kernel", sorted(FAMILIES))
def test_every_kernel_has_a_next_tile_or_says_that_none_fits(
    kernel: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = FAMILIES[kernel].posed
    problem = next(
        each for posed, each in PROBLEMS.values() if posed == name and FAMILIES[kernel].refusal(each) is None
    )
    target = TARGETS["sm_90"]
    first = FAMILIES[kernel].suggest(problem, target)
    others = other_tiles(kernel, problem, first, target)
    plan = plan_of(Launch(kernel, problem, first, {}, ("here",)))
    monkeypatch.setattr(binaries, "ask_all", spilling(*others))
    if others:
        assert [launch.config for launch in binaries.build(plan).plan.launches] == [others[-1]]
    monkeypatch.setenv("CNNDSL_CACHE_DIR", str(cache.parent / "other"))
    monkeypatch.setattr(binaries, "ask_all", spilling())
    message = rf"launch 0, {kernel} of here, spills registers of sm_90 \(3 instructions\), as every other tile does"
    with pytest.raises(BuildError, match=f"^{message}$"):
        binaries.build(plan)


def test_another_tile_of_a_split_product_has_as_many_parts(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = next(
        config for _, config in candidates("conv_gemm", CONV, TARGETS["sm_90"]) if getattr(config, "splits", 1) == 2
    )
    plan = plan_of(conv(first))
    others = other_tiles("conv_gemm", CONV, first, TARGETS["sm_90"])
    assert others and {other.splits for other in others} == {2}
    monkeypatch.setattr(binaries, "ask_all", spilling(others[0]))
    assert [launch.config for launch in binaries.build(plan).plan.launches] == [others[0]]
    assert all(conv_gemm.tiles(CONV, other) <= conv_gemm.sums(CONV, first)[1] for other in others)


def test_a_library_cannot_be_built_ahead_of_time() -> None:
    with pytest.raises(BuildError, match="launch 0, cudnn of conv1, is a library's"):
        binaries.build(plan_of(Launch("cudnn", CONV, None, {}, ("conv1",))))


def test_a_compiler_that_dies_is_said(monkeypatch: pytest.MonkeyPatch, cache: Path, tmp_path: Path) -> None:
    program = tmp_path / "dies"
    program.write_text("#!/bin/sh\nexit 7\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(BuildError, match="launch 0, .* does not compile for sm_90: the compiler ended with code 7"):
        binaries.build(plan_of(conv(GOOD)))


# --- what is kept between runs


def pretended(target: Target, requests: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    made = built.Built("conv_gemm_kernel", b"ELF", 6, 0, 128, 0, 32, 0, "wgmma", 16, 16, boxes=False)
    for key in requests:
        yield key, {"built": built.dumps(made)}


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"binary": "!"}', "nonsense", '{"binary": ""}'])
def test_a_spoilt_file_is_made_anew(text: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "ask_all", pretended)
    made = binaries.build(plan_of(conv(GOOD)))
    (file,) = (cache / "kernels").iterdir()
    file.write_text(text)
    assert binaries.build(plan_of(conv(GOOD))) == made
    assert built.kept(file.stem) == made.kernels[file.stem]


def test_nothing_is_kept_where_nothing_can_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CNNDSL_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(binaries, "ask_all", pretended)
    assert len(binaries.build(plan_of(conv(GOOD))).kernels) == 1
    monkeypatch.setenv("CNNDSL_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "kernels").touch()  # a file where the folder belongs
    assert len(binaries.build(plan_of(conv(GOOD))).kernels) == 1


def test_what_others_write_at_once_is_whole(cache: Path) -> None:
    made = built.Built("conv_gemm_kernel", bytes(range(256)) * 2000, 6, 0, 128, 0, 32, 0, "wgmma", 16, 16, boxes=False)
    built.keep("key", made)

    def keep_and_read(turn: int) -> built.Built | None:
        built.keep("key", made)
        return built.kept("key")

    with ThreadPoolExecutor(8) as writers:
        assert {*writers.map(keep_and_read, range(64))} == {made}
    assert [path.name for path in (cache / "kernels").iterdir()] == ["key.json"]


def test_keys_tell_apart_what_compiles_differently() -> None:
    made = specialized(conv(GOOD))
    others = (
        replace(made, warps=8),
        replace(made, stages=2),
        replace(made, unaligned=frozenset({"x"})),
        replace(made, registers=64),
        replace(made, constants=made.constants | {"BLOCK_M": 32}),
        replace(made, pointers=made.pointers | {"x": "bf16"}),
    )
    sm_90, sm_80 = TARGETS["sm_90"], TARGETS["sm_80"]
    keys = {built.digest(each, sm_90) for each in (made, *others)} | {built.digest(made, sm_80)}
    assert len(keys) == len(others) + 2
    assert built.digest(replace(made, grid=(1, 1, 1)), sm_90) == built.digest(made, sm_90)


def test_keys_are_those_of_a_process_without_the_interpreter() -> None:
    program = (
        "import cnndsl; from cnndsl.backends.triton import make_plan, binaries;"
        "print(*binaries.keys_of(make_plan(cnndsl.load('squeezenet1_1').graph, 'sm_80')))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == [*binaries.keys_of(make_plan(cnndsl.load("squeezenet1_1").graph, "sm_80"))]


def test_processes_start_for_work_alone() -> None:
    assert list(processes.ask_all(TARGETS["sm_80"], {})) == []


# --- the command


def test_what_was_written_for_a_target_is_what_runs_on_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded: list[tuple[object, ...]] = []
    monkeypatch.setattr(loader, "load", lambda *arguments: loaded.append(arguments) or "network")
    network = cnndsl.loads("network n { input 3 x 8 x 8\n conv 3x3, 4 }")
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    options = argparse.Namespace(target="sm_80", seed=0, state=None, calibration=None)
    assert compile_triton._runner(network, 1, "fp16", options, tmp_path, gpu) == "network"
    assert loaded == [(tmp_path, gpu)]
    run = compile_triton._runner(network, 1, "fp16", options, tmp_path, cpu)
    assert isinstance(run, TritonModule) and run.target.name == "sm_80" and len(loaded) == 1


# --- on a GPU


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["everything", "squeezenet1_1", "googlenet"])
def test_a_folder_runs_on_a_gpu(name: str, tmp_path: Path) -> None:
    """In a process that has neither cnndsl nor Triton."""
    graph = whole(name)
    plan = make_plan(graph, batch=2)
    state = build(graph, seed=1).state_dict()
    write_folder(binaries.build(plan), pack_weights(plan, state), tmp_path)
    x = torch.randn(2, *graph.inputs[0].shape)
    torch.save(x, tmp_path / "x.pt")
    program = (
        "import sys; sys.modules['triton'] = sys.modules['cnndsl'] = None; import torch; from run import load;"
        "network = load(); x = torch.load('x.pt'); first = network(x).cpu(); again = network(x.cuda()).cpu();"
        "assert torch.equal(first, again); torch.save(first, 'y.pt')"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    with torch.no_grad():
        expected = build(graph, seed=1).eval()(x)
    found = torch.load(tmp_path / "y.pt").float()
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-2 * float(expected.abs().max()))
    subprocess.run([sys.executable, "run.py"], cwd=tmp_path, check=True)
