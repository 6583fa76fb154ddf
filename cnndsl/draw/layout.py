"""Where everything in a picture stands: each frame is laid out by itself, from the innermost to the outermost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from cnndsl.draw.arrange import Flow, plan
from cnndsl.draw.columns import columns
from cnndsl.draw.geometry import HEADING, MARGIN, Direction, Layout, Rectangle, Route
from cnndsl.draw.measure import TITLE, Room
from cnndsl.draw.model import OUTER, Frame, Picture
from cnndsl.draw.passing import Segment, addresses, attachments, way
from cnndsl.draw.place import Places
from cnndsl.draw.sizes import UNDER, Extent, box_drawn, box_extent, merge_halves, shape_width, title_widths
from cnndsl.draw.valley import valley
from cnndsl.draw.wires import Border, Ports, Wires

PADDING = 14  # pixels inside a frame's border
PORT = 16  # between the places where different tensors cross a border


def layout(picture: Picture, direction: Direction = "down") -> Layout:
    """Places for everything in `picture`, in pixels from its top left: a U, or as many columns as make a page."""
    straight = one_line(picture, direction)
    return bent(picture, straight) or columns(straight)


def bent(picture: Picture, straight: Layout) -> Layout | None:
    """The U of a network with nested skips that runs downwards."""
    pixels = {key: box.pixels for key, box in picture.boxes.items()}
    return valley(straight, pixels) if straight.direction == "down" else None


def one_line(picture: Picture, direction: Direction) -> Layout:
    """Places for everything, from one end to the other."""
    segments = _segments(picture)
    inner: dict[str, _Laid] = {}
    for frame in reversed(picture.frames.values()):
        inner[frame.key] = _Laid(picture, frame, segments[frame.key], inner, direction)
    return _assembled(picture, inner, direction)


def _segments(picture: Picture) -> dict[str, list[Segment]]:
    """The wires cut at the borders of frames; what one item reads of one tensor is one segment."""
    parents = picture.parents()
    found: dict[str, dict[Segment, None]] = {key: {} for key in picture.frames}
    for source, target in picture.wires:
        outwards, inwards = _ancestry(source, parents), _ancestry(target, parents)
        while len(outwards) > 1 and len(inwards) > 1 and outwards[-2] == inwards[-2]:
            outwards.pop()
            inwards.pop()
        found[outwards[-1]][Segment(source, outwards[-2], inwards[-2])] = None
        for item, frame in pairwise(outwards[:-1]):
            found[frame][Segment(source, item, None)] = None
        for item, frame in pairwise(inwards[:-1]):
            found[frame][Segment(source, None, item)] = None
    return {key: list(segments) for key, segments in found.items()}


def _ancestry(key: str, parents: dict[str, str]) -> list[str]:
    """A box, the frame around it, and so on outwards."""
    found = [key]
    while found[-1] != OUTER:
        found.append(parents[found[-1]])
    return found


class _Laid:
    """One frame with its items placed; `entries` and `exits` are where tensors cross its border, from its axis."""

    def __init__(
        self, picture: Picture, frame: Frame, segments: list[Segment], inner: dict[str, _Laid], direction: Direction
    ) -> None:
        self.frame = frame
        self.direction = direction
        arranged = plan(frame.items, _flow(frame, segments), _results(picture, frame, segments))
        attached = attachments(arranged, segments)
        address = addresses(arranged, attached)
        ins = [(s.tensor, address[s.end][0][1] == 0) for s in segments if s.start is None and s.end]
        last = len(arranged.main.children) - 1
        outs = [(s.tensor, address[s.start][0][1] == last) for s in segments if s.end is None and s.start]
        self.entries, self.exits = _ports(ins, picture.boxes), _ports(outs, picture.boxes)
        frames = [key for key in frame.items if key in inner]
        border = Border(
            {None: self.entries, **{key: inner[key].entries for key in frames}},
            {None: self.exits, **{key: inner[key].exits for key in frames}},
        )
        ways = [way(segment, arranged, address) for segment in segments]
        boxes = [picture.boxes[key] for key in frame.items if key in picture.boxes]
        drawn = {box.key: box_drawn(box, direction) for box in boxes}
        extents = {box.key: box_extent(box, direction) for box in boxes} | {key: inner[key].extent for key in frames}
        insets = {key: (extents[key].height - drawn[key].height) / 2 for key in drawn}
        merges = {box.key: merge_halves(box, direction) for box in boxes if box.kind == "merge"}
        shortcuts = {box.key for box in boxes if box.shortcut}
        shapes = {box.key for box in boxes if box.shape} | {key for key in frames if inner[key].frame.shape}
        crossed = len(self.entries), len(self.exits)
        down = direction == "down"
        room = Room(
            arranged,
            ways,
            extents,
            merges,
            shortcuts,
            shapes if down else set(),
            titled=bool(frame.title) and down,
            least=0.0 if down or frame.key == OUTER else sum(title_widths(frame)),
            ports=crossed,
        )
        self.places = Places(arranged, room, attached)
        wires = Wires(self.places, border, insets)
        blocks = [box.key for box in boxes if box.kind == "scope"]
        inwards: dict[str | None, Ports] = {
            key: wires.ports(key, ways, min(drawn[key].left, drawn[key].right)) for key in blocks
        }
        wires = Wires(self.places, border.entered(inwards), insets)
        self.routes = [wires.route(each) for each in ways]
        self.extent: Extent = self._extent()

    def _extent(self) -> Extent:
        content = self.places.extent
        if self.frame.key == OUTER:
            return content
        if self.direction == "right":
            below = PADDING + (UNDER if self.frame.shape else 0)
            return Extent(content.left + PADDING + TITLE, content.right + below, content.height)
        title, badge = title_widths(self.frame)
        ports = max(self.entries.values(), default=0.0)
        left = max(content.left + PADDING, title, shape_width(self.frame))
        right = max(content.right + PADDING, badge + ports, shape_width(self.frame))
        return Extent(left, right, content.height)


def _flow(frame: Frame, segments: Iterable[Segment]) -> Flow:
    return Flow.of(frame.items, ((s.start, s.end) for s in segments if s.start is not None and s.end is not None))


def _results(picture: Picture, frame: Frame, segments: Iterable[Segment]) -> list[str]:
    """The items of a frame that others read, or in the outermost one those of the network's outputs."""
    if frame.key == OUTER:
        parents = picture.parents()
        return [_outermost(key, parents) for key in picture.results]
    return [segment.start for segment in segments if segment.end is None and segment.start is not None]


