"""Names in generated code: class names, attributes, variables, and what Python and PyTorch keep for themselves.

A label of the language can be a word that Python or `nn.Module` needs (`class`, `forward`, `half`). Such a name
gets a trailing underscore as an attribute or variable; in the state dict it stays what it is.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Container, Iterable

from cnndsl.ir.scopes import in_state, list_of

# What `nn.Module` calls its own methods and settings; names with a leading underscore are its own as well.
_OF_MODULES = """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules
    mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory
    state_dict to to_empty train training type xpu zero_grad
"""
_MODULE_NAMES = frozenset(_OF_MODULES.split())
# Modules that the generated file, or a program that imports it, would find in its place.
_FILES_TAKEN = frozenset(sys.stdlib_module_names) | {"torch", "torchvision", "numpy", "safetensors", "cnndsl"}


def attribute(name: str) -> str:
    """The attribute under which a module keeps the part called `name`."""
    reserved = keyword.iskeyword(name) or name in _MODULE_NAMES or name.startswith("_") or name == "self"
    return f"{name.strip('_') or 'part'}_" if reserved else name


def plain(name: str) -> str:
    """A numbered name as a word: `c0` for `c[0]`, `d0_1` for `d[0,1]`."""
    return name.replace("[", "").replace("]", "").replace(",", "_")


def variable(name: str, reserved: frozenset[str], used: Iterable[str] = ()) -> str:
    """A local variable or parameter called `name`, apart from those in use and from what the file calls otherwise."""
    name = plain(name)
    while name in reserved:
        name += "_"
    return free(name, reserved.union(used))


def field(name: str) -> str:
    """A field of a NamedTuple called `name`."""
    name = plain(name).lstrip("_") or "field"
    return f"{name}_" if keyword.iskeyword(name) or name in ("self", "cls") else name


def builder(name: str, reserved: frozenset[str]) -> str:
    """The function that builds network `name`, and the stem of its files: a name that Python can import."""
    while name in reserved or name in _FILES_TAKEN:
        name += "_network"
    return name


def camel(name: str) -> str:
    """`conv_bn` as a class name: `ConvBn`. Capitals stay, and so does `_` between digits; it begins with a letter."""
    name = plain(name)
    words = "".join(word[0].upper() + word[1:] for word in re.split(r"(?<!\d)_|_(?!\d)", name) if word)
    return words if words[:1].isalpha() else f"Block{words}"


def stem(name: str) -> str:
    """A name without its number: `branch2` and `branch[2]` are a `branch`."""
    name = list_of(name) or name
    return re.sub(r"_?\d+$", "", name) or name


def is_given(name: str, word: str) -> bool:
    """Is this a name that the author gave, rather than that of its layer or block, `word`, and a number?"""
    return not (name.startswith(word) and (name[len(word) :] or "0").isdigit())


def number(name: str) -> tuple[str, int] | None:
    """A numbered name as its stem and number, if it can be put together from them again: `conv12`, not `conv01`."""
    found = re.fullmatch(r"(.*?)(0|[1-9]\d*)", name)
    return (found[1], int(found[2])) if found else None


def free(name: str, taken: Container[str]) -> str:
    """`name`, or the first of `name2`, `name3`, ... that is not taken."""
    if name not in taken:
        return name
    base = name if not name[-1:].isdigit() else f"{name}_"
    n = 2
    while f"{base}{n}" in taken:
        n += 1
    return f"{base}{n}"


def free_attributes(parts: Iterable[str]) -> dict[str, str]:
    """The attribute of every part, by its name; no two alike (`class` beside `class_`).

    Numbered parts are items of a list, `c[0]`, if they are numbered from 0 on in order, else of a dict, `d["0_1"]`.
    """
    parts = list(parts)
    lists = {stem: [name for name in parts if list_of(name) == stem] for stem in dict.fromkeys(map(list_of, parts))}
    taken = {name: name for name in parts if attribute(name) == name} | {each: each for each in lists if each}
    attributes: dict[str, str] = {}
    for name in parts:
        if (of := list_of(name)) is not None:
            in_order = lists[of] == [f"{of}[{number}]" for number in range(len(lists[of]))]
            attributes[name] = name if in_order else f'{of}["{in_state(name).rpartition(".")[2]}"]'
        else:
            attributes[name] = taken.get(name) or free(attribute(name), {*taken, *attributes.values()})
    return attributes
