"""Other sizes of the input: the nearest that goes through without a remainder, or the smallest that is large enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict, behind
from cnndsl.elaborate.causes.history import enlarges, reshaped, upstream
from cnndsl.elaborate.causes.wording import rounding
from cnndsl.elaborate.given_inputs import GivenInputs
from cnndsl.ops import show_shape
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.ops.inputs import Input
from cnndsl.records import replace
from cnndsl.source import Span
from cnndsl.syntax import tree

_REACH = 64  # pixels more or fewer
_USUAL = (28, 32, 48, 64, 96, 112, 128, 160, 192, 224, 227, 256, 299, 300, 320, 331, 384, 416, 448, 480, 512, 600, 640)
_LARGEST = 1024
_OFFERED = 24  # sizes that fit here and are still to be tried on the whole network
_MOST_WORK = 100_000  # layers whose shapes are looked at
SKEWED = 20  # what an input that is no square any more costs more
_MOST_CHANNELS = 4  # of an image as it is taken


def near_inputs(conflict: Conflict, given: GivenInputs | None) -> Iterator[Candidate]:
    """Sizes near the input's with which the ends go together; `given` are those that a caller has set."""
    yield from _equal_inputs(conflict, given)
    source = _the_input(conflict)
    axes = {axis for end in range(len(conflict.ends)) for axis in (1, 2) if _differs(conflict, end, axis)}
    if source is None or not axes:
        return
    yield from _channels_first(conflict, source, given)
    shape = conflict.drafts.nodes[source].shape
    cost = _cost(conflict, axes)
    for size in _fitting(conflict, source, _squares(conflict, shape)):
        yield _candidate(conflict, source, size, cost, "what comes of it is square", given, None)
    fitting = [*_fitting(conflict, source, [*_near(shape, axes)])]
    multiples = {size: _multiple(conflict, source, size) for size in fitting}
    for size in sorted(fitting, key=lambda size: multiples[size] is None):
        words = _words(shape, size, multiples[size])
        odd = SKEWED * (shape[1] == shape[2] and size[1] != size[2])
        yield _candidate(conflict, source, size, cost + odd, words, given, multiples[size])


def _cost(conflict: Conflict, axes: set[int]) -> int:
    """How odd another input would be: little where a map grows again that was rounded."""
    returning = [steps for steps in conflict.histories if any(map(enlarges, steps))]
    rounded = any(rounding(step, axis) for steps in returning for step in steps for axis in axes)
    return 24 if rounded else 30 if returning else 55


