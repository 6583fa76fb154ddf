"""Names of nodes from what a file says of its steps: torch's modules, paths of Keras and Caffe, or nothing."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from cnndsl.foreign.draft import Module
from cnndsl.foreign.onnx.drafts import Draft, Origin

SCOPES = "pkg.torch.onnx.name_scopes"
CLASSES = "pkg.torch.onnx.class_hierarchy"
# Whole names that a tool made up: a number, with nothing or little before it.
MADE_UP = re.compile(r"(n|t|x|val|node|input|output|tensor|onnx)?\W*_?\d*|onnx::.*|.*__\d+|.*\.\d+")
NUMBER = re.compile(r"(_?\d+)+$")
NOT_WORD = re.compile(r"\W+")
# Parts of paths that are no module's.
WRAPPERS = {"StatefulPartitionedCall", "functional", "model", "module", "gpu_0"}


def origin_of(node: Any) -> Origin:
    """What a node of the file says of where it stands."""
    said = {each.key: each.value for each in node.metadata_props}
    result = node.output[0] if node.output else ""
    if SCOPES in said:
        scopes, classes = _listed(said[SCOPES])[:-1], _listed(said.get(CLASSES, "[]"))
        pairs = zip_longest(scopes, classes[: len(scopes)], fillvalue="")
        modules = tuple(Module(path, name.rpartition(".")[2]) for path, name in pairs if path)
    else:
        modules = tuple(Module(path, "") for path in scopes_of(node.name))
    return Origin(node.op_type, node.name, result, modules)


def _listed(text: str) -> list[str]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return []
    return [str(each) for each in found] if isinstance(found, list) else []


def scopes_of(name: str) -> tuple[str, ...]:
    """`layer1`, `layer1.0` and `layer1.0.conv1` of `/layer1/layer1.0/conv1/Conv`: a part may repeat the one before."""
    parts = [part for part in name.split("/")[:-1] if part and part not in WRAPPERS]
    path, before, found = "", "", []
    for part in parts:
        own = part.removeprefix(f"{before}.") if before else part
        path = f"{path}.{own}" if path else own
        before = part
        found.append(path)
    return tuple(found)


def named(drafts: Sequence[tuple[int, Draft]]) -> dict[int, str]:
    """A name for every layer, unique, and a path where the file has any."""
    homes = {node: home_of(draft) for node, draft in drafts}
    words: dict[str, set[str]] = defaultdict(set)
    for node, draft in drafts:
        words[homes[node]].add(draft.op.word)
    inner = {path for home in homes.values() for path in _above(home)} | {""}
    taken = Counter[str]()
    names: dict[int, str] = {}
    for node, draft in drafts:
        home = homes[node]
        if len(words[home]) == 1 and home not in inner:  # a module that is one layer, called once or several times
            names[node] = _free(home, taken, numbered=False)
        else:
            own = _own(draft)
            names[node] = _free(f"{home}.{own}".strip("."), taken, numbered=own == draft.op.word)
    return names


def home_of(draft: Draft) -> str:
    """The innermost module around a layer; that of its weight, where a norm that was folded into it comes after it."""
    source = draft.weights["weight"].source if "weight" in draft.weights else ""
    if source.endswith(".weight") and "/" not in source and "::" not in source:
        return _clean(source.removesuffix(".weight"))
    return _clean(draft.origin.modules[-1].path) if draft.origin.modules else ""


def _above(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _own(draft: Draft) -> str:
    """The file's own name of a step outside of modules, if it says anything; else the layer's word."""
    origin = draft.origin
    if origin.modules:
        return draft.op.word
    for name in (origin.name, origin.result):
        name = name.removesuffix(":0")
        if name and not _is_made_up(name, draft):
            return _clean(name).replace(".", "_")
    return draft.op.word


def _is_made_up(name: str, draft: Draft) -> bool:
    """Whether a name says no more than a number, or the operator."""
    stem = NUMBER.sub("", name.removeprefix("node_")).lower()
    return (
        "/" in name.strip("/")
        or bool(MADE_UP.fullmatch(name))
        or stem in (draft.origin.operator.lower(), draft.op.word)
    )


def _clean(path: str) -> str:
    """With letters, digits and underscores alone between its dots."""
    parts = (NOT_WORD.sub("_", part) for part in path.split("."))
    return ".".join(part for part in parts if part)


def _free(name: str, taken: Counter[str], *, numbered: bool) -> str:
    """A name nobody has: words of layers are numbered from 1, as the language does; others from the second on."""
    wanted = f"{name}{taken[name] + 1}" if numbered and not name.endswith("input") else name
    while taken[wanted]:
        taken[name] += 1
        wanted = f"{name}{taken[name] + 1}" if numbered else f"{name}_{taken[name] + 1}"
    taken[name] += 1
    taken[wanted] += 1
    return wanted


def unbroken(names: Mapping[int, str]) -> dict[int, str]:
    """Names without those scopes that other layers interrupt: their paths become one part."""
    result = dict(names)
    while broken := _interrupted(list(result.values())):
        path = broken[0]
        head, _, last = path.rpartition(".")
        for node, name in result.items():
            if name.startswith(f"{path}."):
                rest = name.removeprefix(f"{path}.")
                result[node] = (f"{head}." if head else "") + f"{last}_{rest}"
    return result


def _interrupted(names: Sequence[str]) -> list[str]:
    """Scopes that are not one stretch, outermost first."""
    stretches: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        for path in _above(name):
            stretches[path].append(index)
    broken = [path for path, found in stretches.items() if found[-1] - found[0] + 1 != len(found)]
    return sorted(broken, key=lambda path: path.count("."))
