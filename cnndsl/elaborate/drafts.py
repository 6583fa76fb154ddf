"""The graph while it grows: nodes by number, scopes as a tree; instance paths are given at the end.

A name is numbered only if it occurs more than once in its scope (`conv`, or `conv1`, `conv2`), which is known
when the scope is complete. Labels keep the name they were given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from cnndsl.ir import Graph, Node, Output, Scope
from cnndsl.ir.scopes import list_of
from cnndsl.ops.base import Op, Shape
from cnndsl.ops.fractal import DropPathDraw
from cnndsl.records import dataclass, field
from cnndsl.source import Span


@dataclass(frozen=True, slots=True)
class Tensor:
    """The value that flows: the number of the node it comes from, and its shape."""

    node: int
    shape: Shape


@dataclass(frozen=True, slots=True)
class Bundle:
    """Several tensors that flow together, in order; nothing is left of that in the graph."""

    items: tuple[Tensor, ...]


@dataclass(slots=True)
class ScopeDraft:
    kind: str
    name: str
    span: Span
    labelled: bool = False
    block: str | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)
    doc: str = ""
    takes: tuple[Tensor, ...] = ()
    gives: tuple[Tensor, ...] = ()
    children: list[ScopeDraft | NodeDraft] = field(default_factory=list)
    again: ScopeDraft | None = None
    path: str = ""

    @property
    def first(self) -> ScopeDraft:
        """The scope itself, or the one that it is once more."""
        return self.again or self

    def open(self, kind: str, name: str, span: Span, *, labelled: bool = False) -> ScopeDraft:
        """Begin a scope inside this one."""
        inner = ScopeDraft(kind, name, span, labelled)
        self.children.append(inner)
        return inner

    def carry(self, x: object, y: object) -> None:
        """Remember the bundles among what flows in and out."""
        self.takes, self.gives = (each.items if isinstance(each, Bundle) else () for each in (x, y))


@dataclass(slots=True)
class NodeDraft:
    op: Op
    inputs: tuple[int, ...]
    shape: Shape
    span: Span
    name: str
    labelled: bool
    again: NodeDraft | None = None
    path: str = ""

    @property
    def first(self) -> NodeDraft:
        """The node itself, or the one whose weights it has."""
        return self.again or self


class Drafts:
    """Nodes in definition order, and the scope of the whole network."""

    def __init__(self, root: ScopeDraft) -> None:
        self.root = root
        self.nodes: list[NodeDraft] = []

    def __len__(self) -> int:
        return len(self.nodes)

    def add(
        self, op: Op, inputs: Iterable[Tensor], shape: Shape, span: Span, scope: ScopeDraft, name: str, labelled: bool
    ) -> Tensor:
        node = NodeDraft(op, tuple(tensor.node for tensor in inputs), shape, span, name, labelled)
        scope.children.append(node)
        self.nodes.append(node)
        return Tensor(len(self.nodes) - 1, shape)

    def graph(self, name: str, outputs: Iterable[tuple[str, Tensor, bool]]) -> Graph:
        """Give every node and scope its path, and make the graph. Scopes in which nothing stands are dropped."""
        self._drop_unused_draw()
        scopes = self._name_everything()
        nodes = [
            Node(n.path, n.op, tuple(self.nodes[i].path for i in n.inputs), n.shape, n.span, _path(n.again))
            for n in self.nodes
            if n.path
        ]
        results = [Output(label, self.nodes[tensor.node].path, train_only) for label, tensor, train_only in outputs]
        return Graph(name, nodes, results, scopes)

    def _drop_unused_draw(self) -> None:
        """Every network starts with a drop-path draw, because a fractal deep inside may need one; most do not."""
        read = {source for node in self.nodes for source in node.inputs}
        unused = {id(n) for i, n in enumerate(self.nodes) if isinstance(n.op, DropPathDraw) and i not in read}
        self.root.children = [child for child in self.root.children if id(child) not in unused]

    def _name_everything(self) -> list[Scope]:
        scopes: list[ScopeDraft] = []
        pending = [self.root]
        while pending:
            draft = pending.pop()
            scopes.append(draft)
            draft.children = [child for child in draft.children if _holds_something(child)]
            _number(draft)
            pending.extend(child for child in reversed(draft.children) if isinstance(child, ScopeDraft))
        return [self._scope(draft) for draft in scopes]

    def _scope(self, draft: ScopeDraft) -> Scope:
        takes, gives = (tuple(self.nodes[each.node].path for each in some) for some in (draft.takes, draft.gives))
        again = _path(draft.again)
        return Scope(draft.path, draft.kind, draft.span, draft.block, draft.arguments, draft.doc, takes, gives, again)


def _path(draft: ScopeDraft | NodeDraft | None) -> str:
    return draft.path if draft is not None else ""


def _holds_something(child: ScopeDraft | NodeDraft) -> bool:
    pending = [child]
    while pending:
        current = pending.pop()
        if isinstance(current, NodeDraft):
            return True
        pending.extend(current.children)
    return False


def _number(scope: ScopeDraft) -> None:
    """Give the children of a scope their names: labels first, then layers' names, numbered where they repeat.

    What keeps its name is settled before anything is numbered, and a number that would make a name that is taken is
    passed over, so that no two children are called alike.
    """
    occurrences = Counter(child.name for child in scope.children)
    lists = {of for child in scope.children if (of := list_of(child.name)) is not None}
    occurrences.update(dict.fromkeys(lists, 1))  # no part is called like a list of others
    labels = Counter(child.name for child in scope.children if child.labelled)
    taken = {name for name, count in occurrences.items() if count == 1 or labels[name] == 1}
    rounds: Counter[str] = Counter()
    for child in scope.children:
        name = child.name
        if occurrences[name] > 1 and not (child.labelled and labels[name] == 1):
            name = _next_free(name, rounds, taken)
        child.path = f"{scope.path}.{name}" if scope.path else name


def _next_free(name: str, rounds: Counter[str], taken: set[str]) -> str:
    """`name` with the next number that makes a name of its own, which is taken from now on."""
    while True:
        rounds[name] += 1
        numbered = f"{name}{rounds[name]}"
        if numbered not in taken:
            taken.add(numbered)
            return numbered
