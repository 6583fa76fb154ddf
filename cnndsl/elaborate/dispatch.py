"""Which function runs which kind of statement."""

from __future__ import annotations

from collections.abc import Mapping

from cnndsl.elaborate import flows, statements
from cnndsl.elaborate.elaborator import Handler
from cnndsl.syntax import tree

HANDLERS: Mapping[type, Handler] = {
    tree.Flow: flows.flow,
    tree.Branch: statements.stray_branch,
    tree.Input: statements.input,
    tree.Let: statements.let,
    tree.FunctionDefinition: statements.function,
    tree.For: statements.loop,
    tree.If: statements.conditional,
    tree.Expect: statements.expect,
    tree.Require: statements.require,
    tree.Unreadable: statements.unreadable,
}
