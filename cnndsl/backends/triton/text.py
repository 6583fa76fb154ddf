"""A plan as text: a line per launch with what it computes, reads and writes, then the memory it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cnndsl.backends.triton.plan import Launch, Packed, Plan, View
from cnndsl.backends.triton.traffic import launch_work, total_work
from cnndsl.kernels.precision import LARGEST, eight_bits_of
from cnndsl.table import aligned


def format_plan(plan: Plan) -> str:
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    head = ("#", "kernel", "computes", "writes", "N x H x W x C", "MB", "GFLOP")
    rows = [_row(number, launch, plan) for number, launch in enumerate(plan.launches)]
    yield f"plan {plan.name}: {plan.precision}, batch {plan.batch}, {plan.target}"
    yield ""
    yield from aligned([head, *rows], left=(1, 2, 3, 4))
    yield ""
    yield from summary(plan)


def summary(plan: Plan) -> Iterator[str]:
    """What it comes to: launches by kernel, traffic, memory, and what PyTorch's own kernels do."""
    work = total_work(plan)
    counts = Counter(launch.kernel for launch in plan.launches)
    yield f"launches  {len(plan.launches)} ({', '.join(f'{count} {name}' for name, count in counts.most_common())})"
    yield f"traffic   {work.bytes / 1e6:,.2f} MB read and written, {work.flops / 1e9:,.2f} GFLOP"
    yield (
        f"memory    {plan.arena_bytes / 1e6:,.2f} MB for activations ({plan.least_bytes / 1e6:,.2f} MB must live at "
        f"once), {plan.weight_bytes / 1e6:,.2f} MB for weights"
    )
    if eight_bits_of(plan.precision):
        multiply, touch = in_eight_bits(plan)
        beside = f"{touch} others read or write it; the rest is {plan.dtype}"
        yield f"{plan.precision:8}  {multiply} launches multiply it, {beside}"
    others = [launch for launch in plan.launches if launch.kernel == "torch"]
    for launch in others:
        yield f"PyTorch   {launch.problem.layer} ({', '.join(launch.nodes)}): no Triton kernel serves it"


def in_eight_bits(plan: Plan) -> tuple[int, int]:
    """How many launches multiply 8 bits, and how many others read or write some."""
    multiply = sum(_has_eight_bits(launch, Packed) for launch in plan.launches)
    return multiply, sum(_has_eight_bits(launch, View) for launch in plan.launches) - multiply


def _has_eight_bits(launch: Launch, kind: type[View | Packed]) -> bool:
    return any(isinstance(tensor, kind) and tensor.dtype in LARGEST for tensor in launch.tensors.values())


def _row(number: int, launch: Launch, plan: Plan) -> tuple[str, ...]:
    work = launch_work(launch)
    written = [tensor for name, tensor in launch.tensors.items() if name in ("y", "y2", "z", "kept")]
    shapes = (
        f"{plan.batch} x {view.height} x {view.width} x {view.channels}" for view in written if isinstance(view, View)
    )
    return (
        str(number),
        launch.kernel,
        ", ".join(launch.nodes),
        " and ".join(map(str, written)),
        " and ".join(shapes),
        f"{work.bytes / 1e6:.2f}",
        f"{work.flops / 1e9:.3f}",
    )
