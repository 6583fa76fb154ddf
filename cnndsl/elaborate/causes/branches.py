"""What else could stand in a merge: another label, a layer that makes the channels right, a shortcut that follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cnndsl.diagnostics import Edit, Fix
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict
from cnndsl.elaborate.causes.explain import shown_at
from cnndsl.elaborate.causes.history import CHANNELS, enlarges
from cnndsl.elaborate.drafts import Drafts, ScopeDraft, Tensor
from cnndsl.elaborate.names import parts_of
from cnndsl.elaborate.place import Labelling, Labels
from cnndsl.ops import show_shape
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.source import Span
from cnndsl.syntax import tree

POOLS = ("maxpool", "avgpool")
POOL = 38  # what a further one costs


def other_labels(
    conflict: Conflict, reads: Mapping[int, tree.Labelled], made: Sequence[range], labels: Labels
) -> Iterator[Candidate]:
    """Other tensors that a branch could begin with; one that nothing reads is the likeliest."""
    used = {part.id for part in parts_of(labels.body) if isinstance(part, tree.Labelled)}
    shapes = [conflict.shape(end) for end in range(len(conflict.ends))]
    for end, read in reads.items():
        now = _tensor(labels.tensors.get(read.id))
        if now is None:  # one of several, or a bundle
            continue
        beside = {other.id for number, other in reads.items() if number != end}
        for name, label in labels.tensors.items():
            tensor = _tensor(label)
            if tensor is None or tensor.node == now.node or name in beside:  # the same twice is nothing to merge
                continue
            shape = _branch_shape(conflict.drafts, now, tensor, made[end], conflict.ends[end])
            if shape is not None and conflict.fits([*shapes[:end], shape, *shapes[end + 1 :]]):
                title = f"`from {name}` is {show_shape(tensor.shape)}"
                fix = Fix(title, (Edit(read.span, name),))
                words = f"`{read.id}` is {show_shape(now.shape)}"
                yield Candidate(fix, 45 if name in used else 11, read.span, words)


def _tensor(label: Labelling | None) -> Tensor | None:
    return label.x if label is not None and isinstance(label.x, Tensor) else None


def _branch_shape(drafts: Drafts, before: Tensor, start: Tensor, nodes: range, end: int) -> Shape | None:
    """What a branch would come to if it began with another tensor."""
    shapes = {before.node: start.shape}
    for node in nodes:
        draft = drafts.nodes[node]
        try:
            shapes[node] = draft.op.output(*(shapes.get(i, drafts.nodes[i].shape) for i in draft.inputs))
        except LayerError:
            return None
    return shapes.get(end)


def reduced_branches(conflict: Conflict, command: tree.Command, ends: Sequence[int]) -> Iterator[Candidate]:
    """A 1x1 convolution in a branch of a `concat` that has none, so that the channels come to what is claimed."""
    wanted, have = conflict.wanted[0], conflict.shape(0)
    statements = command.body.statements if command.body is not None else ()
    flows = [each.flow for each in statements if isinstance(each, tree.Branch) and isinstance(each.flow, tree.Flow)]
    if wanted is None or wanted[1:] != have[1:] or len(flows) != len(ends):
        return
    for flow, end in zip(flows, ends, strict=True):
        channels = conflict.drafts.nodes[end].shape[CHANNELS]
        filters = wanted[CHANNELS] - have[CHANNELS] + channels
        if 0 < filters < channels and not any("filters" in _parameters(conflict, each) for each in flow.elements):
            yield _reduced(conflict, flow, channels, filters)


def _parameters(conflict: Conflict, element: tree.Element) -> tuple[str, ...]:
    """The arguments that the layer of a command has; those of blocks are as good as `filters`."""
    if not isinstance(element, tree.Command):
        return () if isinstance(element, tree.Read) else ("filters",)
    nodes = [node.op for node in conflict.drafts.nodes if node.span == element.span]
    return tuple(vars(nodes[0])) if nodes else ("filters",) * (element.name.id != "identity")


def _reduced(conflict: Conflict, flow: tree.Flow, channels: int, filters: int) -> Candidate:
    last = flow.elements[-1]
    source = flow.span.source
    alone = len(flow.elements) == 1 and isinstance(last, tree.Command) and last.name.id == "identity"
    edit = Edit(last.span, f"conv 1x1, {filters}")
    if not alone:
        edit = Edit(source.span(last.span.end, last.span.end), f" -> conv 1x1, {filters}")
    title = f"`conv 1x1, {filters}` in this branch of line {last.span.line} makes it {filters} channels of {channels}"
    cost = 15 if isinstance(flow.elements[0], tree.Read) else 18  # the way past is the one that is reduced
    return Candidate(Fix(title, (edit,)), cost, last.span, f"this branch has {channels} channels")


def fitted_branches(
    conflict: Conflict, flows: Sequence[tree.Flow | None], made: Sequence[range]
) -> Iterator[Candidate]:
    """A layer at the end of a branch: it makes a vector, or a larger map, or channels if nothing else does."""
    for end, flow in enumerate(flows):
        wanted, have = conflict.wanted[end], conflict.shape(end)
        if flow is None or wanted is None:
            continue
        words = f"this branch is {show_shape(have)}"
        if len(wanted) == 1 and have[1:] == (1, 1):
            yield _followed(flow, "flatten", have[:1], 20, words)
        elif len(wanted) == len(have) == 3:
            ops = [conflict.drafts.nodes[node].op for node in made[end]]
            yield from _fitted(conflict, flow, ops, wanted, have, words)


def _fitted(
    conflict: Conflict, flow: tree.Flow, ops: Sequence[Op], wanted: Shape, have: Shape, words: str
) -> Iterator[Candidate]:
    """A layer that makes one image as large as another, or gives it as many channels."""
    if wanted[CHANNELS] == have[CHANNELS] and (scale := _scale(have, wanted)):
        # A stride in it, or a scale that is written somewhere, is the likelier slip.
        layer = f"upsample {scale}"
        doubtful = any(getattr(op, "stride", (1, 1)) != (1, 1) for op in ops) or _is_scaled(conflict)
        usual = any(each.span.text == layer for each in conflict.text.commands.values())
        yield _followed(flow, layer, wanted, (36 if usual else 55) if doubtful else 22, words)
    elif wanted[1:] == have[1:] and not any(hasattr(op, "filters") for op in ops):
        yield _followed(flow, f"conv 1x1, {wanted[CHANNELS]}", wanted, 21, words)


def missing_pool(conflict: Conflict, scope: ScopeDraft, meeting: Span) -> Iterator[Candidate]:
    """A pool like others of the file where an end that is too large has parted from the others, or from a claim."""
    for end, steps in enumerate(conflict.histories):
        wanted, have = conflict.wanted[end], conflict.shape(end)
        own = [step for step in steps if step.draft.inputs]  # nothing stands before an input
        if own and hasattr(own[-1].draft.op, "round"):  # nobody writes a pool before a pool
            continue
        if wanted is None or not own or not len(wanted) == len(have) == 3 or not (scale := _scale(wanted, have)):
            continue
        pools = [each for each in conflict.text.commands.values() if each.name.id in POOLS]
        text = next((each.span.text for each in pools if each.span.text.endswith(f"/{scale}")), None)
        place = _before_rounds(conflict, shown_at(conflict, own[-1].draft, scope), meeting)
        if text is not None and conflict.text.editable(place):
            before = place.text.split("\n")[0]
            fix = Fix(f"`{text}` before `{before}` in line {place.line}", (Edit(_start(place), f"{text} -> "),))
            yield Candidate(fix, POOL, place, f"nothing makes {show_shape(own[-1].before)} smaller here")


def _before_rounds(conflict: Conflict, place: Span, meeting: Span) -> Span:
    """A place, or the outermost `repeat` around it that is over before the ends meet: a pool in it would come again."""
    commands = conflict.text.commands.values()
    repeats = [each.span.to(each.body.span) for each in commands if each.name.id == "repeat" and each.body]
    around = [each for each in repeats if each.holds(place) and not each.holds(meeting)]
    return min(around, key=lambda each: each.start, default=place)


def _start(place: Span) -> Span:
    return place.source.span(place.start, place.start)


def _is_scaled(conflict: Conflict) -> bool:
    """Whether a layer behind the ends enlarges by a factor that its text says."""
    steps = [step for steps in conflict.histories for step in steps if enlarges(step)]
    return any(hasattr(step.draft.op, "scale") or hasattr(step.draft.op, "stride") for step in steps)


def _scale(have: Shape, wanted: Shape) -> str:
    """How many times as high and wide one image is, if that is whole numbers."""
    down, across = wanted[1] // have[1], wanted[2] // have[2]
    exact = (have[1] * down, have[2] * across) == wanted[1:]
    return "" if not exact or (down, across) == (1, 1) else f"{down}" + f"x{across}" * (down != across)


def _followed(flow: tree.Flow, layer: str, wanted: Shape, cost: int, words: str) -> Candidate:
    last = flow.elements[-1]
    end = flow.span.source.span(last.span.end, last.span.end)
    alone = len(flow.elements) == 1 and isinstance(last, tree.Command) and last.name.id == "identity"
    edit = Edit(last.span, layer) if alone else Edit(end, f" -> {layer}")
    title = f"`{layer}` at the end of this branch of line {last.span.line} makes {show_shape(wanted)}"
    return Candidate(Fix(title, (edit,)), cost, last.span, words)


def with_shortcut(residual: tree.Command, x: Shape, y: Shape, stride: tuple[int, int]) -> Candidate:
    """`shortcut=projection` in place of what the residual has."""
    argument = next((each for each in residual.arguments if each.name and each.name.id == "shortcut"), None)
    end = residual.arguments[-1].span.end if residual.arguments else residual.name.span.end
    edit = Edit(residual.span.source.span(end, end), f"{',' * bool(residual.arguments)} shortcut=projection")
    if argument is not None:
        edit = Edit(argument.value.span, "projection")
    strided = "" if stride == (1, 1) else f" of stride {stride[0]}" + f"x{stride[1]}" * (stride[0] != stride[1])
    title = f"`residual shortcut=projection` inserts a 1x1 conv with {y[0]} filters{strided}"
    usual = stride != (1, 1) or (y[0] > x[0] and y[0] % x[0] == 0)
    words = f"the shortcut is {show_shape(x)}"
    return Candidate(Fix(title, (edit,)), 8 if usual else 35, residual.name.span, words)
