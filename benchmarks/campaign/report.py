"""From the results to docs/performance.md: what was measured, where it wins and where it loses, and on what."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any

from campaign.chart import Bar, chart
from campaign.names import NETWORKS, SMALL
from campaign.records import Record, Records
from campaign.settings import Settings

GOALS = {1: 1.4, 32: 1.3, 256: 1.3}
CHART = "performance.svg"
COMPILED = ("compile", "reduce-overhead", "max-autotune")
METHOD = """\
All runs have the same weights, input (random, channels last, on the device) and card. `hot`: runs back to back, so that
the L2 cache may hold what fits; `cold`: 256 MB are written before each run; `latency`: from the call to the end on the
host. Times are medians, spreads the quartiles. The peer is the fastest mode of `torch.compile`; the ratio is of hot
times. The floor is what our plan must move and compute, launch by launch, at the measured bandwidth and rate. Errors
are relative to float64, by norms. Made by `benchmarks/gpu.py`.
"""


def report(settings: Settings) -> Path:
    """Write the page and its chart; gives the page's path."""
    records = Records(settings.folder)
    records.take_card()
    settings_docs = Path(settings.docs)
    (settings_docs / "images").mkdir(parents=True, exist_ok=True)
    path = settings_docs / "performance.md"
    path.write_text("\n".join(_page(records)) + "\n", encoding="utf-8", newline="\n")
    (settings_docs / "images" / CHART).write_text(chart(list(bars(records))), encoding="utf-8", newline="\n")
    print(f"  wrote {path}", flush=True)
    return path


def _page(records: Records) -> Iterator[str]:
    yield "# Performance on a GPU\n"
    yield from _how(records)
    yield f"![Speed over the best mode of torch.compile](images/{CHART})\n"
    for precision, batch in _measured(records):
        yield from _table(records, precision, batch)
    yield from _correctness(records)
    yield from _layers(records)
    yield from _profile(records)
    yield from _training(records)
    yield from _missing(records)


def _how(records: Records) -> Iterator[str]:
    """Card, versions and method."""
    for card in records.latest(stage="card"):
        rates = ", ".join(f"{name} {rate / 1e12:.0f} TFLOP/s" for name, rate in card["flops"].items())
        yield f"Measured on: {card['gpu']}, copies {card['bandwidth'] / 1e12:.2f} TB/s (read and written), {rates}."
        yield "With " + ", ".join(f"{name} {value}" for name, value in card["versions"].items() if value) + ".\n"
    yield METHOD


def _measured(records: Records) -> list[tuple[str, int]]:
    pairs = {(each["precision"], each["batch"]) for each in records.latest(stage="ours") if "hot_ms" in each}
    return sorted(pairs, key=lambda pair: (("fp16", "bf16", "tf32").index(pair[0]), pair[1]))


def best_peer(records: Records, network: str, batch: int, precision: str) -> Record | None:
    """The fastest mode of torch.compile."""
    unit = {"stage": "baseline", "network": network, "batch": batch, "precision": precision}
    found = (each for each in records.latest(**unit) if "hot_ms" in each and each["runner"].startswith(COMPILED))
    return min(found, key=lambda each: each["hot_ms"], default=None)


def ours(records: Records, network: str, batch: int, precision: str, runner: str = "ours") -> Record | None:
    unit = {"stage": "ours", "network": network, "batch": batch, "precision": precision}
    (found, *_) = [*records.latest(**unit, runner=runner), None]
    if found and "same_as" in found:
        return ours(records, network, batch, precision, found["same_as"])
    return found if found and "hot_ms" in found else None


def ratio(records: Records, network: str, batch: int, precision: str) -> float | None:
    """How many times faster than the best mode of torch.compile on the same card."""
    peer, own = best_peer(records, network, batch, precision), ours(records, network, batch, precision)
    return peer["hot_ms"] / own["hot_ms"] if peer and own else None


