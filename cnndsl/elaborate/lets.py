"""`let`: constants and functions, in a body or at the top of a file.

A function sees its parameters and what was bound before it. So functions cannot call themselves, not even through
others, and every value is there after finitely many calls.
"""

from __future__ import annotations

from contextlib import suppress

from cnndsl.diagnostics import Label
from cnndsl.elaborate.context import Context, TooLarge
from cnndsl.elaborate.evaluator import Evaluator
from cnndsl.elaborate.functions import FUNCTIONS
from cnndsl.elaborate.module import Module
from cnndsl.elaborate.names import bare_words, names_in, parts_of
from cnndsl.elaborate.scoping import claim_names, unpack
from cnndsl.elaborate.values import POISON, Failed, Function
from cnndsl.syntax import tree

MAX_DEPTH = 16  # of calls of functions within each other; each takes about twenty of Python's thousand frames
NO_RECURSION = "a function sees what is bound before it; a list of rounds is `[... for i in range(n)]`"


def let(evaluator: Evaluator, statement: tree.Let) -> None:
    """Bind the names of a `let`, to POISON if it has no value."""
    context, env = evaluator.context, evaluator.env
    values: dict[str, object] = {name.id: POISON for name in statement.names}
    with suppress(Failed):
        values = unpack(context, evaluator.value(statement.value), statement.names, statement.value.span)
    new = claim_names(context, env, statement.names)
    env.names.update({name: value for name, value in values.items() if name in new})


def function(evaluator: Evaluator, definition: tree.FunctionDefinition) -> None:
    """Bind the name of a function, to POISON if it mentions what it cannot see."""
    context, env, name = evaluator.context, evaluator.env, definition.name
    if name.id in FUNCTIONS:
        help = f"give it another name, such as `my_{name.id}`"
        context.fail("E309", f"`{name.id}` is a built-in function", name.span, help=help)
        return
    whole = _names_are_known(evaluator, definition)
    made = Function(definition, evaluator.module, env.snapshot(), 1 + _depth(evaluator, definition))
    if made.depth > MAX_DEPTH:
        context.fail("E104", f"calls of functions are nested more than {MAX_DEPTH} deep", definition.span)
        whole = False
    if claim_names(context, env, (name,)):
        env.names[name.id] = made if whole else POISON


def _depth(evaluator: Evaluator, definition: tree.FunctionDefinition) -> int:
    """How deep the calls in a function go."""
    named = (evaluator.env.find(name.id) for name in names_in((definition.parameters, definition.value)))
    return max((value.depth for value in named if isinstance(value, Function)), default=0)


def _names_are_known(evaluator: Evaluator, definition: tree.FunctionDefinition) -> bool:
    """Whether a function sees all names in it; E302 or E310 for those that it does not, whether or not it is called."""
    text = (definition.parameters, definition.value)
    own = {parameter.name.id for parameter in definition.parameters}
    own.update(name.id for part in parts_of(text) if isinstance(part, tree.Comprehension) for name in part.names)
    words = bare_words(text)
    unknown = [name for name in names_in(text) if name.id not in own and name.span not in words]
    whole = True
    for name in unknown:
        if name.id == definition.name.id:
            message = f"`{name.id}` calls itself"
            evaluator.context.fail("E310", message, name.span, help=NO_RECURSION)
            whole = False
        elif name.id not in FUNCTIONS:
            whole = evaluator.knows(name) and whole
    return whole


def top(module: Module, context: Context) -> None:
    """Bind what stands at the top of a file, line by line."""
    evaluator = Evaluator(context, module, module.env, outside="at the top of a file")
    for statement in module.file.values:
        names = statement.names if isinstance(statement, tree.Let) else (statement.name,)
        context.statement = statement.span
        if _hides_block(context, module, names):
            continue
        try:
            if isinstance(statement, tree.Let):
                let(evaluator, statement)
            else:
                function(evaluator, statement)
        except TooLarge:
            module.env.names.update({name.id: POISON for name in names})
        except RecursionError:  # brackets within brackets, in functions within functions
            context.stack.clear()
            context.fail("E104", "calls and brackets are nested too deep", statement.span)
            module.env.names.update({name.id: POISON for name in names})


def _hides_block(context: Context, module: Module, names: tuple[tree.Name, ...]) -> bool:
    """E309 for a value that is called like a block of the file."""
    hidden = [name for name in names if name.id in module.blocks]
    for name in hidden:
        labels = (Label(module.places[name.id], "the block"),)
        context.fail("E309", f"there is a block `{name.id}` already", name.span, labels=labels)
    return bool(hidden)
