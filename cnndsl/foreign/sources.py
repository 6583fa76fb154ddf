"""SOURCE, everywhere: a model of torchvision or timm, a callable of the user's, or a file with a program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnndsl.diagnostics.suggest import closest
from cnndsl.errors import LiftError, ModelError, WeightsError, reason
from cnndsl.extras import require
from cnndsl.foreign.modules import LIBRARIES, build_foreign, usual_input
from cnndsl.foreign.network import ForeignNetwork
from cnndsl.foreign.precision import EXACT, HALF, SINGLE, Precision
from cnndsl.ops.base import Shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

IMAGE: Shape = (3, 224, 224)  # where nothing says how large images are
PROGRAMS = (".onnx", ".pt2")
KINDS = "torchvision:NAME, timm:NAME, package.module:callable, FILE.pt2 or FILE.onnx"


@dataclass(frozen=True)
class Foreign:
    """A network of other makers, read, and how to run it.

    title    what it is called
    origin   where it is from, in a line
    network  it in our words
    run      what it computes of `batch` inputs in a `precision`, train-only heads last
    results  what its steps give then, by its own names for that
    """

    title: str
    origin: str
    network: ForeignNetwork
    run: Callable[[Sequence[Tensor]], list[Tensor]]
    results: Callable[[Sequence[Tensor], Collection[str]], Mapping[str, Tensor]]
    batch: int = 2
    precision: Precision = EXACT


def read_source(source: str, shapes: Sequence[Shape] | None = None) -> Foreign:
    """What SOURCE means, for inputs of `shapes`, or of those it is made for. Raises `Error`s of one line each."""
    require("torch", extra="torch")
    if is_program(source):
        readers = {".pt2": _read_file, ".onnx": _read_onnx}
        return readers[Path(source).suffix.lower()](Path(source), shapes)
    module = build_source(source)
    if is_of_library(source):
        stir(module)
        shapes = shapes or [usual_input(source, module) or IMAGE]
    return from_module(module, shapes, source, origin_of(source))


def is_program(source: str) -> bool:
    """Whether SOURCE is a file with a program, which has its weights in it."""
    return Path(source).suffix.lower() in PROGRAMS


def is_of_library(source: str) -> bool:
    return source.partition(":")[0] in LIBRARIES


def build_source(source: str) -> nn.Module:
    """The module that SOURCE means, if it is no program; one of a library is untrained."""
    require("torch", extra="torch")
    return build_foreign(source) if is_of_library(source) else _called(source)


def origin_of(source: str) -> str:
    library = source.partition(":")[0]
    return f"from {source}" + (f", {library} {version(library)}" if library in LIBRARIES else "")


def from_module(module: nn.Module, shapes: Sequence[Shape] | None, title: str, origin: str) -> Foreign:
    """A module as it is outside of training; it stays as it was. Raises `LiftError` and `WeightsError`.

    It is run in float64, or in float32 where its own code says so.
    """
    _require_values(module, title)
    try:
        return _from_module(module, shapes or [IMAGE], title, origin, EXACT)
    except WeightsError:
        return _from_module(module, shapes or [IMAGE], title, origin, SINGLE)


def _from_module(module: nn.Module, shapes: Sequence[Shape], title: str, origin: str, precision: Precision) -> Foreign:
    from cnndsl.foreign.pytorch.program import record
    from cnndsl.foreign.pytorch.reader import read_module
    from cnndsl.foreign.pytorch.saved import results_of

    own = _copied(module, title, precision.dtype)
    with precision.usual():
        network = read_module(own, shapes, title)
    heads = any(output.train_only for output in network.graph.outputs)

    def run(inputs: Sequence[Tensor]) -> list[Tensor]:
        with precision.usual():
            return _run(own, precision.of(inputs), heads)

    def results(inputs: Sequence[Tensor], names: Collection[str]) -> Mapping[str, Tensor]:
        with precision.usual():
            program = record(_in_mode(own, heads), [tuple(each.shape[1:]) for each in inputs], title, precision.dtype)
            return results_of(program, precision.of(inputs), names)

    return Foreign(title, origin, network, run, results, precision=precision)


def _copied(module: nn.Module, title: str, dtype: torch.dtype) -> nn.Module:
    """A copy to compute with. One that is a layer as a whole stands in a module, as it does elsewhere."""
    from torch import Tensor, jit, nn

    from cnndsl.foreign.pytorch.program import is_silent
    from cnndsl.foreign.pytorch.whole_modules import layer_of

    module = getattr(module, "_orig_mod", module)  # what `torch.compile` was given
    script = next((path for path, part in module.named_modules() if isinstance(part, jit.ScriptModule)), None)
    if script is not None:
        which = f"its {script}" if script else "it"
        raise LiftError(
            f"cannot read {title}: {which} is TorchScript, which has no modules left; lift what it was made of"
        )
    made = [each for part in module.modules() for each in vars(part).values() if isinstance(each, Tensor)]
    try:  # what is computed of parameters, such as normed weights, is no leaf, and PyTorch copies leaves alone
        own = deepcopy(module, {id(each): each.detach().clone() for each in made}).cpu().to(dtype)
    except Exception as error:  # whatever a foreign class raises
        raise LiftError(f"cannot copy {title}: {reason(error)}") from error
    for parameter in own.parameters():
        parameter.requires_grad_(False)
    return nn.Sequential(own) if is_silent(type(own).__name__) or layer_of(own) is not None else own


def _run(module: nn.Module, inputs: Sequence[Tensor], heads: bool) -> list[Tensor]:
    import torch

    with torch.no_grad():
        return tensors_in(_in_mode(module, heads)(*inputs))


def _in_mode(module: nn.Module, heads: bool) -> nn.Module:
    """Inference, but for heads that exist in training alone."""
    module.eval()
    module.training = heads
    return module


def tensors_in(result: object) -> list[Tensor]:
    """The tensors of a result, in order."""
    from torch import Tensor
    from torch.utils._pytree import tree_leaves

    return [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]


def _require_values(module: nn.Module, title: str) -> None:
    from torch.nn.parameter import is_lazy

    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if is_lazy(tensor):
            raise LiftError(f"cannot read {title}: {name} has no shape yet; run the module once on an input")
        if tensor.is_meta:
            raise LiftError(f"cannot read {title}: {name} is on the meta device and has no values; give it some")


# --- libraries


def stir(module: nn.Module, seed: int = 0) -> None:
    """Draw what new modules set to ones and zeros, so that no layer can stand for another."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and sum(size > 1 for size in tensor.shape) <= 1:
            if "bias" in name or "mean" in name or "beta" in name:
                tensor.normal_(0.0, 0.1, generator=generator)
            else:
                tensor.uniform_(0.5, 1.5, generator=generator)


