"""From a module and a network's name to its graph: variants, the caller's parameters, outputs, claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from cnndsl.diagnostics import Diagnostic, Label, Report
from cnndsl.elaborate.binding import Call
from cnndsl.elaborate.blocks import parameters as parameter_names
from cnndsl.elaborate.causes.search import Search
from cnndsl.elaborate.claim import Claim
from cnndsl.elaborate.context import MAX_NODES, NODES_PER_NETWORK, Budget, Context, TooLarge
from cnndsl.elaborate.dispatch import HANDLERS
from cnndsl.elaborate.drafts import Drafts, ScopeDraft, Tensor
from cnndsl.elaborate.elaborator import Elaborator, Settings
from cnndsl.elaborate.env import Env
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.given_inputs import GivenInputs, check_alone, check_named
from cnndsl.elaborate.given_parameters import accept_parameters
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.outputs import results
from cnndsl.elaborate.place import Flowing, Labels, LabelUse, Passing, Place
from cnndsl.elaborate.signatures import parameters_of
from cnndsl.elaborate.values import POISON, Failed, Poison
from cnndsl.errors import ParameterError
from cnndsl.ir import Graph
from cnndsl.records import dataclass, field, replace
from cnndsl.syntax import tree

_MOST_DISTRUSTED = 3  # claims of one network
_MOST_SEARCHED = 20_000  # layers of a network for which repairs are sought
_SEARCHED = ("E201", "E202", "E203", "E204", "E205", "E206", "E211")


@dataclass
class Elaboration:
    """What elaborating one network gives.

    graph     all nodes up to the first mistake of each flow; without outputs if the main flow failed
    claims    the expectations to be held against its facts
    ran       the bodies that were run, by their ids
    passings  the shapes before and after every link of a chain, in the order in which they ran
    names     the instance paths of the layers by their numbers there; "" for one that is not in the graph
    complete  whether the graph is the whole network, heads that were left out aside, and of the shapes it claims
    """

    graph: Graph
    claims: list[Claim] = field(default_factory=list)
    labels: list[LabelUse] = field(default_factory=list)
    ran: set[int] = field(default_factory=set)
    complete: bool = True
    passings: list[Passing] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


_Attempt: TypeAlias = Callable[[Report, Settings], tuple["Elaboration", dict[str, Diagnostic]]]


def elaborate_network(
    module: Module,
    name: str,
    report: Report,
    *,
    parameters: Mapping[str, object] | None = None,
    input: GivenInputs | None = None,
    max_nodes: int = MAX_NODES,
    budget: Budget | None = None,
    search: Search | None = None,
) -> Elaboration:
    """Elaborate one network of a module, with a caller's parameters and input shapes if given.

    Raises `ParameterError` for parameters or inputs it does not have or values they do not take. With `parameters` or
    `input`, the file's `expect` claims are not checked, with `input` its shape ascriptions neither: they speak
    of the network as the file has it. Train-only heads that do not fit on another `input` than the network's own are
    left out. A `search` is given changes of the text that could mend what is wrong about shapes.
    """

    shared = budget or Budget.of(max_nodes)

    def attempt(
        found: Report, settings: Settings, search: Search | None = None
    ) -> tuple[Elaboration, dict[str, Diagnostic]]:
        context = Context(found, name, module.source, max_nodes=max_nodes, budget=shared, search=search)
        done = _elaborate(module, name, context, parameters or {}, settings)
        shared.spend(context.nodes + NODES_PER_NETWORK, context.steps)
        return done

    found, done, settings = _by_claims(attempt) if input is None else _by_heads(attempt, input)
    report.extend(found)
    if search is not None and len(done.graph) < _MOST_SEARCHED and any(each.code in _SEARCHED for each in found.errors):
        attempt(Report(), settings, search)
    return done


def parameter_values(module: Module, name: str, given: Mapping[str, object]) -> dict[str, object]:
    """A caller's parameters as the network takes them. Raises `ParameterError` for those that it does not."""
    try:
        base, _ = _resolve(module, name, Context(Report()))
    except (Failed, TooLarge):
        raise ParameterError(f"network {name} has no parameters: what it is a variant of is broken") from None
    return accept_parameters(module, name, parameters_of(base.parameters), given)


