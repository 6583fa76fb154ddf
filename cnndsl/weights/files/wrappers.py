"""What training scripts and wrapping modules put around a state dict: keys above it, and prefixes before its names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from cnndsl.errors import WeightsError

Value = TypeVar("Value")

# Keys under which a checkpoint keeps a state dict.
WRAPPERS = frozenset(
    {"state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "params", "weights"}
    | {"ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "ema", "params_ema"}
)
# Collections of flax: one network's tensors, apart by what they are for.
COLLECTIONS = frozenset({"batch_stats"})
# Before all names: modules that hold one network. `_orig_mod.` may also stand before names of a part.
PREFIXES = ("module.", "model.", "backbone.", "net.", "network.")
COMPILED = "_orig_mod."
AVERAGED = "n_averaged"  # the count of `torch.optim.swa_utils.AveragedModel`
SHOWN = 3


def unwrapped(content: Any, key: str | None = None) -> Any:
    """The state dict inside a checkpoint; `key` chooses. Raises `WeightsError` if there are several, or none by it."""
    if key is not None:
        return unwrapped(_chosen(content, key))
    if not isinstance(content, dict):
        return content
    found = [name for name, value in content.items() if isinstance(value, dict) and _holds_weights(value)]
    if not WRAPPERS & set(found) or COLLECTIONS & set(found):
        return content
    if len(found) > 1:
        raise WeightsError(
            f"it holds {len(found)} sets of weights: {', '.join(map(str, found))}; choose one with --key"
        )
    return unwrapped(content[found[0]])


def _chosen(content: Any, key: str) -> Any:
    """What is under a key, whose parts may be keys of their own, or has it before its names."""
    if isinstance(content, dict):
        if key in content:
            return content[key]
        first, _, rest = key.partition(".")
        if rest and first in content:
            return _chosen(content[first], rest)
        below = {name.removeprefix(f"{key}."): content[name] for name in content if str(name).startswith(f"{key}.")}
        if below:
            return below
    raise WeightsError(f"it has no {key}; it has {has(content)}")


def _holds_weights(content: dict[Any, Any]) -> bool:
    """Floating-point tensors of more than one value, but not those that an optimizer keeps of its own."""
    return "param_groups" not in content and any(_is_weight(value) for value in _leaves(content))


def _leaves(content: Any) -> Iterator[Any]:
    if isinstance(content, dict | list | tuple):
        for value in content.values() if isinstance(content, dict) else content:
            yield from _leaves(value)
    else:
        yield content


def _is_weight(value: Any) -> bool:
    import numpy as np
    import torch

    if isinstance(value, torch.Tensor):
        return value.dim() > 0 and value.dtype not in (torch.uint8, torch.int64, torch.bool)
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.dtype.kind in "fic"


def without_prefixes(tensors: Mapping[str, Value], expected: Collection[str]) -> dict[str, Value]:
    """Tensors under the names that a network has, which `expected` lists; as they are where no prefix hides these."""
    found = {name: tensor for name, tensor in tensors.items() if name != AVERAGED or name in expected}
    if not any(COMPILED in name for name in expected):
        found = {name.replace(COMPILED, ""): tensor for name, tensor in found.items()}
    while not any(name in found for name in expected):
        prefix = next((each for each in PREFIXES if found and all(name.startswith(each) for name in found)), None)
        if prefix is None:
            break
        found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    return found


def has(content: Any) -> str:
    """What there is instead."""
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    return some(map(str, content)) or "nothing"


def some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - SHOWN:,} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more