# --- callables


def _called(source: str) -> nn.Module:
    """The module that `package.module:callable` makes; that runs its code."""
    from torch import nn

    found = _found(source)
    try:
        made = found() if not isinstance(found, nn.Module) else found
    except Exception as error:  # whatever the foreign code raises
        raise LiftError(f"{source} raises {type(error).__name__}: {reason(error)}") from error
    if not isinstance(made, nn.Module):
        raise LiftError(f"{source} gives no torch.nn.Module but {_kind(made)}")
    return made


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _found(source: str) -> Any:
    package, colon, name = source.partition(":")
    if not colon or not name or not all(part.isidentifier() for part in (*package.split("."), *name.split("."))):
        raise ModelError(_unknown(source))
    place: Any = _imported(package, source)
    for part in name.split("."):
        if not hasattr(place, part):
            guess = closest(part, vars(place))
            raise ModelError(f"{package} has no {name}" + (f"; did you mean {guess}?" if guess else ""))
        place = getattr(place, part)
    if not callable(place):
        raise ModelError(f"{source} is no class, function or module but {_kind(place)}")
    return place


def _imported(package: str, source: str) -> Any:
    """A module of Python, those of the working directory among them."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name and (package == error.name or package.startswith(f"{error.name}.")):
            guess = closest(package, [*LIBRARIES, *(path.stem for path in Path.cwd().glob("*.py"))])
            meant = f"; did you mean {guess}?" if guess else f": a SOURCE is {KINDS}"
            raise ModelError(f"there is no module {package}{meant}") from error
        raise LiftError(f"{package} needs {error.name}, which is not installed") from error
    except Exception as error:  # whatever its code raises
        raise LiftError(f"{package} raises {type(error).__name__}: {reason(error)}") from error


def _unknown(source: str) -> str:
    library, colon, name = source.partition(":")
    guess = closest(library, LIBRARIES) if colon else None
    meant = f"; did you mean {guess}:{name}?" if guess else ""
    return f"a SOURCE is {KINDS}, not {source!r}{meant}"


# --- files


def _read_file(path: Path, shapes: Sequence[Shape] | None) -> Foreign:
    from cnndsl.foreign.pytorch.reader import batch_of
    from cnndsl.foreign.pytorch.saved import read_saved, results_of, run_saved

    if shapes:
        raise ModelError(f"{path} was recorded for one size of input; record it for another one")
    program, network = read_saved(path)
    run, results = partial(run_saved, program), partial(results_of, program)
    return Foreign(str(path), f"from {path.name}", network, run, results, batch_of(program))


def _read_onnx(path: Path, shapes: Sequence[Shape] | None) -> Foreign:
    from cnndsl.foreign.onnx.compute import results, run
    from cnndsl.foreign.onnx.read import read

    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    if shapes is not None and len(shapes) > 1:
        raise ModelError(f"{path} takes one --input, for what the file leaves open")
    reading = read(path, shapes[0] if shapes else None)
    precision = HALF if reading.half else SINGLE
    batch = max(reading.batch, 1)
    run_file, some = partial(run, reading, path), partial(results, reading, path)
    return Foreign(str(path), f"from {path.name}", reading.network, run_file, some, batch, precision)
