"""The parts of a generated file that are the same for every network."""

from __future__ import annotations

# Which of them a file has is up to what it reads; a blank line stands between Python's own and others.
STANDARD_IMPORTS = ("import math", "from collections import OrderedDict", "from typing import NamedTuple")
TORCH_IMPORTS = ("import torch", "import torch.nn.functional as F", "from torch import Tensor, nn")
IMPORTS = (*STANDARD_IMPORTS, *TORCH_IMPORTS)

HEADER = '''\
"""{doc}

{facts}

The weights beside this file are loaded with

    from safetensors.torch import load_file

    model = {builder}()
    model.load_state_dict(load_file("{builder}.safetensors"))
"""
'''

CHAIN = '''\
def chain(**layers: nn.Module) -> nn.Sequential:
    """Layers one after the other, by name."""
    return nn.Sequential(OrderedDict(layers))
'''

SPELL_STATE = '''\
class Respelling:
    """Gives the parts of a module other names in a state dict."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def __call__(self, module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
        for key in list(state):
            value = state.pop(key)
            if key.startswith(prefix):
                part, dot, rest = key.removeprefix(prefix).partition(".")
                key = f"{prefix}{self.names.get(part, part)}{dot}{rest}"
            state[key] = value


def spell_state(module: nn.Module, **names: str) -> None:
    """Let the state dict call parts by `names`, which as attributes would mean something else."""
    module.register_state_dict_post_hook(Respelling(names))
    module.register_load_state_dict_pre_hook(Respelling({name: part for part, name in names.items()}))
'''

INITIALIZE = '''\
@torch.no_grad()
def initialize(module: nn.Module, seed: int = 0) -> None:
    """Draw weights as in He et al. 2015, "Delving Deep into Rectifiers", eq. 10.

    They are normal with variance 2 / fan_in, which keeps the size of activations from layer to layer
    through ReLUs; biases are zero. Other layers keep what they are made with, batch norm 1 and 0.
    Numbers are drawn as float32 on the CPU by a generator of their own: a seed means the same weights anywhere.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    for layer in module.modules():
{fan_in}
            normal = torch.randn(layer.weight.shape, generator=generator, dtype=torch.float32, device="cpu")
            layer.weight.copy_(normal * math.sqrt(2 / fan_in))
            if layer.bias is not None:
                layer.bias.zero_()
'''

FAN_IN = """\
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            fan_in = layer.weight[0].numel()"""

# `stride` thins out the kernel of a transposed convolution.
FAN_IN_TRANSPOSED = """\
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            fan_in = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                taps = math.prod(layer.kernel_size) / math.prod(layer.stride)
                fan_in = layer.in_channels // layer.groups * taps"""

BUILDER = '''\
def {builder}(seed: int = 0) -> {network}:
    """Network `{name}` with initial weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = {network}()
    initialize(model, seed)
    return model
'''

# All that any file may define for its own needs.
HELPERS = (CHAIN, SPELL_STATE, INITIALIZE.format(fan_in=FAN_IN_TRANSPOSED))
