"""A finding about tensors that do not go together: what is to blame, where they come from, and what to try."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from cnndsl.diagnostics import Label
from cnndsl.elaborate.causes.candidate import Candidate
from cnndsl.elaborate.causes.conflict import Conflict, definitions_behind
from cnndsl.elaborate.causes.history import CHANNELS, Step
from cnndsl.elaborate.causes.search import Search
from cnndsl.elaborate.causes.wording import became, rounding
from cnndsl.elaborate.drafts import Drafts, NodeDraft, ScopeDraft, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.values import Failed
from cnndsl.ops import show_shape
from cnndsl.ops.base import LayerError, Op, Shape
from cnndsl.source import Span
from cnndsl.syntax import tree


def conflict_of(
    elaborator: Elaborator,
    tensors: Sequence[Tensor],
    fits: Callable[[Sequence[Shape]], bool],
    wanted: Sequence[Shape | None],
    entering: Tensor | None = None,
) -> Conflict:
    """What there is to know of tensors that do not go together at this point."""
    drafts = elaborator.drafts
    ends, settled = tuple(tensor.node for tensor in tensors), frozenset(elaborator.settled)
    inside = None if entering is None else entering.node
    search = elaborator.context.search or Search(left=0)
    return Conflict(drafts, elaborator.module, search, ends, fits, tuple(wanted), inside, settled)


def mergeable(op: Op) -> Callable[[Sequence[Shape]], bool]:
    """Whether a merge takes branches of these shapes."""

    def fits(shapes: Sequence[Shape]) -> bool:
        try:
            op.output(*shapes)
        except LayerError:
            return False
        return True

    return fits


def tell(
    elaborator: Elaborator,
    code: str,
    message: str,
    meeting: Span,
    scope: ScopeDraft,
    conflict: Conflict,
    candidates: Callable[[], Iterable[Candidate]],
    *,
    values: Sequence[str] = (),
    help: str | None = None,
) -> Failed:
    """Report tensors that do not go together at the layer that is to blame, if there is one."""
    context, cause = elaborator.context, blamed(conflict)
    span, label = (meeting, "") if cause is None else (shown_at(conflict, cause.draft, scope), became(cause))
    labels = labels_of(conflict, span, meeting, scope, values)
    tried = sought(elaborator, code, span, candidates, conflict)
    return context.fail(code, message, span, label=label, labels=labels, help=help, candidates=tried)


def sought(
    elaborator: Elaborator,
    code: str,
    span: Span,
    candidates: Callable[[], Iterable[Candidate]],
    conflict: Conflict | None = None,
) -> tuple[Candidate, ...]:
    """The candidates of a finding that is new, as long as there are few."""
    search = elaborator.context.search
    if search is not None and conflict is not None:
        blocks = [each for each in definitions_behind(conflict) if isinstance(each, tree.BlockDefinition)]
        search.behind.setdefault((code, span), tuple(each.name.span for each in blocks))
    return ranked(candidates()) if search is not None and search.is_wanted(code, span) else ()


def blamed(conflict: Conflict) -> Step | None:
    """The layer that most likely made the ends differ: what nobody would write, then what rounds, then the last."""
    found: Step | None = None
    best = 0
    for end, steps in enumerate(conflict.histories):
        for step in steps:
            weight = _weight(conflict, end, step)
            if weight > best:
                found, best = step, weight
    return found


def _weight(conflict: Conflict, end: int, step: Step) -> int:
    """How suspicious a layer is; 0 if it changed nothing that differs."""
    axes = [axis for axis in range(len(conflict.shape(end))) if conflict.differs(end, axis)]
    if CHANNELS in axes and len(axes) == 1:
        return 2 if step.decides(CHANNELS) else 0
    places = [axis for axis in axes if axis != CHANNELS]
    if len(step.before) != 3 or len(step.after) != 3 or not any(step.changed(axis) for axis in places):
        return 0
    if getattr(step.draft.op, "stride", None) == (1, 1):
        return 4
    return 3 if any(rounding(step, axis) for axis in places) else 2


def origin(drafts: Drafts, end: int) -> NodeDraft:
    """Where a tensor got its shape: what kept it behind that is passed over."""
    node = drafts.nodes[end]
    while len(node.inputs) == 1 and drafts.nodes[node.inputs[0]].shape == node.shape:
        node = drafts.nodes[node.inputs[0]]
    return node


def shown_at(conflict: Conflict, node: NodeDraft, scope: ScopeDraft) -> Span:
    """Where a layer is told to be: at itself, or at the call that led to it from the definition of `scope`."""
    around = {id(each) for each in conflict.text.scopes_around(scope)}
    call = None
    for each in conflict.text.scopes_of(node):
        if id(each) in around:
            break
        if each.block is not None and each.kind == "block":
            call = each
    return node.span if call is None else call.span


def labels_of(
    conflict: Conflict, cause: Span, meeting: Span, scope: ScopeDraft, values: Sequence[str]
) -> tuple[Label, ...]:
    """The other places of a disagreement: where the ends meet, where each comes from, what rounds on the way."""
    found: dict[tuple[str, int, int], Label] = {}
    for label in (*_notes(conflict, scope), *_ends(conflict, scope, values), Label(meeting, "they meet here")):
        key = (label.span.source.name, label.span.start, label.span.end)
        if label.span != cause:
            found.setdefault(key, label)
    return tuple(found.values())


def _ends(conflict: Conflict, scope: ScopeDraft, values: Sequence[str]) -> Iterator[Label]:
    for number, end in enumerate(conflict.ends):
        node = origin(conflict.drafts, end)
        known = f" ({values[number]})" if number < len(values) and values[number] else ""
        comes = "comes in" if not node.inputs else "is made"
        yield Label(shown_at(conflict, node, scope), f"{show_shape(node.shape)} {comes} here{known}")


def _notes(conflict: Conflict, scope: ScopeDraft) -> Iterator[Label]:
    """The first layer that rounds on a way, and the one that should have come back."""
    for end, steps in enumerate(conflict.histories):
        axes = [axis for axis in (1, 2) if len(conflict.shape(end)) == 3 and conflict.differs(end, axis)]
        rounds = [step for step in steps for axis in axes if rounding(step, axis)]
        grown = [step for step in steps for axis in axes if _grows(step, axis)]
        for step in (*rounds[:1], *(grown[:1] if rounds else ())):
            yield Label(shown_at(conflict, step.draft, scope), became(step))


def _grows(step: Step, axis: int) -> bool:
    return len(step.before) == len(step.after) == 3 and step.after[axis] > step.before[axis]


def ranked(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The most natural first; each text once."""
    found: dict[object, Candidate] = {}
    for candidate in sorted(candidates, key=lambda each: each.cost):
        found.setdefault((candidate.fix.edits, str(candidate.input)), candidate)
    return tuple(found.values())
