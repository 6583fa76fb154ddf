"""What a picture consists of, before anything has a place: boxes, frames around them, wires between them.

It is flat on purpose: frames hold the keys of what stands in them, since blocks may nest deeper than Python's stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Literal, NamedTuple

from cnndsl.analysis.cost import Cost

Mark = Literal["", "added", "removed", "changed", "chosen"]
Fact = Literal["params", "macs", "memory", "field"]
Kind = Literal["weights", "pool", "norm", "activation", "merge", "other", "scope", "terminal"]

OUTER = ""  # the key of the frame that is the whole network


@dataclass(frozen=True, slots=True)
class Section:
    """A layer inside a box, and what kind of layer it is, which is its colour."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Box:
    """A layer and those that merely follow it, a closed scope, or an end of the network.

    key       unique in the picture: the name of its first node, the path of its scope, or `:` and an output's name
    sections  the layer, then its followers
    caption   the name that its author gave it, if one was given
    badge     `x3` if it stands for three in a row, `training only` for a head
    shape     of its output, if that is worth saying
    output    that shape, () of what puts nothing out
    detail    what a pointer that rests on it is told, in lines
    aside     it runs in training only
    shortcut  it stands beside a residual body
    mark      what became of it, or of something in it, in another version of the network; or that it is chosen
    numbers   what it costs, takes and sees, in words, and
    note      those of them that stand in it
    cost      as numbers
    heat      a colour by that, from 0, instead of that of its kind
    """

    key: str
    sections: tuple[Section, ...]
    caption: str = ""
    badge: str = ""
    shape: str = ""
    output: tuple[int, ...] = ()
    detail: str = ""
    aside: bool = False
    shortcut: bool = False
    mark: Mark = ""
    numbers: Mapping[Fact, str] = field(default_factory=dict)
    note: str = ""
    cost: Cost | None = None
    heat: int | None = None

    @property
    def kind(self) -> Kind:
        return self.sections[0].kind

    @property
    def pixels(self) -> int:
        """Height x width of the output."""
        return prod(self.output[1:])


@dataclass(frozen=True, slots=True)
class Frame:
    """An opened scope: a title above boxes and further frames, by key and in definition order."""

    key: str
    title: str
    items: tuple[str, ...]
    badge: str = ""
    shape: str = ""
    detail: str = ""
    aside: bool = False


class Wire(NamedTuple):
    """What the box `source` puts out is read by the box `target`."""

    source: str
    target: str


@dataclass(frozen=True)
class Picture:
    """Boxes by key, frames by key from the outermost inwards, and the wires between boxes, in definition order.

    `heading` and `facts` stand above it; `results` are the boxes of the main outputs; `whole` is true if no scope is
    closed.
    """

    heading: str
    facts: str
    boxes: dict[str, Box]
    frames: dict[str, Frame]
    wires: tuple[Wire, ...]
    results: tuple[str, ...]
    whole: bool

    def parents(self) -> dict[str, str]:
        """The frame that each box and each inner frame stands in."""
        return {item: frame.key for frame in self.frames.values() for item in frame.items}
