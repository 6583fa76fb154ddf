"""From a module and a network's name to its graph: variants, the caller's parameters, outputs, claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cnndsl.diagnostics import Diagnostic, Report
from cnndsl.diagnostics.suggest import closest
from cnndsl.elaborate.binding import Call, bind
from cnndsl.elaborate.context import MAX_NODES, Context
from cnndsl.elaborate.drafts import Drafts, ScopeDraft, Tensor
from cnndsl.elaborate.elaborator import Claim, Elaborator, LabelUse, Place, Settings, TooLarge
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.modules import Module
from cnndsl.elaborate.signatures import parameters_of
from cnndsl.elaborate.values import Env, Failed
from cnndsl.ir import Graph
from cnndsl.ops.arguments import ArgumentError, Parameter
from cnndsl.ops.base import Shape
from cnndsl.source import Source, Span
from cnndsl.syntax import tree
from cnndsl.syntax.parser import parse_expression


class ParameterError(Exception):
    """A parameter set from outside (`-p name=value`) that the network does not take; one line."""


@dataclass
class Elaboration:
    """What elaborating one network gives.

    `graph` holds all nodes up to the first mistake of each flow; it has no outputs if the main flow failed.
    `claims` are the expectations to be held against its facts.
    """

    graph: Graph
    claims: list[Claim] = field(default_factory=list)
    labels: list[LabelUse] = field(default_factory=list)
    called: set[Span] = field(default_factory=set)
    complete: bool = True


def elaborate_network(
    module: Module,
    name: str,
    report: Report,
    *,
    parameters: Mapping[str, object] | None = None,
    input: Shape | None = None,
    max_nodes: int = MAX_NODES,
) -> Elaboration:
    """Elaborate one network of a module, with a caller's parameters and input shape if given.

    Raises `ParameterError` for parameters it does not have or values they do not take. With `parameters` or
    `input`, the file's `expect` claims are not checked, with `input` its shape ascriptions neither: they speak
    of the network as the file has it.
    """
    context = Context(report, name, max_nodes)
    try:
        base, bound = _resolve(module, name, context)
    except Failed:
        return Elaboration(Graph(name, (), ()), complete=False)
    settings = Settings(input, hold_claims=input is None)
    signature = parameters_of(base.parameters, context)
    outside = _outside(module, name, signature, parameters or {}, context)
    root = ScopeDraft("network", "", base.span, block=name, doc=module.networks[name].doc)
    elaborator = Elaborator(context, Drafts(root), settings)
    x = _run(elaborator, module, base, {**bound, **outside}, root)
    claims = [] if outside or input is not None else _claims(elaborator, module, name)
    outputs = [("output", x, False), *elaborator.heads] if isinstance(x, Tensor) else []
    graph = elaborator.drafts.graph(name, outputs)
    return Elaboration(graph, claims, list(elaborator.label_uses.values()), elaborator.called, bool(outputs))


def _run(
    elaborator: Elaborator,
    module: Module,
    base: tree.NetworkDefinition,
    bound: Mapping[str, object],
    root: ScopeDraft,
) -> object:
    context = elaborator.context
    missing = [p.name for p in base.parameters if p.default is None and p.name.id not in bound]
    if missing:
        help = f"set it with `-p {missing[0].id}=...`, or write a variant that gives it"
        context.fail("E305", f"network `{context.network}` needs `{missing[0].id}`", base.name.span, help=help)
        return None
    try:
        env = elaborator.parameters(base.parameters, bound, module, None, None)
        root.arguments = {p.name.id: env.names[p.name.id] for p in base.parameters}
        x = elaborator.body(base.body, Place(module, env, {}, root), None)
    except TooLarge:
        return None
    except RecursionError:
        context.stack.clear()
        context.fail("E104", "blocks and braces are nested too deep", base.name.span)
        return None
    if x is None:
        help = "begin with `input 3 x 224 x 224`"
        context.fail("E319", f"network `{context.network}` is empty", base.name.span, help=help)
    elif isinstance(x, Tensor) and x in elaborator.inputs and not elaborator.heads:
        context.fail("E319", f"network `{context.network}` has no layers", base.name.span)
    return x


def _resolve(module: Module, name: str, context: Context) -> tuple[tree.NetworkDefinition, dict[str, object]]:
    """The network a variant comes from, with the arguments on the way, the outer ones winning."""
    chain: list[tree.VariantDefinition] = []
    definition = module.networks[name]
    while isinstance(definition, tree.VariantDefinition):
        if definition in chain:
            raise context.fail("E310", f"variant `{name}` comes back to itself", definition.name.span)
        chain.append(definition)
        base = definition.base
        if base.id not in module.networks:
            guess = closest(base.id, list(module.networks))
            help = f"did you mean `{guess}`?" if guess else None
            if base.id in module.blocks:
                help = f"`{base.id}` is a block; a network has an `input`"
            raise context.fail("E318", f"there is no network `{base.id}` in this file", base.span, help=help)
        definition = module.networks[base.id]
    signature = parameters_of(definition.parameters, context)
    bound: dict[str, object] = {}
    for variant in reversed(chain):
        evaluator = Evaluator(context, module, Env())
        call = Call(variant.base.id, signature)
        bound.update(bind(evaluator, call, variant.arguments, variant.span, partial=True))
    return definition, bound


def _outside(
    module: Module, name: str, signature: tuple[Parameter, ...], given: Mapping[str, object], context: Context
) -> dict[str, object]:
    """The caller's parameters as values: strings are read as expressions of the language."""
    known = {parameter.name: parameter for parameter in signature}
    values: dict[str, object] = {}
    for key, value in given.items():
        if key not in known:
            guess = closest(key, list(known))
            listed = f"it has {', '.join(known)}" if known else "it has none"
            hint = f"did you mean {guess}?" if guess else listed
            raise ParameterError(f"network {name} has no parameter {key}; {hint}")
        if isinstance(value, str):
            value = _evaluate(module, key, value)
        elif isinstance(value, tuple):
            value = list(value)
        try:
            values[key] = known[key].kind.accept(value)
        except ArgumentError as error:
            raise ParameterError(f"parameter {key}: {error}") from None
    return values


def _evaluate(module: Module, key: str, text: str) -> object:
    mistakes = Report()
    expression = parse_expression(Source(f"-p {key}", text), mistakes)
    if expression is not None:
        try:
            return Evaluator(Context(mistakes), module, Env()).value(expression)
        except Failed:
            pass
    first = next(iter(mistakes))
    raise ParameterError(f"parameter {key}={text}: {first.message}")


def _claims(elaborator: Elaborator, module: Module, name: str) -> list[Claim]:
    """A network's own claims; a variant has those of its own braces, not its base's."""
    definition = module.networks[name]
    if isinstance(definition, tree.NetworkDefinition):
        return elaborator.claims
    claims = []
    for statement in definition.body.statements if definition.body else ():
        if isinstance(statement, tree.Expect):
            claims.append(Claim(statement.claim, Evaluator(elaborator.context, module, Env())))
        else:
            message = "a variant's braces hold `expect` claims alone"
            elaborator.context.report.add(Diagnostic("E316", message, statement.span))
    return claims