HEAD = (
    "network", "ours, ms", "quartiles", "cold", "latency", "images/s", "best compile, ms", "its mode", "eager, graph",
    "**ratio**", "of the floor", "peak MB (theirs)", "error (theirs)",
)  # fmt: skip


def _table(records: Records, precision: str, batch: int) -> Iterator[str]:
    yield f"## {precision}, batch {batch}\n"
    yield from _rows(HEAD, [_row(records, name, batch, precision) for name in (*NETWORKS, *SMALL)])
    found = {name: value for name in (*NETWORKS, *SMALL) if (value := ratio(records, name, batch, precision))}
    if found:
        mean = exp(fmean(map(log, found.values())))
        lost = ", ".join(f"{name} ({value:.2f})" for name, value in found.items() if value < 1) or "none"
        goal = GOALS.get(batch)
        told = f" (goal {goal}: {'reached' if mean >= goal else 'missed'})" if goal else ""
        yield f"Geometric mean over {len(found)} networks: **{mean:.2f}**{told}. Slower than torch.compile: {lost}.\n"


def _row(records: Records, name: str, batch: int, precision: str) -> list[str] | None:
    own, peer = ours(records, name, batch, precision), best_peer(records, name, batch, precision)
    if own is None:
        return None
    unit = {"stage": "baseline", "network": name, "batch": batch, "precision": precision}
    eager = [each for each in records.latest(**unit, runner="eager, graph") if "hot_ms" in each]
    times = ratio(records, name, batch, precision)
    return [
        name,
        f"{own['hot_ms']:.3f}",
        f"{own['hot_first_quartile_ms']:.3f} to {own['hot_third_quartile_ms']:.3f}",
        f"{own['cold_ms']:.3f}",
        f"{own['latency_ms']:.3f}",
        f"{1000 * batch / own['hot_ms']:,.0f}",
        f"{peer['hot_ms']:.3f}" if peer else "–",
        peer["runner"] if peer else "not measured",
        f"{eager[0]['hot_ms']:.3f}" if eager else "–",
        f"**{times:.2f}**" if times else "–",
        f"{100 * own['floor_ms'] / own['hot_ms']:.0f}%",
        f"{own['peak_bytes'] / 1e6:.0f}" + (f" ({peer['peak_bytes'] / 1e6:.0f})" if peer else ""),
        f"{own['error_to_float64']:.1e}" + (f" ({peer['error_to_float64']:.1e})" if peer else ""),
    ]


def _rows(head: tuple[str, ...], rows: list[list[str] | None]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows if row)
    yield ""


def bars(records: Records) -> Iterator[Bar]:
    for precision, batch in _measured(records):
        if precision == "fp16":
            for name in (*NETWORKS, *SMALL):
                value = ratio(records, name, batch, precision)
                if value is not None:
                    yield Bar(name, f"batch {batch}", value)


def _correctness(records: Records) -> Iterator[str]:
    found = records.latest(stage="correctness")
    if not found:
        return
    yield "## Correctness\n"
    for each in found:
        if "network" not in each:
            yield f"- {each['name']}: {_verdict(each)}"
    networks = [each for each in found if "network" in each]
    yield f"- whole networks, every precision and batch, poisoned memory: {_tally(networks)}"
    for each in networks:
        if not _passed(each):
            yield f"  - {each['network']}, {each['precision']}: {_verdict(each)}"
    yield ""


def _passed(record: Record) -> bool:
    passed = record.get("passed", True)
    fine = all(passed.values()) if isinstance(passed, dict) else passed
    return bool(record.get("excused")) or ("error" not in record and bool(fine) and not record.get("faults"))


def _tally(records: list[Record]) -> str:
    judged = [each for each in records if not each.get("excused")]
    return f"{sum(map(_passed, judged))} of {len(judged)} right"


def _verdict(record: Record) -> str:
    if record.get("absent"):
        return "the tool is not there"
    if "error" in record:
        return f"did not finish: {record['error']}"
    if record.get("excused"):
        return f"not judged: {record['excused']}"
    checked = sum(record.get("checked", {}).values())
    count = f"{checked} candidates, " if checked else ""
    if _passed(record):
        return f"{count}no fault"
    faults = record.get("faults") or []
    return f"{count}{len(faults)} faults, first {faults[0] if faults else record.get('errors')}"


