"""Weights from elsewhere, in Python: `import_weights` and `conform`, and files of state dicts.

import cnndsl
from cnndsl.weights import conform, import_weights

net = cnndsl.load("resnet18")
found = import_weights(net, "resnet18.pth", source="torchvision:resnet18")
net.compile().load_state_dict(found.state)
"""

from typing import TYPE_CHECKING

from cnndsl.lazily import names_from
from cnndsl.states import check_shapes, expected_shapes, load_weights, save_weights

if TYPE_CHECKING:
    from cnndsl.weights.conforming import Conformity, conform
    from cnndsl.weights.files.read import State, read_state
    from cnndsl.weights.importing import Imported, import_weights
else:
    __getattr__ = names_from(__name__, "importing", "conforming", "files.read")

__all__ = [
    "Conformity",
    "Imported",
    "State",
    "check_shapes",
    "conform",
    "expected_shapes",
    "import_weights",
    "load_weights",
    "read_state",
    "save_weights",
]