def _by_claims(attempt: _Attempt) -> tuple[Report, Elaboration, Settings]:
    """Elaborate as the claims of shapes say; one after which less is wrong without it is wrong itself."""
    found, settings = Report(), Settings()
    done, _ = attempt(found, settings)
    for _ in range(_MOST_DISTRUSTED):
        claim = next((each for each in found.errors if each.code == "E205"), None)
        if claim is None or len(found.errors) < 2:
            break
        less, without = Report(), Settings(distrusted=settings.distrusted | {claim.span})
        instead, _ = attempt(less, without)
        if len(less.errors) >= len(found.errors):
            break
        done, found, settings = instead, less, without
    return found, done, settings


def _by_heads(attempt: _Attempt, input: GivenInputs) -> tuple[Report, Elaboration, Settings]:
    """Elaborate on another input than the file's, without the train-only heads that do not fit there."""
    left_out: dict[str, Diagnostic] = {}
    labels: list[LabelUse] = []  # which heads that are left out may read
    while True:
        found, settings = Report(), Settings(input, hold_claims=False, left_out=left_out)
        done, unfit = attempt(found, settings)
        labels += done.labels
        if not unfit:
            return found, replace(done, labels=labels), settings
        left_out = {**left_out, **unfit}


def _elaborate(
    module: Module, name: str, context: Context, parameters: Mapping[str, object], settings: Settings
) -> tuple[Elaboration, dict[str, Diagnostic]]:
    """Elaborate once; gives also the train-only heads that do not fit on an input which is not the network's own."""
    try:
        base, bound = _resolve(module, name, context)
    except (Failed, TooLarge):
        return Elaboration(Graph(name, (), ()), complete=False), {}
    outside = accept_parameters(module, name, parameters_of(base.parameters), parameters)
    definition = module.networks[name]
    root = ScopeDraft("network", "", base.span, block=name, doc=definition.doc)
    elaborator = Elaborator(context, Drafts(root), module, HANDLERS, settings)
    labels = Labels(base.body)
    x = _run(elaborator, module, definition, base, {**bound, **outside}, root, labels)
    _check_inputs(elaborator, name)
    if isinstance(definition, tree.VariantDefinition):
        elaborator.claims = _claims_of_variant(elaborator, module, definition, elaborator.claims)
    claims = [] if outside or settings.input is not None else elaborator.claims
    outputs = results(elaborator, x, labels)
    graph = elaborator.drafts.graph(name, outputs)
    uses = list(elaborator.label_uses.values())
    given = {tensor.node for _, tensor, _ in outputs}
    for use in uses:
        use.names_result = not given.isdisjoint(use.nodes)
    complete = bool(outputs) and elaborator.whole
    unfit = elaborator.unfit if elaborator.resized else {}
    names = [draft.path for draft in elaborator.drafts.nodes]
    return Elaboration(graph, claims, uses, elaborator.ran, complete, elaborator.passings, names), unfit


def _check_inputs(elaborator: Elaborator, name: str) -> None:
    """Whether the shapes that a caller gives are for inputs that are there."""
    given, inputs = elaborator.settings.input, elaborator.stated_inputs
    if not isinstance(given, Mapping):
        check_alone(inputs if given is not None else (), name)
    elif elaborator.context.report.ok:  # else an input may not have been reached
        check_named(given, inputs, name)


def _resolve(module: Module, name: str, context: Context) -> tuple[tree.NetworkDefinition, dict[str, object]]:
    """The network that a variant comes from, with the arguments on the way, the outer ones winning."""
    chain: list[tree.VariantDefinition] = []
    definition = module.networks[name]
    while isinstance(definition, tree.VariantDefinition):
        if definition.span in module.recursive or definition.base.id not in module.networks:
            raise Failed(name)  # which was reported when the file was loaded
        chain.append(definition)
        definition = module.networks[definition.base.id]
    signature = parameters_of(definition.parameters)
    bound: dict[str, object] = {}
    for variant in reversed(chain):
        context.node(variant.span)
        evaluator = Evaluator(context, module, Env(module.env))
        call = Call(variant.base.id, signature)
        bound.update(evaluator.bind(call, variant.arguments, variant.span, partial=True))
    return definition, bound


