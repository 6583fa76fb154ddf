"""Rewrites of the graph, one to a file, and the pipelines that order them."""

from typing import TYPE_CHECKING

from cnndsl.lazily import names_from
from cnndsl.passes.notes import Declined, Fused, Notes

if TYPE_CHECKING:
    from cnndsl.passes.pipeline import (
        CPU_PIPELINE,
        EIGHT_BIT_PIPELINE,
        EXPORT_PIPELINE,
        GPU_PIPELINE,
        PIPELINE,
        Pass,
        run,
    )
else:
    __getattr__ = names_from(__name__, "pipeline")

__all__ = [
    "CPU_PIPELINE",
    "EIGHT_BIT_PIPELINE",
    "EXPORT_PIPELINE",
    "GPU_PIPELINE",
    "PIPELINE",
    "Declined",
    "Fused",
    "Notes",
    "Pass",
    "run",
]