def large_inputs(conflict: Conflict, given: GivenInputs | None) -> Iterator[Candidate]:
    """The smallest sizes above the input's with which a window fits."""
    source = _the_input(conflict)
    if source is None:
        return
    yield from _channels_first(conflict, source, given)
    shape = conflict.drafts.nodes[source].shape
    most = min(_LARGEST, _MOST_WORK // len(conflict.drafts))
    for size in _smallest(conflict, source, [_grown(shape, n) for n in range(1, most)]):
        small = _candidate(conflict, source, size, 20, f"{show_shape(shape)} is too small", given, None)
        yield replace(small, moves=False)


def _smallest(conflict: Conflict, source: int, sizes: list[Shape]) -> Iterator[Shape]:
    """Of the sizes with which the layer fits, the first for each map that it may get: what comes then may need more."""
    seen: set[Shape] = set()
    for size in sizes:
        shapes = conflict.shapes({source: Input(size)}) if len(seen) < _OFFERED else None
        if shapes is not None and shapes[0] not in seen and conflict.fits(shapes):
            seen.add(shapes[0])
            yield size


def _channels_first(conflict: Conflict, source: int, given: GivenInputs | None) -> Iterator[Candidate]:
    """`3 x 224 x 224` for `224 x 224 x 3`, which the numbers give away; if all shapes are written so, in all."""
    rows, columns, channels = conflict.drafts.nodes[source].shape
    if channels <= _MOST_CHANNELS < min(rows, columns):
        found = _candidate(conflict, source, (channels, rows, columns), 2, "channels come first", given, None)
        yield found
        turned = tuple(edit for claim in conflict.text.claims() for edit in _turned(claim))
        if turned and found.fix.edits:
            fix = Fix(f"{found.fix.title}, with channels first in all shapes", (*found.fix.edits, *turned))
            yield replace(found, fix=fix)


def _turned(claim: tree.Expression) -> tuple[Edit, ...]:
    """An image's shape with its last number first."""
    if isinstance(claim, tree.SizeLiteral) and len(claim.parts) == 3:
        between, parts = "x", claim.span.text.split("x")
    elif isinstance(claim, tree.Operation) and claim.operators == ("x", "x"):
        between, parts = " x ", [operand.span.text for operand in claim.operands]
    else:
        return ()
    return (Edit(claim.span, between.join([parts[-1], *parts[:-1]])),)


def _equal_inputs(conflict: Conflict, given: GivenInputs | None) -> Iterator[Candidate]:
    """For ends that come from an input each, the size of one for the other."""
    sources = [_images(conflict, upstream(conflict.drafts, end)) for end in conflict.ends]
    if len(sources) != 2 or any(len(images) != 1 for images in sources):
        return
    (one,), (other,) = sources
    for source, size in ((other, conflict.drafts.nodes[one].shape), (one, conflict.drafts.nodes[other].shape)):
        if one != other and conflict.mends({source: Input(size)}):
            words = f"the other input is {show_shape(size)}"
            yield _candidate(conflict, source, size, 14, words, given, None)


def _grown(shape: Shape, n: int) -> Shape:
    """An image of much the same proportions whose shorter side is `n` longer."""
    channels, height, width = shape
    short = min(height, width)
    return (channels, -(-height * (short + n) // short), -(-width * (short + n) // short))


def _differs(conflict: Conflict, end: int, axis: int) -> bool:
    return len(conflict.shape(end)) == 3 and conflict.differs(end, axis)


def _the_input(conflict: Conflict) -> int | None:
    """The one image that all comes from."""
    images = _images(conflict, behind(conflict))
    return images[0] if len(images) == 1 else None


def _images(conflict: Conflict, nodes: set[int]) -> list[int]:
    """The inputs among some nodes; none if any is no image."""
    drafts = conflict.drafts.nodes
    inputs = [node for node in sorted(nodes) if isinstance(drafts[node].op, Input)]
    return inputs if all(len(drafts[node].shape) == 3 for node in inputs) else []


def _squares(conflict: Conflict, shape: Shape) -> list[Shape]:
    """Of an input that is none, where all that is wanted is square."""
    wanted = [each[1:] for each in conflict.wanted if each is not None]
    square = all(len(sides) == 2 and sides[0] == sides[1] for sides in wanted)
    return [(shape[0], side, side) for side in shape[1:]] if square and shape[1] != shape[2] else []


def _near(shape: Shape, axes: set[int]) -> Iterator[Shape]:
    """Other shapes: whole multiples above both sides, others by distance, larger ones first, and those of data sets.

    A square stays one.
    """
    if shape[1] != shape[2]:
        for step in (2, 4, 8, 16, 32, 64):
            yield (shape[0], -(-shape[1] // step) * step, -(-shape[2] // step) * step)
        if len(axes) == 2:
            return
    for distance in range(1, _REACH + 1):
        for by in (distance, -distance):
            size = tuple(n + by if axis in axes else n for axis, n in enumerate(shape))
            if all(4 * new >= 3 * old for new, old in zip(size, shape, strict=True)):
                yield size
    if shape[1] == shape[2]:
        yield from ((shape[0], side, side) for side in sorted(_USUAL, key=lambda side: abs(side - shape[1])))


def _fitting(conflict: Conflict, source: int, sizes: list[Shape]) -> Iterator[Shape]:
    """Those of the sizes with which the ends go together, as long as looking takes no long time."""
    found = 0
    for size in sizes[: max(8, _MOST_WORK // len(conflict.drafts))]:
        if found < _OFFERED and conflict.mends({source: Input(size)}):
            found += 1
            yield size


def _candidate(
    conflict: Conflict,
    source: int,
    size: Shape,
    cost: int,
    words: str,
    given: GivenInputs | None,
    multiple: int | None,
) -> Candidate:
    """An input of this size, as an edit of its statement or as what a caller is to ask for."""
    draft = conflict.drafts.nodes[source]
    statement = conflict.text.inputs.get(draft.span)
    edits = () if given is not None or statement is None else _edits(conflict, statement, draft.shape, size)
    of = f" (a multiple of {multiple})" if multiple else ""
    title = f"`input {show_shape(size)}` fits{of}" if given is None else f"{show_shape(size)} fits{of}"
    place: Span = statement.shape.span if statement is not None else draft.span
    instead = None if given is None else _instead(given, statement, size)
    return Candidate(Fix(title, edits), cost, place, words, input=instead, family="input")


def _instead(given: GivenInputs, statement: tree.Input | None, size: Shape) -> GivenInputs:
    """What a caller gives, with another size for this input."""
    if not isinstance(given, Mapping):
        return size
    name = statement.label.id if statement is not None and statement.label is not None else Input.word
    return {**given, name: size}


def _words(shape: Shape, size: Shape, multiple: int | None) -> str:
    odd = [n for n, other in zip(shape[1:], size[1:], strict=True) if n != other]
    if multiple is None:
        return "the shapes below come from another size"
    sizes = [*dict.fromkeys(map(str, odd))]
    return f"{' and '.join(sizes)} {'is no multiple' if len(sizes) == 1 else 'are no multiples'} of {multiple}"


def _multiple(conflict: Conflict, source: int, size: Shape) -> int | None:
    """By how much the network makes this size smaller, if that divides it."""
    nodes = sorted(upper for upper in behind(conflict) if len(conflict.drafts.nodes[upper].shape) == 3)
    shapes = reshaped(conflict.drafts, {source: Input(size)}, nodes)
    before = conflict.drafts.nodes[source].shape
    if shapes is None:
        return None
    axis = next(axis for axis in (1, 2) if size[axis] != before[axis])
    smallest = min(shape[axis] for shape in shapes)
    whole, rest = divmod(size[axis], smallest)
    return whole if rest == 0 and whole > 1 and smallest > 1 else None


def _edits(conflict: Conflict, statement: tree.Input, before: Shape, size: Shape) -> tuple[Edit, ...]:
    """The new numbers in place of the old ones; none if they are not written as numbers."""
    if not conflict.text.editable(statement.span):
        return ()
    if isinstance(statement.shape, tree.SizeLiteral):
        return (Edit(statement.shape.span, "x".join(map(str, size))),)
    if not isinstance(statement.shape, tree.Operation) or len(statement.shape.operands) != len(size):
        return ()
    edits: dict[Span, Edit] = {}
    for operand, old, new in zip(statement.shape.operands, before, size, strict=True):
        *_, place = conflict.text.origins(operand, (conflict.text.root,))
        if old != new:
            if not isinstance(place, tree.Literal) or place.value != old:
                return ()
            edits[place.span] = Edit(place.span, str(new))
    return tuple(edits.values())


def window_fits(op: Op, shapes: Sequence[Shape]) -> bool:
    """Whether a layer takes tensors of these shapes."""
    try:
        op.output(*shapes)
    except LayerError:
        return False
    return True
