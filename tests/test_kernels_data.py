"""What kernels are before they run: counts of bytes and operations, suggested tiles, and views that they refuse."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from cnndsl.backends.triton.candidates import candidates  # noqa: E402
from cnndsl.backends.triton.compiler import TargetAlone  # noqa: E402
from cnndsl.kernels import specialization  # noqa: E402
from cnndsl.kernels.families import (  # noqa: E402
    FAMILIES,
    conv1x1_pre,
    conv_gemm,
    conv_grouped,
    conv_rows,
    conv_tma,
    pool,
    softmax,
)
from cnndsl.kernels.precision import SIZES, Dtype  # noqa: E402
from cnndsl.kernels.specialization import leading  # noqa: E402
from cnndsl.kernels.tails import expression  # noqa: E402
from cnndsl.kernels.targets import TARGETS, target_of  # noqa: E402
from cnndsl.kernels.templates.tails import tail  # noqa: E402
from cnndsl.ops import all_layers  # noqa: E402

LAYER = conv_gemm.Problem("fp16", 2, 14, 14, 256, 512, 256, 512, (3, 3), (2, 2), (1, 1, 1, 1))


# (generation, KiB of shared memory of a block) of CUDA devices, and whose kernels they run
DEVICES = {
    "A100": ((8, 0), 163, "sm_80"),
    "RTX 3090": ((8, 6), 99, "sm_86"),
    "Orin": ((8, 7), 163, "sm_86"),
    "RTX 4090": ((8, 9), 99, "sm_89"),
    "H200": ((9, 0), 227, "sm_90"),
    "B200": ((10, 0), 227, "sm_90"),
    "B300": ((10, 3), 227, "sm_90"),
    "Thor": ((11, 0), 227, "sm_90"),
    "RTX 5090": ((12, 0), 99, "sm_89"),
    "Spark": ((12, 1), 99, "sm_89"),
    "T4": ((7, 5), 64, None),
    "V100": ((7, 0), 96, None),
}


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_gets_kernels_that_fit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (major, minor), shared, expected = DEVICES[name]
    properties = SimpleNamespace(
        name=name, major=major, minor=minor, multi_processor_count=17, shared_memory_per_block_optin=shared * 1024
    )
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda device: properties)
    if expected is None:
        with pytest.raises(RuntimeError, match=f"^{name} is none of the GPUs"):
            target_of("cuda")
    else:
        found = target_of("cuda")
        assert found == replace(TARGETS[expected], arch=10 * major + minor, units=17)
        assert TargetAlone(found).get_current_target().arch == found.arch, "compiled for another GPU than launches are"


@pytest.mark.parametrize(("lanes", "serves"), ((64, True), (32, False)))
def test_amds_data_centre_gpus_are_taken(lanes: int, serves: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    properties = SimpleNamespace(
        name="Radeon", warp_size=lanes, multi_processor_count=104, gcnArchName="gfx90a:sramecc+:xnack-"
    )
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda device: properties)
    monkeypatch.setattr("torch.version.hip", "7.0")
    if serves:
        assert target_of("cuda") == replace(TARGETS["gfx942"], arch="gfx90a", units=104)
    else:
        with pytest.raises(RuntimeError, match="Radeon"):
            target_of("cuda")


def test_a_convolutions_work_is_each_tensor_once() -> None:
    work = LAYER.work()
    assert work.bytes == 2 * (2 * 14 * 14 * 256 + 9 * 256 * 512 + 2 * 7 * 7 * 512) + 4 * 512
    assert work.flops == 2 * (2 * 7 * 7) * 512 * 9 * 256
    with_residual = replace(LAYER, residual_leading=512)
    assert with_residual.work().bytes - work.bytes == 2 * (2 * 7 * 7 * 512)


def test_zeros_around_1x1_filters_are_no_work() -> None:
    expansions = replace(LAYER, centred=256)
    assert LAYER.work().flops - expansions.work().flops == 2 * LAYER.pixels * 256 * 8 * 256
    assert LAYER.work().bytes - expansions.work().bytes == 2 * 256 * 8 * 256
    assert LAYER.computed(64) == replace(LAYER, centred=63).computed(64) == 1.0
    assert expansions.computed(128) == pytest.approx((2 + 2 / 9) / 4)
    narrow = replace(LAYER, filters=128, centred=64, batch=32)
    assert conv_gemm.suggest(narrow, TARGETS["sm_90"]).block_n <= 64 < conv_gemm.TILES[0][1]


def test_bundling_changes_neither_channels_nor_pixels() -> None:
    bundled = conv_grouped.bundled_problem(LAYER, 64)
    assert (bundled.bundles, bundled.channels, bundled.filters) == (8, 32, 64)
    assert bundled.pixels == LAYER.pixels


def test_the_work_of_a_pool_is_its_windows() -> None:
    problem = pool.Problem("fp32", 1, 8, 8, 4, (4, 4), 4, 4, True, (2, 2), (2, 2))
    assert problem.work().bytes == 4 * 4 * (64 + 16)
    assert problem.work().flops == 4 * 64


SIZES_OF_LAYERS = ((1, 7, 512, 2048), (1, 56, 64, 64), (32, 56, 64, 256), (256, 14, 256, 256), (1, 1, 4096, 1000))


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
@pytest.mark.parametrize(("batch", "size", "channels", "filters"), SIZES_OF_LAYERS)
@pytest.mark.parametrize("dtype", SIZES)
def test_a_suggested_tile_ships_and_fits(target, dtype, batch, size, channels, filters) -> None:  # type: ignore[no-untyped-def]
    problem = conv_gemm.Problem(dtype, batch, size, size, channels, filters, channels, filters)
    if not target.multiplies(dtype):
        assert not conv_gemm.configurations(target, dtype)
        return
    chosen = conv_gemm.suggest(problem, target)
    ships = {(c.block_m, c.block_n, c.warps) for c in conv_gemm.configurations(target, dtype)}
    assert (chosen.block_m, chosen.block_n, chosen.warps) in ships
    step = (chosen.block_m + chosen.block_n) * chosen.block_k * SIZES[dtype]
    assert step * (chosen.stages - 1) <= target.shared
    if dtype not in FAMILIES["conv1x1_pre"].dtypes:
        return
    before = conv1x1_pre.Problem(dtype, batch, size, size, channels, filters, (size, size), channels, filters)
    assert conv1x1_pre.suggest(before, target).block_k <= channels


def test_a_long_sum_over_few_tiles_is_split() -> None:
    few = conv_gemm.Problem("fp16", 1, 7, 7, 2048, 512, 2048, 512)
    assert conv_gemm.suggest(few, TARGETS["sm_90"]).splits > 1
    assert conv_gemm.suggest(replace(few, batch=256), TARGETS["sm_90"]).splits == 1


def test_a_box_covers_the_map_with_little_waste() -> None:
    assert conv_tma.box(replace(LAYER, stride=(1, 1), height=28, width=28), 128) in {(1, 4, 32), (2, 2, 32), (2, 4, 16)}
    assert conv_tma.box(replace(LAYER, batch=32, stride=(1, 1), kernel=(1, 1), sides=(0, 0, 0, 0)), 128)[0] >= 8


@pytest.mark.parametrize("config", conv_rows.CONFIGURATIONS, ids=lambda config: config.label)
def test_rows_share_the_lines_that_they_read(config: conv_rows.Config) -> None:
    """Three column taps of lines + 2 lines, where boxes are read for nine taps."""
    problem = replace(LAYER, stride=(1, 1), height=56, width=56)
    assert (problem.kernel, problem.dtype) == ((3, 3), "fp16")
    read = 3 * config.pixels * (config.lines + 2) + 9 * config.block_n
    assert conv_rows.tiling(problem, config).reads == 2 * problem.channels * read
    assert read < 9 * (config.pixels * config.lines + config.block_n)


@pytest.mark.parametrize("dtype", ("fp16", "fp32"))
@pytest.mark.parametrize("rows", range(2, 14))
def test_what_does_not_fit_in_shared_memory_is_not_chosen(rows: int, dtype: Dtype) -> None:
    """Lines and filters of all row taps are there at once: kernels of many rows are left to others."""
    target = TARGETS["sm_90"]
    problem = replace(LAYER, dtype=dtype, batch=32, height=28, width=28, kernel=(rows, 1), stride=(1, 1))
    for name, config in candidates("conv_gemm", problem, target):
        tiling = FAMILIES[name].tiling if name in FAMILIES else None
        assert tiling is None or tiling(problem, config).shared <= target.shared, (name, config)


def test_a_line_covers_the_map_with_little_waste() -> None:
    problem = replace(LAYER, batch=32, stride=(1, 1), height=28, width=28)
    assert conv_rows.line(problem, 64) == (16, 4)
    assert conv_rows.line(replace(problem, batch=1, width=56), 64) == (1, 64)
    assert conv_rows.line(replace(problem, pool=(2, 2), width=2), 64) == (32, 2)


def test_slices_of_buffers_are_views_with_a_wider_step() -> None:
    buffer = torch.zeros(2, 5, 3, 40)
    assert leading(buffer) == 40
    assert leading(buffer[..., 8:24]) == 40
    assert leading(torch.zeros(3, 1, 1, 40)[..., :8]) == 40
    for odd in (buffer[:, :, ::2], buffer[..., ::2], buffer.permute(0, 3, 1, 2), buffer[:, :4]):
        with pytest.raises(ValueError, match="evenly spaced"):
            leading(odd)


def test_equal_tails_are_one_function() -> None:
    assert tail(("x + other",)) is tail(("x + other",))
    assert tail(("x + other",)) is not tail(())


def test_only_a_pointwise_layer_has_an_expression() -> None:
    assert expression(all_layers()["leaky_relu"](0.1)) == "tl.where(x > 0.0, x, x * 0.1)"
    with pytest.raises(ValueError, match="`softmax` is not pointwise"):
        expression(all_layers()["softmax"]())


def test_what_cannot_be_split_or_bundled_is_refused() -> None:
    second = conv_gemm.Second(7, 7, 64, 64)
    with pytest.raises(ValueError, match="cannot be split"):
        FAMILIES["conv_gemm"].specialize(replace(LAYER, second=second), conv_gemm.Config(64, 64, 32, 4, 2, splits=2))
    with pytest.raises(ValueError, match="one source"):
        replace(LAYER, second=second, bundles=2)


class Recording:
    """A jitted kernel that notes what it is launched with."""

    def __init__(self, arg_names: list[str]) -> None:
        self.arg_names, self.told = arg_names, {}

    def __getitem__(self, grid: tuple[int, int, int]) -> Any:
        return lambda **given: self.told.update(given)


@pytest.mark.parametrize(
    ("arch", "driver", "waits", "starts"),
    [
        (90, 12030, True, True),
        (100, 13000, True, True),
        (90, 12020, True, None),  # it waits for what is over
        (89, 13000, False, None),
        ("gfx942", 0, False, None),
        (None, 0, False, None),
    ],
)
def test_a_launch_starts_early_where_the_gpu_and_its_driver_can(
    arch: int | str | None, driver: int, waits: bool, starts: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(specialization, "architecture", lambda device: arch)
    monkeypatch.setattr(specialization, "driver_version", lambda: driver)
    problem = softmax.Problem("fp16", 4, 8, 8, 8)
    made = FAMILIES["softmax"].specialize(problem, softmax.suggest(problem, TARGETS["sm_90"]))
    kernel = Recording(made.kernel.arg_names)
    x = torch.zeros(1, 2, 2, 8)
    replace(made, kernel=kernel).launch(x=x, y=x)
    assert (kernel.told["EARLY"], kernel.told.get("launch_pdl")) == (waits, starts)
