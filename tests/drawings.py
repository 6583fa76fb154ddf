"""Reads a drawn SVG back as geometry: what stands where, which text lies where, and where every wire runs.

It knows SVG and the marks `data-box`, `data-frame`, `data-from`, `data-to`, and nothing of how pictures are made.
"""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field

from cnndsl.draw.lettering import width

SVG = "{http://www.w3.org/2000/svg}"
PLATES = (f"{SVG}rect", f"{SVG}path")
NO_PLATES = ("badge", "wire")
Point = tuple[float, float]


@dataclass(frozen=True)
class Area:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Area, slack: float = 0.1) -> bool:
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return wide > slack and high > slack

    def holds(self, other: Area) -> bool:
        sides = (self.left <= other.left, self.top <= other.top, other.right <= self.right, other.bottom <= self.bottom)
        return all(sides)

    def inside(self, point: Point, slack: float = 0.6) -> bool:
        return self.crossed(point, point, slack)

    def crossed(self, start: Point, end: Point, slack: float = 0.6) -> bool:
        """Whether a line that is upright, level or short comes inside."""
        (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        beside = right <= self.left + slack or left >= self.right - slack
        return not beside and bottom > self.top + slack and top < self.bottom - slack

    def on_edge(self, point: Point, slack: float = 1.5) -> bool:
        around = Area(self.left - slack, self.top - slack, self.right + slack, self.bottom + slack)
        return around.inside(point, 0.0) and not self.inside(point, slack)


@dataclass
class Wires:
    """All wires of one tensor: each line as points along it, and the tips of the arrowheads."""

    lines: list[list[Point]]
    tips: list[Point]


@dataclass
class Drawing:
    root: ElementTree.Element
    view: Area
    plates: dict[str, list[Area]] = field(default_factory=dict)  # what each box is drawn of
    boxes: dict[str, Area] = field(default_factory=dict)  # around those
    frames: dict[str, Area] = field(default_factory=dict)
    wires: dict[str, Wires] = field(default_factory=dict)
    targets: dict[str, list[str]] = field(default_factory=dict)
    texts: list[tuple[str, Area]] = field(default_factory=list)


def read(svg: str) -> Drawing:
    root = ElementTree.fromstring(svg)
    x, y, wide, high = map(float, root.attrib["viewBox"].split())
    drawing = Drawing(root, Area(x, y, x + wide, y + high))
    for group in root.iter(f"{SVG}g"):
        plates = [_area(mark) for mark in group if mark.attrib.get("class") not in NO_PLATES and mark.tag in PLATES]
        if "data-box" in group.attrib:
            drawing.plates[group.attrib["data-box"]] = plates
            drawing.boxes[group.attrib["data-box"]] = _around(plates)
        elif "data-frame" in group.attrib:
            drawing.frames[group.attrib["data-frame"]] = plates[0]
        else:
            line, heads = group.findall(f"{SVG}path")
            source = group.attrib["data-from"]
            drawing.wires[source] = Wires(list(trace(line.attrib["d"])), [line[0] for line in trace(heads.attrib["d"])])
            drawing.targets[source] = group.attrib["data-to"].split(" ")
    _, drawing.texts = read_texts(root)
    return drawing


def read_texts(root: ElementTree.Element) -> tuple[Area, list[tuple[str, Area]]]:
    """What is seen of the plane, and all lines of text with what they cover."""
    x, y, wide, high = map(float, root.attrib["viewBox"].split())
    texts = [(mark.text or "", _text_area(mark)) for mark in root.iter(f"{SVG}text")]
    return Area(x, y, x + wide, y + high), texts


def _area(mark: ElementTree.Element) -> Area:
    if mark.tag == f"{SVG}rect":
        left, top = float(mark.attrib["x"]), float(mark.attrib["y"])
        return Area(left, top, left + float(mark.attrib["width"]), top + float(mark.attrib["height"]))
    points = [point for line in trace(mark.attrib["d"]) for point in line]
    return Area(*(pick(p[axis] for p in points) for pick in (min, max) for axis in (0, 1)))


def _around(areas: list[Area]) -> Area:
    lefts, tops, rights, bottoms = zip(*((a.left, a.top, a.right, a.bottom) for a in areas), strict=True)
    return Area(min(lefts), min(tops), max(rights), max(bottoms))


def _text_area(mark: ElementTree.Element) -> Area:
    """What a line of text covers, by the widths that the fonts have."""
    style, size = mark.attrib["class"].split(), float(mark.attrib["font-size"])
    x, y = float(mark.attrib["x"]), float(mark.attrib["y"])
    wide = width(mark.text or "", size, bold="bold" in style) / 1.04
    left = x - (wide / 2 if "middle" in style else wide if "end" in style else 0)
    return Area(left, y - 0.72 * size, left + wide, y + 0.2 * size)


def trace(path: str) -> Iterator[list[Point]]:
    """The lines of a path as points: curves in 16 parts, arcs as their chords."""
    line: list[Point] = []
    for letter, text in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[0-9.]+", text)]
        if letter == "M":
            if line:
                yield line
            line = [(numbers[0], numbers[1])]
        else:
            line.extend(_drawn(letter, numbers, line))
    if line:
        yield line


def _drawn(letter: str, n: list[float], line: list[Point]) -> list[Point]:
    x, y = line[-1]
    if letter in "Zz":
        return [line[0]]
    if letter in "CQ":
        return list(_curve([(x, y), *zip(n[::2], n[1::2], strict=True)]))
    ends = {"V": lambda: (x, n[0]), "v": lambda: (x, y + n[0]), "H": lambda: (n[0], y), "h": lambda: (x + n[0], y)}
    if letter in "al":
        return [(x + n[-2], y + n[-1])]
    return [ends[letter]()]


def _curve(handles: list[Point]) -> Iterator[Point]:
    """A Bezier curve of any degree, by de Casteljau's algorithm."""
    for part in range(1, 17):
        t, points = part / 16, handles
        while len(points) > 1:
            points = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for a, b in itertools.pairwise(points)]
        yield points[0]
