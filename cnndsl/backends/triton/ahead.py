"""A network built ahead of time: a folder with kernels, weights and a manifest, which runs without Triton and cnndsl.

manifest.json        what to launch, in which order, on which memory
kernels/             a cubin or hsaco for each distinct kernel
weights.safetensors  weights as kernels read them
layers/              PyTorch source of layers that no kernel serves, if there are any
run.py               loads and runs the folder (folder_arguments.py), if it is as it was built (folder_checks.py,
                     folder_form.py)
plan.json            the plan that all this was made of
report.md            registers, spills and shared memory of each kernel
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from cnndsl.backends.torch import build as build_torch
from cnndsl.backends.torch.loading import plain_defaults
from cnndsl.backends.triton import folder_arguments, folder_checks, folder_form, loader
from cnndsl.backends.triton.binaries import Binaries, build
from cnndsl.backends.triton.calibration import Pictures, with_ranges
from cnndsl.backends.triton.manifest import Manifest
from cnndsl.backends.triton.packed import pack_weights
from cnndsl.backends.triton.plan import Plan
from cnndsl.backends.triton.stored import save_plan
from cnndsl.extras import require
from cnndsl.files import Writer, text_writer, write_together
from cnndsl.ir.graph import Graph
from cnndsl.states import save_weights

if TYPE_CHECKING:
    from torch import Tensor


def write_ahead(
    graph: Graph,
    plan: Plan,
    directory: Path,
    *,
    seed: int = 0,
    state: Mapping[str, Tensor] | None = None,
    pictures: Pictures | None = None,
) -> list[Path]:
    """Build a plan of `graph` with weights, `state` or drawn from `seed`, into a folder; gives the paths.

    All files appear at the end, or none. Raises `BuildError` for kernels that cannot be compiled, `OutputError` for a
    folder that cannot be written.
    """
    require("torch", "safetensors", extra="torch")
    with plain_defaults():
        given = build_torch(graph, seed=seed).state_dict() if state is None else state
        weights = pack_weights(plan, with_ranges(graph, plan, given, pictures))
    return write_folder(build(plan), weights, directory)


def write_folder(binaries: Binaries, weights: Mapping[str, Tensor], directory: Path) -> list[Path]:
    """Write what has been built. Raises `OutputError`."""
    plan, manifest = binaries.plan, Manifest(binaries)
    texts = {
        "run.py": _alone(loader),
        "folder_arguments.py": _alone(folder_arguments),
        "folder_checks.py": _alone(folder_checks),
        "folder_form.py": _alone(folder_form),
        "report.md": report(binaries, manifest),
    }
    texts |= {file: plan.launches[number].problem.text for number, file in manifest.programs.items()}
    writers: dict[str, Writer] = {name: text_writer(text) for name, text in texts.items()}
    writers |= {file: _bytes(binaries.kernels[key].binary) for key, file in manifest.files.items()}
    writers["plan.json"] = lambda path: save_plan(plan, path)
    writers["weights.safetensors"] = lambda path: save_weights(weights, path, plan.name)
    before = _made_before(directory)
    files: dict[str, object] = {}
    writers = {name: _describing(name, writer, files) for name, writer in writers.items()}
    writers["manifest.json"] = lambda path: text_writer(_sealed(manifest.record() | {"files": files}))(path)
    paths = write_together(directory, writers)
    for name in before - writers.keys():
        with suppress(OSError):
            (directory / name).unlink()
    return paths


def _made_before(directory: Path) -> set[str]:
    """Kernels and layers of another build that the folder holds, by its manifest."""
    try:
        record = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        names = [each["file"] for each in record["kernels"]]
        names += [each["program"] for each in record["launches"] if "program" in each]
    except (OSError, ValueError, TypeError, KeyError):
        return set()
    return {name for name in names if re.fullmatch(r"(kernels|layers)/\w+\.(cubin|hsaco|py)", name)}


def _alone(module: ModuleType) -> str:
    """The text of a module for the folder, where those it imports from here are its neighbours."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    return text.replace(f"from {__package__}.", "from ")


def _describing(name: str, writer: Writer, files: dict[str, object]) -> Writer:
    """Write a file, and note what it holds."""

    def write(path: Path) -> None:
        writer(path)
        files[name] = folder_checks.described(path)

    return write


def _sealed(record: Mapping[str, object]) -> str:
    return _lines({**record, "sha256": folder_checks.digest(record)})


def _bytes(content: bytes) -> Writer:
    return lambda path: path.write_bytes(content)


def _lines(record: Mapping[str, object]) -> str:
    """JSON with a line for each kernel, launch and weight."""
    parts = []
    for name, value in record.items():
        if isinstance(value, list) and value:
            inner = ",\n  ".join(map(json.dumps, value))
            parts.append(f" {json.dumps(name)}: [\n  {inner}\n ]")
        elif name in ("weights", "files") and isinstance(value, dict) and value:
            inner = ",\n  ".join(f"{json.dumps(key)}: {json.dumps(each)}" for key, each in value.items())
            parts.append(f" {json.dumps(name)}: {{\n  {inner}\n }}")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def report(binaries: Binaries, manifest: Manifest) -> str:
    """Markdown: a row for each distinct kernel."""
    plan, launches = binaries.plan, Counter(binaries.keys)
    rows = [
        f"| {Path(file).name} | {launches[key]} | {made.threads} | {made.registers} | {made.spills} | "
        f"{made.shared / 1024:.3g} | {made.matrix or '-'} |"
        for key, file in manifest.files.items()
        for made in (binaries.kernels[key],)
    ]
    others = [f"- `{file}`: {', '.join(plan.launches[n].nodes)}, by PyTorch" for n, file in manifest.programs.items()]
    head = [
        f"# {plan.name}: {plan.precision}, batch {plan.batch}, {plan.target}",
        "",
        f"{len(plan.launches)} launches, {len(rows)} distinct kernels, {plan.arena_bytes / 1e6:.2f} MB of activations.",
        "",
        "| kernel | launches | threads | registers | spills | shared, KiB | matrix instruction |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, *([""] if others else []), *others]) + "\n"
