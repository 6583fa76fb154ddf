"""The public objects: an `Architecture` is one checked network, `load` makes it, `check` only looks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cnndsl.analysis import Facts, summarize, summary_text
from cnndsl.checking import Checked, Request, check_model, check_request
from cnndsl.diagnostics import Report, render
from cnndsl.elaborate import Module
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.errors import Error, ParameterError
from cnndsl.ir import Graph
from cnndsl.kernels.precision import Precision
from cnndsl.models import Model, find_model
from cnndsl.ops.base import Shape
from cnndsl.records import dataclass, field
from cnndsl.source import Source
from cnndsl.states.check import check_shapes
from cnndsl.syntax.format import format_source

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnndsl.export.form import Open, To
    from cnndsl.photographs.preprocessing import Preprocessing

Backend = Literal["torch", "triton"]
BATCH: tuple[Open, ...] = ("batch",)


class ArchError(Error):
    """An `.arch` file with errors. `report` holds them; the text is what `cnndsl check` prints."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return render(self.report, "text")


class Table(str):
    """A table as text, whose columns stay columns in a notebook."""

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self)}</pre>"


@dataclass(frozen=True)
class Architecture:
    """One network, parsed, elaborated and checked; every number is known and no weight exists yet.

    graph    every layer with its shape, before any pass
    report   the warnings found on the way
    module   the file that it was made of, and
    request  the parameters and input that it was given
    """

    name: str
    graph: Graph = field(repr=False)
    facts: Facts = field(repr=False)
    report: Report = field(repr=False)
    module: Module = field(repr=False)
    request: Request = field(repr=False)

    @classmethod
    def of(cls, checked: Checked) -> Architecture:
        """The network that was checked alone, and has no errors."""
        ((name, done),) = checked.networks.items()
        return cls(name, done.graph, checked.facts[name], checked.report, checked.module, checked.request)

    @property
    def input_shape(self) -> Shape:
        """(channels, height, width) of the first input."""
        return self.graph.inputs[0].shape

    @property
    def output_shape(self) -> Shape:
        return self.graph.output.shape

    @property
    def params(self) -> int:
        """Learned values, those of train-only heads left out."""
        return self.facts.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolutions and linear layers for one sample, train-only heads left out."""
        return self.facts.macs

    @property
    def depth(self) -> int:
        """Layers with weights on the longest path."""
        return self.facts.depth

    def summary(self, depth: int | None = None) -> str:
        """The table that `cnndsl summary` prints, folded below `depth` levels of blocks."""
        return Table(summary_text(summarize(self.graph, depth)))

    def _repr_svg_(self) -> str:
        """The picture that a notebook shows."""
        from cnndsl.draw import draw

        return draw(self.graph)

    def compile(
        self,
        backend: Backend = "torch",
        *,
        seed: int = 0,
        batch: int | None = None,
        precision: Precision | None = None,
        strict: bool = False,
        calibration: Tensor | Sequence[Tensor] | None = None,
    ) -> nn.Module:
        """The network as a PyTorch module with weights drawn from `seed`.

        torch   the source that `write` writes, executed: a module to train
        triton  fused kernels for inference on a GPU, with batches from 1 to `batch`, at a `precision`: float16,
                bfloat16, float32 with products in TF32, or float32; `strict` refuses layers without a Triton kernel
        "int8" and "fp8" are 8 bits wherever kernels know them, float16 elsewhere; for them `calibration` is pictures as
        the network takes them, N x channels x height x width, which say how large values become.
        All but the seed are for "triton" alone: a `batch` of 1 and "fp16" if they are not given. Parameters are of
        PyTorch's default dtype and device; the values drawn do not depend on them.
        Raises `MissingExtra` if PyTorch or Triton is not installed.
        """
        _require_seed(seed)
        if _chosen(backend) == "torch":
            _require_absent("torch", batch=batch, precision=precision, strict=strict or None, calibration=calibration)
            from cnndsl.backends import torch

            return torch.build(self.graph, seed=seed)
        from cnndsl.backends import triton

        return triton.compile_graph(
            self.graph,
            seed=seed,
            batch=1 if batch is None else batch,
            precision=precision or "fp16",
            strict=strict,
            calibration=calibration,
        )

    def optimize(self, *, seed: int = 0, freeze: bool = False) -> nn.Module:
        """The network as a PyTorch module for inference on a CPU, in eval mode; gradients do not reach its weights.

        It computes what `compile()` computes in eval mode, to rounding, and starts with the same weights.
        `load_state_dict` takes state dicts of the plain module. With `freeze` the first call for a shape of the
        input compiles it, for half a minute or so, if gradients are off, and later calls are faster; new weights mean
        a new compile. Raises `MissingExtra` if PyTorch is not installed.
        """
        _require_seed(seed)
        from cnndsl.backends import torch

        return torch.optimize(self.graph, seed=seed, freeze=freeze)

    def source(self, *, optimize: bool = False) -> str:
        """The standalone Python file that defines the network; it imports only torch."""
        from cnndsl.backends import torch

        return torch.generate(torch.optimized_graph(self.graph) if optimize else self.graph)

    def write(
        self,
        directory: str | Path,
        backend: Backend = "torch",
        *,
        seed: int = 0,
        optimize: bool = False,
        batch: int | None = None,
        precision: Precision | None = None,
        target: str | None = None,
        weights: Mapping[str, Tensor] | None = None,
        calibration: Tensor | Sequence[Tensor] | None = None,
    ) -> list[Path]:
        """Write the network and its weights (safetensors) into `directory`; gives the paths, or nothing at all.

        torch   a Python file; with `optimize` that of the network that `optimize()` gives, with weights of its own
        triton  a plan and packed weights for one `batch` size and `precision`; with a `target` (such as "sm_90") also
                its kernels, built ahead of time, and what loads them without Triton; `calibration` as in `compile`
        Weights are drawn from `seed`, or those of a state dict. An option of the other backend is a ValueError. What
        is written does not depend on PyTorch's defaults.
        Raises `OutputError` if the folder cannot be written, `RunError` if the module fails in its first run, and
        `MissingExtra` if PyTorch or Triton is not installed.
        """
        _require_seed(seed)
        if str(directory) == "":
            raise ValueError("'' is no place to write to")
        if weights is not None:
            check_shapes(self.graph, {name: tuple(tensor.shape) for name, tensor in weights.items()})
        if _chosen(backend) == "torch":
            _require_absent("torch", batch=batch, precision=precision, target=target, calibration=calibration)
            from cnndsl.backends import torch

            write = torch.write_optimized if optimize else torch.write
            return write(self.graph, Path(directory), seed=seed, state=weights)
        _require_absent("triton", optimize=optimize or None)
        from cnndsl.backends import triton

        images, chosen = 1 if batch is None else batch, precision or "fp16"
        return triton.write(
            self.graph,
            Path(directory),
            target,
            seed=seed,
            batch=images,
            precision=chosen,
            state=weights,
            calibration=calibration,
        )

    def save(
        self,
        directory: str | Path,
        weights: str | Path | Mapping[str, Tensor],
        *,
        preprocessing: Preprocessing | None = None,
        classes: Sequence[str] | None = None,
    ) -> Path:
        """Write a bundle, one folder with the network, its weights and all that belongs to them, which must be new.

        weights        `NAME.safetensors`, its folder, or a state dict; what stands beside a file is taken along
        preprocessing  from a photograph to the input
        classes        the names of the classes, in order
        Raises `OutputError`, `WeightsError` for weights that do not fit, `BundleError` for classes that do not, and
        `MissingExtra` if PyTorch is not installed.
        """
        from cnndsl.saving import save

        if str(directory) == "":
            raise ValueError("'' is no place to write to")
        return save(self.module, self.request, self.graph, Path(directory), weights, preprocessing, classes)

    def export(
        self,
        path: str | Path,
        to: To = "onnx",
        *,
        weights: str | Path | Mapping[str, Tensor] | None = None,
        seed: int = 0,
        optimize: bool = False,
        dynamic: Collection[Open] = BATCH,
        heads: bool = False,
        taps: Iterable[str] = (),
    ) -> Path:
        """Write the network for inference elsewhere, as a file of ONNX or as PyTorch's `.pt2`; gives the path.

        weights   a safetensors file, or a state dict of the module; without them they are drawn from `seed`
        optimize  batch norms are folded into the weights before them
        dynamic   the sizes that stay open: "batch", and with "size" height and width
        heads     heads for training alone are outputs as well
        taps      paths of layers and blocks whose results are outputs as well
        Before anything is written it is run beside the module. Raises `ExportError` if the two differ or the network
        cannot be exported so, `WeightsError`, `OutputError`, and `MissingExtra`.
        """
        _require_seed(seed)
        _require_one_of("format", to, ("onnx", "pt2"))
        for each in dynamic:
            _require_one_of("open size", each, ("batch", "size"))
        if str(path) == "":
            raise ValueError("'' is no place to write to")
        from cnndsl.export import export

        given = Path(weights) if isinstance(weights, str) else weights
        made = export(
            self.graph, to, weights=given, seed=seed, optimize=optimize, dynamic=dynamic, heads=heads, taps=taps
        )
        made.write(Path(path))
        return Path(path)


def _require_one_of(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"there is no {what} {given!r}; there are {' and '.join(map(repr, known))}")


def _chosen(backend: str) -> str:
    if backend not in ("torch", "triton"):
        raise ValueError(f"there is no backend {backend!r}; there are 'torch' and 'triton'")
    return backend


def _require_absent(backend: Backend, **options: object) -> None:
    """Raise ValueError for an option, not None, that means nothing to a backend."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"{name} means nothing to the backend {backend!r}")


