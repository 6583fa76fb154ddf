"""Pictures of all networks of the zoo, of random ones and of hand-made ones, judged by what their SVG shows.

No two boxes overlap, frames hold just what is theirs, every wire leads from its source to all its readers and through
no box, and no text lies on another or on a box that is not its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from drawings import SVG, Area, Drawing, Wires, read
from random_networks import random_network

import cnndsl
from cnndsl.checking import check_file
from cnndsl.draw import draw
from cnndsl.draw.boxes import picture
from cnndsl.draw.style import DARK, LIGHT, Ink, Palette
from cnndsl.draw.svg import render
from cnndsl.ir.graph import Graph
from cnndsl.models import zoo_files
from cnndsl.source import read_source

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"


def graph(text: str) -> Graph:
    return cnndsl.loads(text).graph


@cache
def zoo(path: Path) -> dict[str, Graph]:
    return {name: done.graph for name, done in check_file(read_source(path)).networks.items()}


def main_networks() -> list[Graph]:
    """Of each file of the zoo the first network; its variants differ in numbers mostly."""
    return [next(iter(zoo(path).values())) for path in zoo_files()]


HAND_MADE = {
    "chain": "input 3 x 8 x 8\nconv 3x3, 4 -> bn -> relu\nmaxpool 2x2, /2",
    "identity": "input 3 x 8 x 8 as x\nconv 3x3, 3\nadd { | identity | from x }",
    "one tensor twice": "input 3 x 8 x 8\nadd { | identity | identity }",
}


def overlapping(areas: list[tuple[str, Area]]) -> list[tuple[str, str]]:
    order = sorted(areas, key=lambda named: named[1].top)
    found = []
    for index, (name, area) in enumerate(order):
        for other, below in order[index + 1 :]:
            if below.top >= area.bottom:
                break
            if area.overlaps(below):
                found.append((name, other))
    return found