def _run(
    elaborator: Elaborator,
    module: Module,
    definition: tree.NetworkDefinition | tree.VariantDefinition,
    base: tree.NetworkDefinition,
    bound: Mapping[str, object],
    root: ScopeDraft,
    labels: Labels,
) -> Flowing:
    """Run the network's body; gives what flows at its end."""
    context = elaborator.context
    if missing := [p.name for p in base.parameters if p.default is None and p.name.id not in bound]:
        return _incomplete(context, definition, missing)
    try:
        env = parameter_names(elaborator, base.parameters, bound, module, module.env, None)
        root.arguments = {p.name.id: env.names[p.name.id] for p in base.parameters}
        x = elaborator.body(base.body, Place(module, env, labels, root), None)
    except Failed:
        return POISON
    except TooLarge:
        elaborator.drafts = Drafts(root)  # what there is of it is of no use
        root.children.clear()
        return POISON
    except RecursionError:  # the caller of all this has used up most of Python's stack
        context.stack.clear()
        context.fail("E104", "blocks and braces are nested too deep", base.name.span)
        return POISON
    if x is None and not elaborator.lacks_input:
        help = "begin with `input 3 x 224 x 224`"
        context.fail("E319", f"network `{context.network}` has no `input`", base.name.span, help=help)
    elif isinstance(x, Tensor) and x in elaborator.inputs and not elaborator.heads:
        context.fail("E319", f"network `{context.network}` has no layers", base.name.span)
        return POISON
    return x


def _incomplete(
    context: Context, definition: tree.NetworkDefinition | tree.VariantDefinition, missing: list[tree.Name]
) -> Poison:
    """E305 for parameters that have no value."""
    help = f"set it with `-p {missing[0].id}=...`, or write a variant that gives it"
    if isinstance(definition, tree.VariantDefinition):
        help = f"`{definition.base.id}({missing[0].id} = ...)`"
    names = " and ".join(f"`{name.id}`" for name in missing)
    labels = tuple(Label(name.span, "no default") for name in missing)
    context.fail("E305", f"network `{context.network}` needs {names}", definition.name.span, labels=labels, help=help)
    return POISON


def own_claims(module: Module, definition: tree.VariantDefinition) -> list[Claim]:
    """What a variant claims in its own braces, without what it takes from its base."""
    statements = definition.body.statements if definition.body else ()
    expected = [each for each in statements if isinstance(each, tree.Expect) and not _names_base(each, definition)]
    return [Claim(each.claim, module, Env(module.env)) for each in expected]


def _claims_of_variant(
    elaborator: Elaborator, module: Module, definition: tree.VariantDefinition, of_network: list[Claim]
) -> list[Claim]:
    """A variant has the claims of its own braces, and with `expect BASE` those of the network that it is made from.

    That may be a variant itself; `of_network` are the claims in the body of the network at the bottom.
    """
    claims: list[Claim] = []
    for statement in definition.body.statements if definition.body else ():
        if isinstance(statement, tree.Expect) and _names_base(statement, definition):
            base = module.networks[definition.base.id]
            if isinstance(base, tree.VariantDefinition):
                claims += _claims_of_variant(elaborator, module, base, of_network)
            else:
                claims += of_network
        elif isinstance(statement, tree.Expect):
            claims.append(Claim(statement.claim, module, Env(module.env)))
        elif not isinstance(statement, tree.Unreadable):
            help = f"layers stand in `{definition.base.id}`"
            message = "a variant's braces hold `expect` claims alone"
            elaborator.context.fail("E316", message, statement.span, help=help)
    return claims


def _names_base(statement: tree.Expect, definition: tree.VariantDefinition) -> bool:
    """`expect BASE` in a variant of it."""
    return isinstance(statement.claim, tree.Name) and statement.claim.id == definition.base.id