def _require_seed(seed: object) -> None:
    """Raise ValueError for what is no seed. PyTorch would take negative ones for others, and True for 1."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"a seed is an integer from 0 to 2**63 - 1, not {seed!r}")


def load(model: str | Path, /, *, input: GivenInputs | None = None, **parameters: Any) -> Architecture:
    """Load a network and check it.

    model       a path, `PATH:network`, a name from the zoo, or `-` for standard input
    input       another input shape than the file's, as (channels, height, width); a dict of them if there are several
    parameters  the network's own parameters, such as `classes=10`; a string is an expression of the language

    Raises `ArchError` with the findings if anything is wrong with the file, `ModelError`, `SourceError` or
    `ParameterError` if there is no such file, network or parameter.
    """
    return _load(find_model(str(model)), input, parameters)


def loads(
    text: str, /, network: str | None = None, *, input: GivenInputs | None = None, **parameters: Any
) -> Architecture:
    """Like `load`, from the text of an `.arch` file."""
    return _load(Model(Source("<text>", text), network), input, parameters)


def _load(model: Model, input: GivenInputs | None, parameters: Mapping[str, object]) -> Architecture:
    checked = check_model(model, Request(parameters, _given(input)))
    if not checked.report.ok:
        raise ArchError(checked.report)
    return Architecture.of(checked)


def check(model: str | Path, /, *, input: GivenInputs | None = None, **parameters: Any) -> Report:
    """Check a file and all its networks, or with a named network, an input or parameters, that one.

    Gives the report with errors and warnings; `report.ok` says whether there are no errors.
    """
    return check_request(find_model(str(model)), Request(parameters, _given(input))).report


def format_text(text: str, /) -> str:
    """The text of an `.arch` file in its canonical form, with every comment in its place. Raises `ArchError`."""
    formatted, report = format_source(Source("<text>", text))
    if not report.ok:
        raise ArchError(report)
    return formatted


def _given(input: GivenInputs | None) -> GivenInputs | None:
    if input is None:
        return None
    return {name: _shape(shape) for name, shape in input.items()} if isinstance(input, Mapping) else _shape(input)


def _shape(input: object) -> Shape:
    """The shape, as a tuple; raises `ParameterError` for anything else."""
    if not isinstance(input, (tuple, list)) or not all(type(size) is int and size > 0 for size in input):
        raise ParameterError(f"input is a shape such as (3, 320, 320), not {input!r}")
    return tuple(input)
