"""The text of one generated class: docstring, `__init__` and `forward`."""

from __future__ import annotations

from cnndsl.backends.torch import names
from cnndsl.backends.torch.arguments import NO_DEFAULT, Argument
from cnndsl.backends.torch.classes import Classes, ModuleClass
from cnndsl.backends.torch.constructor import Constructor, construct
from cnndsl.backends.torch.expressions import roll
from cnndsl.backends.torch.forward import Forward
from cnndsl.backends.torch.header import base_name, docstring
from cnndsl.backends.torch.layout import INDENT, WIDTH, lay_out, signature
from cnndsl.backends.torch.results import Results
from cnndsl.backends.torch.tree import Section
from cnndsl.ir.graph import Graph
from cnndsl.ir.scopes import own_name
from cnndsl.ops.base import literal


def define(each: ModuleClass, classes: Classes, graph: Graph, results: Results | None, reserved: frozenset[str]) -> str:
    """The source of a class; `results` are those of the network if it is its class."""
    made = construct(each, classes)
    lines = [f"class {each.name}(nn.Module):", *_docstring(each), "", *_init(each, made), ""]
    return "\n".join(lines + _forward(each, made, graph, results, reserved))


def _init(each: ModuleClass, made: Constructor) -> list[str]:
    lines = signature("__init__", ["self", *map(_parameter, each.arguments)], "None", INDENT)
    for statement in ["super().__init__()", *made.statements]:
        lines += lay_out(statement, 2 * INDENT)
    return lines


def _parameter(argument: Argument) -> str:
    default = "" if argument.default is NO_DEFAULT else f" = {literal(argument.default)}"
    return f"{argument.name}: {argument.annotation}{default}"


def _forward(
    each: ModuleClass, made: Constructor, graph: Graph, results: Results | None, reserved: frozenset[str]
) -> list[str]:
    parameters = _inputs(each, graph, reserved)
    shapes = {node.name: node.shape for node in graph} if len(each.instances) == 1 else None
    borrowed: dict[str, str] = {}
    for path in each.model.borrows:
        borrowed[path] = names.variable(own_name(path), reserved, [*parameters, *borrowed.values()])
    fields = results.variables if results else {}
    forward = Forward(each.model, made, parameters, shapes, fields, reserved, borrowed)
    forward.write()
    end = list(results.statements(forward)) if results else [f"return {forward.result()}"]
    returns = results.annotation if results else _returns(each.model)
    taken = [*(f"{each}: Tensor" for each in parameters), *(f"{each}: nn.Module" for each in borrowed.values())]
    lines = signature("forward", ["self", *taken], returns, INDENT)
    for statement in roll(forward.statements, made.folded):
        lines += lay_out(statement.text, 2 * INDENT, statement.comment)
    for text in end:
        lines += lay_out(text, 2 * INDENT)
    return lines


def _returns(section: Section) -> str:
    makers = {tensor: part for part in section.parts for tensor in part.outputs}
    optional = [makers[tensor].train_only and not section.train_only for tensor in section.outputs]
    types = ["Tensor | None" if absent else "Tensor" for absent in optional]
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def _inputs(each: ModuleClass, graph: Graph, reserved: frozenset[str]) -> list[str]:
    """The names under which `forward` takes its inputs: `x` first, others as they are called in every instance."""
    inputs = each.model.inputs
    bundled = [name for name in inputs if name in each.model.scope.takes]
    if not each.model.path and len(inputs) > 1:
        wanted = list(inputs)
    elif len(bundled) > 1:
        others = range(len(bundled), len(inputs))
        wanted = [*(f"x{i + 1}" for i in range(len(bundled))), *(_shared_name(each, i, graph) for i in others)]
    else:
        wanted = ["x" if i == 0 else _shared_name(each, i, graph) for i in range(len(inputs))]
    found: list[str] = []
    for name in wanted:
        found.append(names.variable(name, reserved, found))
    return found


def _shared_name(each: ModuleClass, position: int, graph: Graph) -> str:
    called = {_label(instance.inputs[position], graph) for instance in each.instances}
    return called.pop() if len(called) == 1 else "skip"


def _label(tensor: str, graph: Graph) -> str:
    """The name that the author gave a tensor, or its scope; `skip` for lack of one."""
    path, _, name = tensor.rpartition(".")
    if not path or names.is_given(name, graph[tensor].op.word):
        return name
    scope = path.rpartition(".")[2]
    return scope if names.is_given(scope, graph.scopes[path].block or graph.scopes[path].kind) else "skip"


def _docstring(each: ModuleClass) -> list[str]:
    """The author's comment on a block, and where it stands."""
    lines = [f"{INDENT}{line}".rstrip() for line in f'"""{docstring(_description(each))}'.split("\n")]
    if len(lines) == 1 and len(lines[0]) + 3 <= WIDTH:
        return [f'{lines[0]}"""']
    return [*lines, f'{INDENT}"""']


def _description(each: ModuleClass) -> str:
    section = each.model
    written = f"{_what(each)}, from {_where(each)}."
    return f"{section.scope.doc}\n\n{written}" if section.scope.doc and section.path else written


def _what(each: ModuleClass) -> str:
    section = each.model
    if not section.path:
        return "The network"
    if section.scope.block is not None:
        return f"`{section.scope.block}`"
    kind = section.scope.kind.capitalize()
    return f"{kind} `{section.name}`" if len(each.instances) == 1 else kind


def _where(each: ModuleClass) -> str:
    """The lines on which its parts are written: `resnet.arch:9-13`; its own, if it has none."""
    lines = [part.line for part in each.model.parts] or [each.model.line]
    source = lines[0][0]
    numbers = [number for file, number in lines if file is source]
    last = f"-{max(numbers)}" if max(numbers) > min(numbers) else ""
    return f"{base_name(source)}:{min(numbers)}{last}"
