"""From node to node of a file: what is constant is worked out, and every other step has a reader or is unread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from cnndsl.foreign.axes import sizes
from cnndsl.foreign.onnx import convolutions, elementwise, moves, norms, parts, pools, resizing
from cnndsl.foreign.onnx.drafts import Drafts, Origin, Tensor, Weight
from cnndsl.foreign.onnx.folding import run_node
from cnndsl.foreign.onnx.names import origin_of
from cnndsl.foreign.onnx.softmax import READERS as SOFTMAX
from cnndsl.foreign.onnx.step import Step, Value
from cnndsl.foreign.onnx.types import inferred
from cnndsl.foreign.onnx.unreadable import Broken, Unreadable
from cnndsl.ops.base import LayerError

Reader = Callable[[Step], Tensor | Sequence[Tensor]]
READERS: Mapping[str, Reader] = {
    **convolutions.READERS,
    **pools.READERS,
    **norms.READERS,
    **elementwise.READERS,
    **moves.READERS,
    **parts.READERS,
    **resizing.READERS,
    **SOFTMAX,
}
DOMAINS = ("", "ai.onnx")
MOST = 2**28  # numbers that a file may work out from constants
LARGE = ("ConstantOfShape", "Expand", "Tile")  # whose last input says how many
RANDOM = ("RandomNormal", "RandomUniform", "Bernoulli", "Multinomial")
WHY = {
    "QuantizeLinear": "the file is quantised: it computes with whole numbers",
    "DequantizeLinear": "the file is quantised: it computes with whole numbers",
    "If": "what it does is decided while the network runs",
    "Loop": "how often it runs is decided while the network runs",
    "Scan": "how often it runs is decided while the network runs",
}


class Walk:
    """Reads the steps of a model into `drafts`; `values` says what each name of the file stands for."""

    def __init__(
        self,
        drafts: Drafts,
        values: dict[str, Value],
        opset: int,
        known: Mapping[str, tuple[int, ...]],
        kinds: dict[str, int],
    ) -> None:
        self.drafts, self.values, self.opset, self.known = drafts, values, opset, known
        self.kinds = kinds
        self.makers: dict[str, Step] = {}
        self.readers: dict[str, list[str]] = defaultdict(list)
        self.half = any(each.values.dtype.itemsize == 2 for each in values.values() if isinstance(each, Weight))

    def run(self, nodes: Sequence[Any]) -> None:
        for node in nodes:
            for name in node.input:
                self.readers[name].append(node.op_type)
        for node in nodes:
            step = self._step(node)
            if (branch := _decided(step)) is not None:
                self.run_branch(branch)
                self._keep(node, [self._value(each.name, node) for each in branch.output])
                made = zip(node.output, (self.makers.get(each.name) for each in branch.output), strict=False)
                self.makers |= {name: maker for name, maker in made if maker is not None}
                continue
            if node.domain in DOMAINS and (folded := self._folded(step)) is not None:
                self._keep(node, folded)
            else:
                self._keep(node, self._read(step))
            self._note(step)

    def run_branch(self, graph: Any) -> None:
        """The steps of an `If` whose condition is known; they read what stands around it."""
        from onnx import numpy_helper

        self.values |= {each.name: Weight(numpy_helper.to_array(each), each.name) for each in graph.initializer}
        self.run(graph.node)

    def _note(self, step: Step) -> None:
        """Who made each result; what only hands on a tensor, as a product with 1 does, is not looked at again."""
        names = [name for name in step.node.output if name]
        handed = next(
            (name for name in step.node.input if names and self.values.get(name) is self.values[names[0]]), None
        )
        self.makers |= dict.fromkeys(names, self.makers.get(handed, step) if handed else step)

    def _step(self, node: Any) -> Step:
        from onnx.helper import get_attribute_value

        inputs = tuple(self._value(name, node) if name else None for name in node.input)
        attributes = {each.name: get_attribute_value(each) for each in node.attribute}
        readers = self.readers[node.output[0]] if node.output else ()
        around = self.drafts, origin_of(node), self.makers, readers, self.half
        return Step(node, attributes, inputs, len(node.output), self.opset, *around)

    def _value(self, name: str, node: Any) -> Value:
        if name not in self.values:
            raise Broken(f"{step_name(node)} reads {name}, which nothing gives")
        return self.values[name]

    def _keep(self, node: Any, results: Sequence[Value]) -> None:
        for name, value in zip(node.output, results, strict=False):
            if name and name in self.values:
                raise Broken(f"{step_name(node)} gives {name}, which is there already")
            self.values[name] = value

    def _folded(self, step: Step) -> list[Weight] | None:
        """The results of what depends on nothing but constants and shapes; None for other steps."""
        import numpy as np

        if step.operator in ("Shape", "Size") and step.has(0):
            value = step.inputs[0]
            dims = sizes(value.axes) if isinstance(value, Tensor) else value.values.shape if value else ()
            whole = np.array(dims, np.int64)
            if step.operator == "Size":
                return [Weight(np.array(whole.prod()))]
            return [Weight(whole[step.attribute("start", 0) : step.attribute("end")])]
        if any(isinstance(value, Tensor) for value in step.inputs) or step.operator.startswith(RANDOM):
            return None
        if step.operator in WHY and "Quantize" not in step.operator and "quantize" not in step.operator:
            return None
        return self._worked_out(step)

    def _worked_out(self, step: Step) -> list[Weight] | None:
        constants = [value.values if isinstance(value, Weight) else None for value in step.inputs]
        if step.operator in LARGE and prod(step.whole_numbers("shape", len(constants) - 1) or ()) > MOST:
            raise Broken(f"{step.origin} makes more than {MOST:,} numbers of a constant")
        try:
            results = run_node(step.node, self.opset, constants)
        except Unreadable as error:
            raise Broken(f"{step.origin}: {error}") from error
        name = step.node.output[0] if step.operator in ("Identity", "Constant", "ConstantOfShape") else ""
        return [Weight(value, name) for value in results]

    def _read(self, step: Step) -> Sequence[Tensor]:
        shapes = inferred(step, self.known, self.kinds)
        try:
            result = self._reader(step)(step)
            results = [result] if isinstance(result, Tensor) else list(result)
            self._check(results, shapes)
            return [*results, *self._left_out(step, shapes, len(results))]
        except (Unreadable, LayerError) as error:
            return list(self._unread(step, shapes, str(error)))
        except (
            ArithmeticError,
            LookupError,
            MemoryError,
            TypeError,
            ValueError,
        ):  # blocks of size 0, axes that are not there
            return list(self._unread(step, shapes, "its numbers make no sense"))

    def _reader(self, step: Step) -> Reader:
        if step.node.domain not in DOMAINS:
            raise Unreadable(f"the operators of {step.node.domain} are not known")
        if step.operator not in READERS:
            raise Unreadable(WHY.get(step.operator, f"no layer computes {step.operator}"))
        return READERS[step.operator]

    def _check(self, results: Sequence[Tensor], shapes: Sequence[tuple[int, ...] | None]) -> None:
        """What ONNX says comes out is what comes out of the layer."""
        for result, expected in zip(results, shapes, strict=False):
            if expected is not None and sizes(result.axes) != expected:
                ours, theirs = (" x ".join(map(str, each)) for each in (sizes(result.axes), expected))
                raise Unreadable(f"it gives {theirs} where a layer gives {ours}")

    def _left_out(self, step: Step, shapes: Sequence[tuple[int, ...] | None], given: int) -> Iterator[Tensor]:
        """The results behind those that a layer gives, such as the places of maxima, if something reads them."""
        if any(self.readers.get(name) for name in step.node.output[given:]):
            yield from list(self._unread(step, shapes, "no layer gives this of its results"))[given:]

    def _unread(self, step: Step, shapes: Sequence[tuple[int, ...] | None], why: str) -> Iterator[Tensor]:
        sources = [self._plainly(value, step.origin) for value in step.inputs if isinstance(value, Tensor)]
        for name, dims in zip(step.node.output, shapes, strict=True):
            if not name:
                continue
            if dims is None:
                raise Broken(f"{step.origin} cannot be read, and the file does not say what shape it gives")
            if not dims or dims[0] != self.drafts.batch:
                why = why or "it mixes the samples of a batch"
            yield self.drafts.tensor(self.drafts.unread(sources, step.origin, dims, why))

    def _plainly(self, value: Tensor, origin: Origin) -> int:
        """The layer that gives a tensor; where its values lie otherwise and no layer says so, the one before that."""
        try:
            return self.drafts.strict(value, origin)
        except Unreadable:
            return value.node


def _decided(step: Step) -> Any:
    """The branch of an `If` that is taken whatever the input is, as its condition is constant."""
    condition = step.inputs[0] if step.operator == "If" and step.inputs else None
    if not isinstance(condition, Weight) or condition.values.size != 1:
        return None
    return step.attribute("then_branch" if condition.values.reshape(()) else "else_branch")


def step_name(node: Any) -> str:
    return f"{node.op_type} of {node.name or node.output[0]}"
