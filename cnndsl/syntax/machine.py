"""The LALR(1) machine: takes tokens one by one, and builds the syntax tree as rules are recognised.

It is open to the parser, which repairs its stacks after a mistake: that is a matter of statements, braces and
indentation, which no generic error hook can see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from cnndsl.syntax.tables import Rule, Tables
from cnndsl.syntax.tokens import Token

_Build: TypeAlias = Callable[[list[Any]], Any]
END = "$END"


class Machine:
    """`states` and `values` are its stacks: a value for each symbol that was read, and the states between them."""

    def __init__(self, tables: Tables, builder: object) -> None:
        self.tables = tables
        self.states = [tables.start]
        self.values: list[Any] = []
        self._builders: list[_Build] = [getattr(builder, rule.method, _as_they_are) for rule in tables.rules]
        self._renames = [rule.single and rule.kept == [(0, False)] and rule.size == 1 for rule in tables.rules]

    def takes(self, kind: str) -> bool:
        """Whether the state itself has something to do at a token of this kind."""
        return kind in self.tables.states[self.states[-1]]

    def accepted(self) -> frozenset[str]:
        """The kinds of tokens that could come next."""
        kinds = (kind for kind in self.tables.states[self.states[-1]] if kind == END or kind.isupper())
        return frozenset(kind for kind in kinds if self._leads_on(kind))

    def _leads_on(self, kind: str) -> bool:
        """Whether a token of this kind is read in the end, after all rules that it completes."""
        states = [*self.states]
        while (action := self.tables.states[states[-1]].get(kind)) is not None and action < 0:
            rule = self.tables.rules[-1 - action]
            del states[len(states) - rule.size :]
            states.append(self.tables.states[states[-1]][rule.symbol])
            if kind == END and states[-1] == self.tables.end:
                return True
        return action is not None

    def feed(self, token: Token) -> bool:
        """Read a token, if the grammar takes it here."""
        kind, table, states = token.type, self.tables.states, self.states
        while (action := table[states[-1]].get(kind)) is not None:
            if action >= 0:
                states.append(action)
                self.values.append(token)
                return True
            self._reduce(-1 - action)
        return False

    def end(self) -> Any:
        """What the whole file is, if it can end here."""
        while self.states[-1] != self.tables.end:
            self._reduce(-1 - self.tables.states[self.states[-1]][END])
        return self.values[-1]

    def _reduce(self, number: int) -> None:
        rule, states, values = self.tables.rules[number], self.states, self.values
        if self._renames[number]:  # most do: an operand alone is an operation of every precedence
            states[-1] = self.tables.states[states[-2]][rule.symbol]
            return
        at = len(values) - rule.size
        children = _children(rule, values[at:])
        del values[at:], states[at + 1 :]
        values.append(children[0] if rule.single and len(children) == 1 else self._builders[number](children))
        states.append(self.tables.states[states[-1]][rule.symbol])


def _children(rule: Rule, values: list[Any]) -> list[Any]:
    children: list[Any] = []
    for index, is_list in rule.kept:
        if index is None:
            children.append(None)
        elif is_list and not children:
            children = values[index]  # which nobody else has: a list that grows is not copied each time
        elif is_list:
            children += values[index]
        else:
            children.append(values[index])
    return children


def _as_they_are(children: list[Any]) -> list[Any]:
    """What repetitions in the grammar give, which have no names of their own."""
    return children
