"""Which engines there are, and what each needs, without importing any."""

from __future__ import annotations

from cnndsl.diagnostics.suggest import did_you_mean
from cnndsl.errors import BenchError
from cnndsl.extras import require

BACKENDS = ("eager", "channels_last", "compiled", "optimized", "frozen")  # PyTorch's ways to run a network, and ours
AGAINST = ("onnxruntime", "openvino")
LIBRARIES = ("torchvision", "timm")


def check_engines(backends: tuple[str, ...], against: tuple[str, ...]) -> None:
    """Raise `BenchError` for engines that there are not, and `MissingExtra` for those that are not installed."""
    require("torch", "safetensors", extra="torch")
    for name in backends:
        if name not in BACKENDS:
            raise BenchError(f"there is no backend {name}; {did_you_mean(name, BACKENDS, _listed(BACKENDS))}")
    for name in against:
        library, colon, model = name.partition(":")
        if colon and library in LIBRARIES:
            _check_model(library, model)
        elif name not in AGAINST:
            known = (*AGAINST, *(f"{each}:NAME" for each in LIBRARIES))
            raise BenchError(f"there is no engine {name}; {did_you_mean(name, known, _listed(known))}")
        else:
            require(name, "onnx", "onnxscript", "onnxruntime", extra="engines")


def _check_model(library: str, model: str) -> None:
    from cnndsl.foreign.modules import foreign_names

    known = foreign_names(library)
    if model not in known:
        raise BenchError(f"{library} has no model {model}; {did_you_mean(model, known, f'it has {len(known)}')}")


def _listed(names: tuple[str, ...]) -> str:
    return f"there are {', '.join(names)}"
