"""What cnndsl raises when a caller can mend it: one root, so that one `except cnndsl.Error` is enough.

Two more stand where what they carry is made: `ArchError` with its report, and `LayerError` with a diagnostic's parts.
A wrong argument of a Python call is a ValueError or TypeError, as anywhere; a fault of cnndsl is none of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


class Error(Exception):
    """The root: something a caller can mend, said in the text."""


class SourceError(Error):
    """An `.arch` file that cannot be read, or is not text; one line."""


class ModelError(Error):
    """A MODEL that names nothing; the message is one line and says what there is."""


class ParameterError(Error):
    """A parameter set from outside (`-p name=value`) that the network does not take; one line."""


class PackageError(Error):
    """An installed package brings layers that cannot be loaded; one line."""


class MissingExtra(Error, ImportError):
    """A package that an optional part of cnndsl needs is not installed."""


class OutputError(Error):
    """A place that cannot be written to; the message is one line and names it."""


class RunError(Error):
    """A module that fails when it is run, before anything of it is written; one line."""


class AnalysisError(Error):
    """What cannot be measured of a network, or not of these together; one line."""


class PictureError(Error):
    """What was asked of a picture cannot be had of this network; one line."""


class SweepError(Error):
    """A sweep that cannot be made as asked; one line."""


class BenchError(Error):
    """What cannot be measured as asked; one line."""


class WeightsError(Error):
    """Weights that cannot be read, or do not fit the network; each problem is a line."""


class BundleError(Error):
    """A folder that is no bundle, or one that is damaged; each problem is a line."""


class DataError(Error):
    """Pictures that cannot be learned from or measured on; one line."""


class TrainingError(Error):
    """Training that cannot begin or go on, such as with values that are not finite; the first line says why."""


class Unmatched(Error):
    """Networks between which weights cannot move; each reason is a line of `reasons`."""

    def __init__(self, message: str, reasons: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)


class LiftError(Error):
    """A foreign network that cannot be lifted; the first line says why, and each further reason is one of `reasons`."""

    def __init__(self, message: str, reasons: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.reasons = tuple(reasons)


class StrictError(Error):
    """A network with layers that no Triton kernel serves; the text names each, with its line."""


class SizeError(Error, ValueError):
    """A batch or tensors that are too large for kernels; one line."""


class ExportError(Error):
    """A network that cannot be exported as asked, or whose file would compute something else; nothing is written."""


class QuantizeError(Error):
    """A network that cannot be quantized as asked, or is less often right than was allowed; nothing is written."""


class BuildError(Error):
    """Kernels that cannot be had ahead of time; a line for each, with its launch."""


class PlanError(Error):
    """A file that holds no plan of this version; one line."""


class DeviceError(Error, RuntimeError):
    """No GPU where one is needed, or one that cannot run what is asked of it; one line."""


class DeviceLost(Error):
    """A candidate left the device unusable for this process; the table says which, so that the next one avoids it."""


def reason(error: BaseException) -> str:
    """Why something foreign failed: the first sentence of what it says, without its name or a number."""
    said = (getattr(error, "strerror", None) or "").lower() or str(error)
    line = re.sub(r"\x1b\[[0-9;]*m", "", said).strip().partition("\n")[0]
    return re.split(r"(?<!\be\.g)(?<!\bi\.e)\.\s", line)[0].rstrip(".: ") or type(error).__name__
