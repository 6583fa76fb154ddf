"""A graph as a module that runs it layer by layer: what PyTorch records of it is known to be of one layer.

A generated module says what a person wants to read, and merges steps where that reads better. The weights are called
the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from cnndsl.backends.torch import names
from cnndsl.backends.torch.expressions import fill
from cnndsl.backends.torch.loading import execute
from cnndsl.backends.torch.results import in_order
from cnndsl.backends.torch.snippets import IMPORTS
from cnndsl.ir.graph import Graph, Node
from cnndsl.ir.scopes import in_state
from cnndsl.ops.base import TorchExpression, TorchModule, literal

STEPS = "_steps"  # no part of a network is called so


class Step(nn.Module):
    """A layer at one of its places; the layer itself, which another step may use again, stands elsewhere."""

    def __init__(self, node: Node, call: Callable[..., Tensor]) -> None:
        super().__init__()
        self.node, self.call = node, call

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.call(*inputs)


class Steps(nn.Module):
    """The layers of a graph, one after the other, in eval mode; it gives a tuple of all outputs, heads among them."""

    def __init__(self, graph: Graph, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.graph = graph
        self.keys: dict[str, str] = {}  # in a state dict of the network, by the names that tensors have here
        spellings = {node.name: node.op.torch(*graph.input_shapes(node)) for node in graph if node.op.arity != 0}
        known = _definitions(spellings.values(), graph.name)
        layers: dict[str, nn.Module] = {}
        steps = []
        for name, spelling in spellings.items():
            node = graph[name]
            if isinstance(spelling, TorchModule) and not node.again:
                layers[name] = eval(spelling.constructor(), known)
                self._plant(node, layers[name])
            steps.append(Step(node, _call(spelling, len(node.inputs), known, layers.get(node.again or name))))
        self._modules[STEPS] = nn.ModuleList(steps)
        self.steps = steps
        self.forward = _with_names(self.run, [names.field(node.name) for node in graph.inputs])
        self.eval().requires_grad_(False)
        self._load(state)

    def _plant(self, node: Node, layer: nn.Module) -> None:
        """Put a layer at its place in a tree of modules, from which its tensors have their names."""
        path = [names.attribute(part) for part in in_state(node.name).split(".")]
        home: nn.Module = self
        for part in path[:-1]:
            inner = home._modules.get(part) or nn.Module()
            home._modules[part] = home = inner
        home._modules[path[-1]] = layer
        self.keys |= {".".join([*path, tensor]): node.key(tensor) for tensor in layer.state_dict()}

    def _load(self, state: Mapping[str, Tensor]) -> None:
        """Take over tensors by the names that a generated module gives them; a count of training may be absent."""
        own = self.state_dict(keep_vars=True)
        for name, key in self.keys.items():
            if key in state or own[name].is_floating_point():
                own[name].copy_(state[key])

    def run(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        tensors = self.tensors(*inputs)
        found: list[Tensor] = []
        for output in in_order(self.graph):
            tensor = tensors[output.node]
            taken = any(tensor is other for other in (*inputs, *found))
            found.append(tensor.clone() if taken else tensor)  # a program gives no tensor twice, and none of its inputs
        return tuple(found)

    def tensors(self, *inputs: Tensor) -> dict[str, Tensor]:
        """What every layer gives, by its name."""
        found = dict(zip((node.name for node in self.graph.inputs), inputs, strict=True))
        for step in self.steps:
            found[step.node.name] = step(*(found[name] for name in step.node.inputs))
        return found


def _definitions(spellings: Iterable[TorchModule | TorchExpression], name: str) -> dict[str, Any]:
    """What the texts of layers may use, by name."""
    modules = [each for each in spellings if isinstance(each, TorchModule) and each.source]
    parts = dict.fromkeys([*(each.helper for each in modules), *(each.source for each in modules if each.source)])
    return vars(execute("\n\n".join([*IMPORTS, *parts]), name))


def _call(
    spelling: TorchModule | TorchExpression, inputs: int, known: Mapping[str, Any], layer: nn.Module | None
) -> Callable[..., Tensor]:
    """The function of a layer from its input tensors to its result."""
    given = [f"x{index}" for index in range(inputs)]
    if isinstance(spelling, TorchModule):
        text = f"layer({fill(spelling.inputs, given, {})})"
    else:
        text = fill(spelling.template, given, {name: literal(value) for name, value in spelling.values.items()})
    call: Callable[..., Tensor] = eval(f"lambda {', '.join(given)}: {text}", {**known, "layer": layer})
    return call


def _with_names(run: Callable[..., Any], inputs: list[str]) -> Callable[..., Any]:
    """`run` with named inputs, which a recorded program then has."""
    called: Callable[..., Any] = eval(f"lambda {', '.join(inputs)}: run({', '.join(inputs)})", {"run": run})
    return called
