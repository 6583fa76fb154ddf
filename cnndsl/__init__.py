"""cnndsl: describe a convolutional network as its paper draws it, check it, and compile it.

    import cnndsl

    report = cnndsl.check("archs/googlenet.arch")      # errors and warnings, without torch
    net = cnndsl.load("googlenet", classes=10)         # a checked Architecture
    print(net.params, net.macs, net.depth)
    print(net.summary())
    module = net.compile()                             # a torch.nn.Module
    net.write("googlenet")                             # googlenet.py and googlenet.safetensors
    print(cnndsl.lift("torchvision:resnet50").text)    # a network of others, in the language

A layer of your own is a frozen dataclass that extends `Op` and is decorated with `register`.
"""

from typing import TYPE_CHECKING

from cnndsl.errors import (
    AnalysisError,
    BenchError,
    BuildError,
    BundleError,
    DataError,
    DeviceError,
    DeviceLost,
    Error,
    ExportError,
    LiftError,
    MissingExtra,
    ModelError,
    OutputError,
    PackageError,
    ParameterError,
    PictureError,
    PlanError,
    QuantizeError,
    RunError,
    SizeError,
    SourceError,
    StrictError,
    SweepError,
    TrainingError,
    Unmatched,
    WeightsError,
)
from cnndsl.lazily import names_from
from cnndsl.version import __version__

if TYPE_CHECKING:
    from cnndsl.architecture import ArchError, Architecture, check, format_text, load, loads
    from cnndsl.bundled import Bundle, load_bundle
    from cnndsl.diagnostics import Diagnostic, Edit, Fix, Report, apply_fixes
    from cnndsl.features.create import create_model, list_models
    from cnndsl.lifting.lift import Lifted, lift
    from cnndsl.ops.base import LayerError, Op, Shape, TorchExpression, TorchModule, register
else:
    __getattr__ = names_from(
        __name__, "diagnostics", "ops.base", "architecture", "bundled", "features.create", "lifting.lift"
    )

__all__ = [
    "AnalysisError",
    "ArchError",
    "Architecture",
    "BenchError",
    "BuildError",
    "Bundle",
    "BundleError",
    "DataError",
    "DeviceError",
    "DeviceLost",
    "Diagnostic",
    "Edit",
    "Error",
    "ExportError",
    "Fix",
    "LayerError",
    "LiftError",
    "Lifted",
    "MissingExtra",
    "ModelError",
    "Op",
    "OutputError",
    "PackageError",
    "ParameterError",
    "PictureError",
    "PlanError",
    "QuantizeError",
    "Report",
    "RunError",
    "Shape",
    "SizeError",
    "SourceError",
    "StrictError",
    "SweepError",
    "TorchExpression",
    "TorchModule",
    "TrainingError",
    "Unmatched",
    "WeightsError",
    "__version__",
    "apply_fixes",
    "check",
    "create_model",
    "format_text",
    "lift",
    "list_models",
    "load",
    "load_bundle",
    "loads",
    "register",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
