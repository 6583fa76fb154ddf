"""The zoo, checked once in a process for all tests that look at it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cnndsl.checking import Checked, check_file
from cnndsl.ir import Graph
from cnndsl.models import zoo_files
from cnndsl.source import read_source

FILES = zoo_files()


def stem(path: Path) -> str:
    return path.stem


@cache
def checked(path: Path) -> Checked:
    return check_file(read_source(path))


def graphs(path: Path) -> dict[str, Graph]:
    """The networks of a file that can be built as they stand."""
    return {name: done.graph for name, done in checked(path).networks.items()}


def first_two(path: Path) -> list[Graph]:
    """Networks of a file, which differ in numbers alone; others of it may have a thousand layers."""
    return list(graphs(path).values())[:2]
