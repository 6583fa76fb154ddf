"""Rewrites of the graph, one to a file, and the pipelines that order them."""

from cnndsl.passes.notes import Declined, Fused, Notes
from cnndsl.passes.pipeline import CPU_PIPELINE, GPU_PIPELINE, PIPELINE, Pass, run

__all__ = ["CPU_PIPELINE", "GPU_PIPELINE", "PIPELINE", "Declined", "Fused", "Notes", "Pass", "run"]
