"""Line breaks of generated statements, as `ruff format` and Black would put them."""

from __future__ import annotations

import ast
import re

WIDTH = 120
INDENT = "    "
_TARGET = re.compile(r'(self\.)?\w+(\["\w+"\])?')
_LONGEST_CHAIN = 2  # layers of a `chain` that stand on one line


def lay_out(statement: str, indent: str, comment: str = "") -> list[str]:
    """A statement in lines of at most `WIDTH`, where brackets allow; the comment is dropped if it does not fit."""
    line = f"{indent}{statement}"
    if comment and len(line) + len(comment) + 4 <= WIDTH:
        return [f"{line}  # {comment}"]
    if len(line) <= WIDTH and not _is_crowded(statement):
        return [line]
    indent += statement[: len(statement) - len(statement.lstrip())]
    prefix, expression = _split(statement.strip())
    node = _parse(expression)
    if not isinstance(node, (ast.BinOp, ast.IfExp)) or _begins_with_group(node):
        return _break(expression, indent, prefix, "")
    inner = indent + INDENT
    if len(inner) + len(expression) <= WIDTH:
        return [f"{indent}{prefix}(", f"{inner}{expression}", f"{indent})"]
    return [f"{indent}{prefix}(", *_break(expression, inner, "", ""), f"{indent})"]


def signature(name: str, parameters: list[str], returns: str, indent: str) -> list[str]:
    """The first lines of a function."""
    line = f"{indent}def {name}({', '.join(parameters)}) -> {returns}:"
    if len(line) <= WIDTH:
        return [line]
    return [f"{indent}def {name}(", *(f"{indent}{INDENT}{each}," for each in parameters), f"{indent}) -> {returns}:"]


def _is_crowded(code: str) -> bool:
    """Is there a `chain` of so many layers in it that each shall have a line of its own?"""
    if "chain(" not in code:
        return False
    calls = (node for node in ast.walk(ast.parse(code.strip())) if isinstance(node, ast.Call))
    return any(ast.unparse(call.func) == "chain" and len(call.keywords) > _LONGEST_CHAIN for call in calls)


def _split(statement: str) -> tuple[str, str]:
    """What stands before the expression (`return `, `x = `), and the expression."""
    if statement.startswith("return "):
        return "return ", statement.removeprefix("return ")
    target, equals, value = statement.partition(" = ")
    is_assignment = equals and all(_TARGET.fullmatch(part.strip()) for part in target.split(","))
    return (f"{target} = ", value) if is_assignment else ("", statement)


def _parse(expression: str) -> ast.expr | None:
    try:
        return ast.parse(expression, mode="eval").body
    except SyntaxError:
        return None


def _break(expression: str, indent: str, prefix: str, suffix: str) -> list[str]:
    """`prefix expression suffix` in lines, broken at its outermost brackets or operators if it is too long."""
    whole = f"{indent}{prefix}{expression}{suffix}"
    node = _parse(expression)
    if node is None or (len(whole) <= WIDTH and not _is_crowded(expression)):
        return [whole]
    if node.col_offset > 0:  # it stands in parentheses
        return [f"{indent}{prefix}(", *_break(expression[1:-1], indent + INDENT, "", ""), f"{indent}){suffix}"]
    if isinstance(node, ast.BinOp):
        return _break_operators(expression, node, indent, prefix, suffix)
    if isinstance(node, ast.IfExp):
        body, test, other = (_text(expression, part) for part in (node.body, node.test, node.orelse))
        return [
            *_break(body, indent, prefix, ""),
            f"{indent}if {test}",
            *_break(other, indent, "else ", suffix),
        ]
    items = _items(expression, node)
    if not items:
        return [whole]
    opening = 1 + (len(_text(expression, node.func)) if isinstance(node, ast.Call) else 0)
    comma = "" if isinstance(node, ast.DictComp) else ","
    inner = [line for before, item in items for line in _break(item, indent + INDENT, before, comma)]
    return [f"{indent}{prefix}{expression[:opening]}", *inner, f"{indent}{expression[-1]}{suffix}"]


def _items(expression: str, node: ast.expr) -> list[tuple[str, str]]:
    """What stands between the outermost brackets: (text before, expression)."""
    if isinstance(node, ast.Call):
        keywords = [(f"{each.arg}=" if each.arg else "**", _text(expression, each.value)) for each in node.keywords]
        return [("", _text(expression, argument)) for argument in node.args] + keywords
    if isinstance(node, (ast.List, ast.Tuple)) and expression[0] in "([":
        return [("", _text(expression, each)) for each in node.elts]
    if isinstance(node, ast.DictComp):
        key, value = f"{_text(expression, node.key)}: ", _text(expression, node.value)
        return [(key, value), ("", expression[1 + len(key + value) : -1].strip())]
    return []


def _break_operators(expression: str, node: ast.BinOp, indent: str, prefix: str, suffix: str) -> list[str]:
    """Operands on lines of their own, the operator in front."""
    ends = [len(expression)]
    left: ast.expr = node
    while isinstance(left, ast.BinOp) and type(left.op) is type(node.op) and left.col_offset == 0:
        left = left.left
        ends.append(_past_parentheses(expression, left.end_col_offset or 0))
    starts = [0, *ends[:0:-1]]
    operands = [expression[start:end].strip() for start, end in zip(starts, reversed(ends), strict=True)]
    first = _break(operands[0], indent, prefix, "")
    if _begins_with_group(node):
        return [*first[:-1], f"{first[-1]} {operands[1]}{suffix}"]
    return [*first, *(indent + each for each in operands[1:-1]), f"{indent}{operands[-1]}{suffix}"]


def _begins_with_group(node: ast.expr | None) -> bool:
    """Is it `(...) / 2`, which is broken within its parentheses?"""
    return isinstance(node, ast.BinOp) and isinstance(node.left, ast.BinOp) and node.left.col_offset > node.col_offset


def _past_parentheses(expression: str, at: int) -> int:
    """Where the closing parentheses end that follow position `at`."""
    while expression[at : at + 1] == ")":
        at += 1
    return at


def _text(expression: str, node: ast.expr) -> str:
    return ast.get_source_segment(expression, node) or ""
