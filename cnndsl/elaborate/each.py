"""`each`: a body for every tensor of a bundle, and the values that go with them."""

from __future__ import annotations

from cnndsl.elaborate import layers
from cnndsl.elaborate.context import Round
from cnndsl.elaborate.drafts import Bundle, Tensor
from cnndsl.elaborate.elaborator import Elaborator
from cnndsl.elaborate.place import Flowing, Place, tensors_of
from cnndsl.elaborate.scoping import claim_names, unpack
from cnndsl.elaborate.tensors import count
from cnndsl.elaborate.values import POISON, Poison
from cnndsl.ops import show_shape
from cnndsl.syntax import tree


def each(elaborator: Elaborator, element: tree.Each, place: Place, x: Flowing) -> Flowing:
    """Run the body on every tensor, each time in a scope of its own; what comes out flows on together."""
    if isinstance(x, Poison):
        return POISON
    if x is None:
        raise layers.no_input(elaborator, "each", element.span)
    if isinstance(x, Tensor):
        message = f"`each` goes over a bundle, and one tensor comes, {show_shape(x.shape)}"
        help = "`group { | ... | ... }` and `split` make bundles"
        raise elaborator.context.fail("E209", message, element.span, help=help)
    values = _values(elaborator, element, place, x)
    free = claim_names(elaborator.context, place.inner().env, element.names)
    results = []
    for number, (tensor, names) in enumerate(zip(x.items, values, strict=True), start=1):
        elaborator.context.step(element.span)
        inner = place.inner({name: value for name, value in names.items() if name in free})
        inner.env.places.update({name.id: name.span for name in element.names})
        scope = place.scope.open("branch", "branch", element.span)
        with elaborator.context.inside(Round(number, len(x.items), names, "tensors")):
            results.append(elaborator.body(element.body, inner.within(scope), tensor))
    tensors = tuple(tensor for result in results for tensor in tensors_of(result))
    return POISON if POISON in results else Bundle(tensors)


def _values(elaborator: Elaborator, element: tree.Each, place: Place, x: Bundle) -> list[dict[str, object]]:
    """What the names mean for each tensor: of several, the first is its index and the others take the item apart."""
    if element.items is None:
        return [{} for _ in x.items]
    items = elaborator.evaluator(place).rounds(element.items, "`each`")
    if len(items) != len(x.items):
        message = f"`each` has {len(items)} items for {count(x.items)}"
        raise elaborator.context.fail("E210", message, element.items.span)
    index, rest = ((), element.names) if len(element.names) == 1 else (element.names[:1], element.names[1:])
    return [
        {name.id: number for name in index} | unpack(elaborator.context, item, rest, element.items.span)
        for number, item in enumerate(items)
    ]
