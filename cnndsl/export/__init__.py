"""Networks for other programs: files of ONNX or `torch.export`, compared with the module before they are written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.analysis.cost import costs, total
from cnndsl.analysis.memory import peak_memory
from cnndsl.backends.torch.loading import build, plain_defaults
from cnndsl.errors import ExportError, reason
from cnndsl.export.form import Job, Open, To
from cnndsl.export.outputs import with_outputs
from cnndsl.export.sizes import larger, size_step
from cnndsl.extras import require
from cnndsl.files import write_together
from cnndsl.ir.graph import Graph
from cnndsl.machine import memory
from cnndsl.passes.drop_unused import drop_unused
from cnndsl.passes.pipeline import EXPORT_PIPELINE, PIPELINE, run
from cnndsl.states import check_shapes, expected_shapes, load_weights
from cnndsl.states.recipes import derive

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.backends.torch.steps import Steps
    from cnndsl.export.verify import Case

__all__ = ["Exported", "Open", "To", "export", "require_packages"]

BATCH: tuple[Open, ...] = ("batch",)
LARGEST_BATCH = 5  # that a file is run at
Weights = Path | Mapping[str, "Tensor"]


@dataclass(frozen=True)
class Exported:
    """A file that computes what the module computes; it is not written yet.

    steps  the same layer by layer, as it went into the file
    cases  what both were run on
    apart  the largest difference of an output, as a part of its largest value
    """

    content: bytes
    steps: Steps
    cases: tuple[Case, ...]
    apart: float

    def write(self, path: Path) -> None:
        """Write it whole, or leave what is there. Raises `OutputError`."""
        write_together(path.parent, {path.name: lambda place: place.write_bytes(self.content)})


def require_packages(to: To) -> None:
    """Raise `MissingExtra` for what an export needs."""
    if to == "onnx":
        require("torch", "safetensors", "onnx", "onnxscript", "onnxruntime", extra="torch,onnx")
    else:
        require("torch", "safetensors", extra="torch")


def export(
    graph: Graph,
    to: To,
    *,
    weights: Weights | None = None,
    seed: int = 0,
    optimize: bool = False,
    dynamic: Collection[Open] = BATCH,
    heads: bool = False,
    taps: Iterable[str] = (),
) -> Exported:
    """The network as a file of ONNX or an exported program of PyTorch, in eval mode, verified.

    weights   a safetensors file, or a state dict of the module; without them they are drawn from `seed`
    optimize  batch norms folded into the weights before them, and what else makes less work in any engine
    dynamic   the sizes that stay open: that of the batch, and height and width
    heads     whether heads that exist for training alone are outputs too
    taps      paths of layers and blocks whose results are outputs too
    Raises `ExportError`, `WeightsError` and `MissingExtra`.
    """
    require_packages(to)
    wanted = with_outputs(graph, heads=heads, taps=taps)
    _require_memory(wanted, LARGEST_BATCH if "batch" in dynamic else 1)
    step = size_step(run(drop_unused(wanted))) if "size" in dynamic else None
    from cnndsl.backends.torch.steps import Steps
    from cnndsl.export.opening import Sizes, record_open
    from cnndsl.export.verify import verify

    with plain_defaults():
        state = _state(graph, weights, seed)
        rewritten = run(drop_unused(wanted), EXPORT_PIPELINE if optimize else PIPELINE)
        steps = Steps(rewritten, derive(rewritten, state) if optimize else state)
        program = record_open(steps, batch="batch" in dynamic, sizes=Sizes(step) if step else None)
        job = Job(wanted, steps, program)
        file = _file(to, job)
        module = build(wanted).eval()
        module.load_state_dict({name: state[name] for name in module.state_dict()})
        cases = tuple(_cases(wanted, "batch" in dynamic, program.step))
        return Exported(file.content, steps, cases, verify(file, module, job, cases))


def _require_memory(graph: Graph, batch: int) -> None:
    """Raise `ExportError` for a network that this machine cannot run beside its file."""
    weights, running = 4 * total(costs(graph).values()).params, batch * peak_memory(graph).bytes
    if 2 * (weights + running) > memory():
        gibibytes = 2 * (weights + running) / 2**30
        raise ExportError(f"{graph.name} and its file take {gibibytes:,.1f} GiB to be compared, more than there is")


def _state(graph: Graph, weights: Weights | None, seed: int) -> dict[str, Tensor]:
    """Weights by name, with the counts that old files leave out."""
    import torch

    if weights is None:
        return build(graph, seed=seed).state_dict()
    if isinstance(weights, Path):
        state = load_weights(weights, graph)
    else:
        state = dict(weights)
        check_shapes(graph, {name: tuple(tensor.shape) for name, tensor in state.items()})
    absent = (name for name in expected_shapes(graph) if name not in state)
    return state | {name: torch.zeros((), dtype=torch.int64) for name in absent}


def _file(to: To, job: Job) -> Any:
    from cnndsl.export.onnx import OnnxFile
    from cnndsl.export.pt2 import Pt2File

    try:
        return OnnxFile(job) if to == "onnx" else Pt2File(job)
    except ExportError:
        raise
    except Exception as error:  # whatever exporter, checker or engine raise
        raise ExportError(f"{job.graph.name} cannot be exported to {to}: {reason(error)}") from error


def _cases(graph: Graph, batch: bool, step: int | None) -> Iterator[Case]:
    """Batches of 1, 2 and 5 if that is open, and two sizes."""
    from cnndsl.export.verify import Case

    own = tuple(node.shape for node in graph.inputs)
    other = own if step is None else tuple(larger(graph, step, 3 * step))
    if batch:
        yield from (Case(1, own), Case(2, other), Case(LARGEST_BATCH, own))
    else:
        yield from (Case(1, shapes) for shapes in dict.fromkeys((own, other)))
