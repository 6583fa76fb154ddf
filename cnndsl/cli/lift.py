"""`cnndsl lift SOURCE -o FILE.arch`: a network of other makers as text, written once it is proved."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import UsageError, destination, shape
from cnndsl.extras import require

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.errors import LiftError
    from cnndsl.foreign.sources import Foreign
    from cnndsl.lifting.lift import Lifted

SHOWN = 20  # reasons why a network cannot be lifted


EXAMPLES = """\
examples:
  cnndsl lift torchvision:squeezenet1_1 -o squeezenet.arch
  cnndsl lift timm:resnet18 -o resnet18.arch --weights weights
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="torchvision:NAME, timm:NAME, package.module:callable (whose code is run), FILE.pt2 or FILE.onnx",
    )
    parser.add_argument("-o", "--output", metavar="FILE.arch", type=destination, required=True, help="where to write")
    parser.add_argument("--weights", metavar="DIR", type=destination, help="write the weights there, too")
    parser.add_argument(
        "--input",
        metavar="CxHxW",
        type=shape,
        action="append",
        help="the shape of the input, such as 3x320x320; once for each, if there are several",
    )
    parser.add_argument(
        "--partial", action="store_true", help="write what can be lifted, with a comment at each gap, if not all can"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.errors import LiftError, WeightsError
    from cnndsl.foreign.sources import read_source
    from cnndsl.lifting.lift import lift_foreign

    if options.output.suffix != ".arch":
        raise UsageError(f"-o takes a FILE.arch, not {options.output}")
    require("torch", *["safetensors"] * (options.weights is not None), extra="torch")
    try:
        foreign = read_source(options.source, options.input)
        if options.partial and any(foreign.network.unread()):
            return _write_partial(foreign, options.output)
        lifted = lift_foreign(foreign)
    except LiftError as error:
        return _told(error)
    except WeightsError as error:
        print(f"cnndsl: {error}", file=sys.stderr)
        return 1
    return _write(lifted, foreign, options)


def _told(error: LiftError) -> int:
    rest = len(error.reasons) - SHOWN
    shown = [*error.reasons[:SHOWN], *[f"... and {rest} more"] * (rest > 0)]
    print(f"cnndsl: {error}" + (":" if shown else ""), file=sys.stderr)
    print("".join(f"  {each}\n" for each in shown), end="", file=sys.stderr)
    return 1


def _write(lifted: Lifted, foreign: Foreign, options: argparse.Namespace) -> int:
    from cnndsl.files import write_file, write_together
    from cnndsl.states import save_weights

    network = lifted.architecture
    print(f"{foreign.title}: {len(network.graph):,} layers, {network.params:,} parameters, {network.macs:,} MACs")
    print("proved: its text is the same network, and on random input")
    print(f"        both give the same (relative error {lifted.proof.error:.1e} in {lifted.proof.precision})")
    if foreign.network.unused:
        print(f"not there, as nothing computes with it: {_listed(foreign.network.unused)}")
    if foreign.network.shared():
        print(f"shared in part, and so each layer's own here: {_listed(foreign.network.shared())}")
    if options.weights is not None:
        state, note = _state(lifted), f"lifted {foreign.origin}"
        for path in write_together(
            options.weights,
            {f"{network.name}.safetensors": lambda path: save_weights(state, path, network.name, note)},
        ):
            print(f"wrote {path}")
    write_file(options.output, lifted.text)
    print(f"wrote {options.output} ({lifted.text.count(chr(10))} lines)")
    return 0


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + ", ..." * (len(names) > 3)


def _state(lifted: Lifted) -> dict[str, Tensor]:
    """The weights in the types of a new network."""
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in lifted.weights.items()}


def _write_partial(foreign: Foreign, path: Path) -> int:
    from cnndsl.files import write_file
    from cnndsl.lifting.lift import partial_text

    count = sum(1 for _ in foreign.network.unread())
    write_file(path, partial_text(foreign))
    missing = "a step is" if count == 1 else f"{count} steps are"
    print(f"wrote {path}, in which {missing} missing: look for `unread`")
    return 0