def _outermost(key: str, parents: Mapping[str, str]) -> str:
    """The item of the outermost frame that a box is, or stands in."""
    while parents[key] != OUTER:
        key = parents[key]
    return key


def _ports(tensors: Iterable[tuple[str, bool]], boxes: Iterable[str]) -> dict[str, float]:
    """Where each tensor crosses a border: on the axis if it goes straight on (the bool says so), else beside.

    Several stand in the order in which they are made, on both sides of a border, so that they do not cross there.
    """
    straight: dict[str, bool] = {}
    for tensor, goes_on in tensors:
        straight[tensor] = straight.get(tensor, False) or goes_on
    made = (tensor for tensor in boxes if tensor in straight)
    order = sorted(made, key=lambda tensor: not straight[tensor])
    return {tensor: place * PORT for place, tensor in enumerate(order)}


def _assembled(picture: Picture, laid: dict[str, _Laid], direction: Direction) -> Layout:
    """All frames put together, from the outermost inwards."""
    whole = laid[OUTER].extent
    before, above = (MARGIN, HEADING) if direction == "down" else (HEADING, MARGIN)
    origin: dict[str, tuple[float, float]] = {OUTER: (before + whole.left, above)}
    boxes: dict[str, Rectangle] = {}
    rooms: dict[str, Rectangle] = {}
    frames: dict[str, Rectangle] = {}
    routes: list[Route] = []
    for key in picture.frames:
        axis, y = origin[key]
        extent = laid[key].extent
        frames[key] = Rectangle(axis - extent.left, y, extent.width, extent.height, axis)
        routes.extend(route.moved(axis, y) for route in laid[key].routes)
        for item, (x, down) in laid[key].places.at.items():
            origin[item] = (axis + x, y + down)
            if key == OUTER:
                room = laid[key].places.room.extents[item]
                rooms[item] = Rectangle(axis + x - room.left, y + down, room.width, room.height, axis + x)
            if item in picture.boxes:
                drawn = box_drawn(picture.boxes[item], direction)
                top = y + down + (laid[key].places.room.extents[item].height - drawn.height) / 2
                boxes[item] = Rectangle(axis + x - drawn.left, top, drawn.width, drawn.height, axis + x)
    width, height = before + whole.width + MARGIN, above + whole.height + MARGIN
    return Layout(width, height, boxes, frames, tuple(routes), rooms, direction, before)
