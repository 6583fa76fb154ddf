"""Rewrites of the graph, one to a file, and the pipeline that orders them."""

from cnndsl.passes.pipeline import PIPELINE, Pass, run

__all__ = ["PIPELINE", "Pass", "run"]