def failures(records: Records, stages: list[str]) -> list[str]:
    """Results of these stages that are missing or wrong, a line each."""
    found = [each for each in records.latest() if each.get("stage") in stages]
    wrong = [each for each in found if "error" in each or not _passed(each)]
    return [f"{_title(each)}: {each.get('error') or _verdict(each)}" for each in wrong]


def _title(record: Record) -> str:
    keys = ("stage", "network", "batch", "precision", "runner", "name")
    return ", ".join(str(record[key]) for key in keys if record.get(key))


def _layers(records: Records) -> Iterator[str]:
    rows = []
    for precision, batch in _measured(records):
        for name in (*NETWORKS, *SMALL):
            own = ours(records, name, batch, precision)
            if own is not None and precision == "fp16":
                kernels = ", ".join(f"{count} {kernel}" for kernel, count in sorted(own["kernels"].items()))
                strict = ours(records, name, batch, precision, "ours, strict")
                plain = ours(records, name, batch, precision, "ours, not tuned")
                alone = [f"{each['hot_ms']:.3f}" if each else "–" for each in (strict, plain)]
                rows.append([name, str(batch), f"{own['hot_ms']:.3f}", *alone, kernels])
    if rows:
        yield "## What runs the layers\n"
        yield "By measurement, layer by layer: our kernels, cuBLAS, or cuDNN with the copy that it forces.\n"
        head = ("network", "batch", "ours, ms", "our kernels alone", "not tuned", "launches by kernel")
        yield from _rows(head, rows)


def _profile(records: Records) -> Iterator[str]:
    for found in records.latest(stage="profile", name="counters"):
        if "counters" not in found:
            continue
        yield f"## The costliest kernels, {found['precision']}, batch {found['batch']}\n"
        rows = []
        for each in found["counters"]:
            moved = sum(_moved(counter) for counter in each["counters"])
            rows.append(
                [
                    f"{each['kernel']} ({each['layer']})",
                    str(each["count"]),
                    f"{each['us']:.1f}",
                    f"{100 * each['floor_us'] / each['us']:.0f}%",
                    f"{moved / each['bytes']:.2f}",
                    _counter(each, "tensor"),
                    _counter(each, "warps_active"),
                    _counter(each, "registers_per_thread"),
                ]
            )
        head = ("kernel", "times", "us", "of the floor", "moved / needed", "tensor pipes %", "occupancy %", "registers")
        yield from _rows(head, rows)


def _moved(counter: dict[str, Any]) -> float:
    return sum(value for name, value in counter.items() if name in ("dram__bytes_read.sum", "dram__bytes_write.sum"))


def _counter(each: dict[str, Any], part: str) -> str:
    values = [
        value
        for counter in each["counters"]
        for name, value in counter.items()
        if part in name and isinstance(value, float)
    ]
    return f"{max(values):.0f}" if values else "–"


def _training(records: Records) -> Iterator[str]:
    found = [each for each in records.latest(stage="training") if "ours_ms" in each]
    if found:
        yield "## Training\n"
        yield "Forward and backward under torch.compile, bfloat16 autocast: our source against torchvision's model.\n"
        rows = [
            [each["network"], str(each["batch"]), f"{each['ours_ms']:.2f}", f"{each['torchvision_ms']:.2f}",
             f"{each['torchvision_ms'] / each['ours_ms']:.2f}"]
            for each in found
        ]  # fmt: skip
        yield from _rows(("network", "batch", "ours, ms", "torchvision, ms", "ratio"), list(rows))


def _missing(records: Records) -> Iterator[str]:
    failed = [each for each in records.latest() if "error" in each]
    if failed:
        yield "## Not measured\n"
        yield from (f"- {_title(each)}: {each['error']}" for each in failed)
        yield ""
