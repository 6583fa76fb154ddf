"""`cnndsl weights import MODEL FILE`: foreign weights become ours, found by structure, proved by running both."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, SOURCE_HELP, UsageError, add_request, destination, seed
from cnndsl.cli.checked import checked_network
from cnndsl.extras import require

if TYPE_CHECKING:
    from torch import Tensor

    from cnndsl.architecture import Architecture
    from cnndsl.photographs.preprocessing import Preprocessing
    from cnndsl.weights.adapt import Move
    from cnndsl.weights.importing import Found, Imported

SHOWN = 20  # reasons why weights cannot move


EXAMPLES = """\
examples:
  cnndsl weights import resnet18 theirs.pth --from torchvision:resnet18 -o weights
  cnndsl weights import resnet18 theirs.pth -p classes=10 --new-head -o weights
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    summary = "Find which foreign tensor is which of ours, adapt, verify and write them."
    action = actions.add_parser("import", help=summary, description=summary)
    action.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    action.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        help="safetensors or an index of them, a torch checkpoint, .npz, .npy in a folder, a .pkl of arrays, HDF5 of "
        "Keras; or a program with its weights: ONNX, .pt2",
    )
    action.add_argument(
        "--from",
        dest="source",
        metavar="SOURCE",
        help=f"the network that FILE is for, or whose own weights are wanted: {SOURCE_HELP}",
    )
    action.add_argument("--key", metavar="KEY", help="which of several sets of weights in FILE, such as params_ema")
    action.add_argument(
        "--require-proof", action="store_true", help="write nothing unless outputs were compared and are the same"
    )
    action.add_argument("--bgr", action="store_true", help="FILE is for images in BGR; import it for RGB")
    action.add_argument(
        "--new-head", action="store_true", help="keep our initial head where theirs has another size or is missing"
    )
    action.add_argument(
        "--preprocess", metavar="HOW", help="how images are prepared: torchvision, caffe, or a TOML file like theirs"
    )
    action.add_argument(
        "-o", "--output", metavar="DIR", type=destination, help="where to write (default: the data folder)"
    )
    action.add_argument("--seed", type=seed, metavar="N", default=0, help="of weights that stay ours (default: 0)")
    add_request(action)
    action.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from cnndsl.errors import Unmatched
    from cnndsl.weights.importing import find, prove

    if options.file is None and options.source is None:
        raise UsageError("give a FILE, or --from with the module to compare with")
    require("torch", "safetensors", extra="torch")
    preprocessing = _preprocessing(options.preprocess)
    network = checked_network(options)
    if network is None:
        return 1
    try:
        found = find(
            network, options.file, source=options.source, key=options.key, bgr=options.bgr, new_head=options.new_head
        )
    except Unmatched as error:
        print(f"cnndsl: {error}" + (":" if error.reasons else ""), file=sys.stderr)
        shown = [*error.reasons[:SHOWN], *[f"... and {len(error.reasons) - SHOWN} more"] * (len(error.reasons) > SHOWN)]
        print("\n".join(f"  {reason}" for reason in shown), file=sys.stderr)
        return 1
    print("\n".join(_told(found)))
    made = prove(network, found, bgr=options.bgr, seed=options.seed)
    return _finish(network, made, preprocessing, options)


def _told(found: Found) -> Iterator[str]:
    """The map, a line for each layer, and what is to be said about it."""
    from cnndsl.alignment.align import by_place

    rows = list(_rows(found.transfer.moves))
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    yield f"{'ours':<{widths[0]}}  theirs"
    yield from (f"{one:<{widths[0]}}  {other:<{widths[1]}}  {shape}{how}" for one, other, shape, how in rows)
    yield f"{len(rows):,} layers, {len(found.transfer.moves):,} tensors"
    for name in found.transfer.kept:
        yield f"{name} keeps its initial weights"
    for name in found.unused():
        yield f"{name} of theirs is not used"
    for group in by_place(found.alignment.symmetric if found.alignment else ()):
        yield f"{group[0]} and {len(group) - 1:,} like it may change places: every choice computes the same"


def _rows(moves: tuple[Move, ...]) -> Iterator[tuple[str, str, str, str]]:
    """Layers on both sides, the shape of the first tensor, and what is done to it."""
    for _, group in groupby(moves, key=lambda move: move.ours.name.rpartition(".")[0]):
        first = next(group)
        ours, theirs = (slot.name.rpartition(".")[0] or slot.name for slot in (first.ours, first.theirs))
        shape = " x ".join(map(str, first.ours.shape))
        yield ours, theirs, shape, f"  {', '.join(first.steps)}" if first.steps else ""


def _finish(
    network: Architecture, made: Imported, preprocessing: Preprocessing | None, options: argparse.Namespace
) -> int:
    """What came of it, and the files."""
    from cnndsl.foreign.sources import is_of_library

    print("\n".join([*made.lines, *([] if made.found.foreign else _to_prove(network))]))
    refused = options.require_proof and not made.proved
    if refused and made.agree:
        print("cnndsl: unproved, so nothing is written", file=sys.stderr)
    if refused or not made.agree:
        return 1
    if options.file is None and is_of_library(options.source):
        print(f"{options.source} is untrained here, so nothing is written: give a FILE with its weights")
        return 0
    note = f"imported from {made.found.title}; {made.lines[0]}"
    for path in _write(network.name, made.state, note, preprocessing, options.output):
        print(f"wrote {path}")
    return 0


def _to_prove(network: Architecture) -> Iterator[str]:
    """What would prove weights that only fit."""
    yield "what would prove it:"
    yield from _indented(["--from torchvision:NAME or timm:NAME, whose outputs are compared with ours"])
    image, output = network.graph.inputs[0].shape, network.graph.output.shape
    if len(network.graph.inputs) == 1 and image[0] == 3 and len(output) == 1:
        yield from _indented(
            [f"a picture whose label you know: cnndsl predict {network.name} PHOTO (see --preprocess)"]
        )


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _preprocessing(how: str | None) -> Preprocessing | None:
    from cnndsl.photographs.preprocessing import PRESETS, read_preprocessing

    if how is None or how in PRESETS:
        return PRESETS[how] if how else None
    if not Path(how).exists():
        raise UsageError(f"--preprocess takes {', '.join(PRESETS)} or a TOML file, and there is no file {how}")
    return read_preprocessing(Path(how))


def _write(
    name: str, state: dict[str, Tensor], note: str, how: Preprocessing | None, folder: Path | None
) -> list[Path]:
    """Both files or none."""
    from cnndsl.files import Writer, text_writer, write_together
    from cnndsl.photographs.preprocessing import SUFFIX
    from cnndsl.states import save_weights
    from cnndsl.states.data_folder import data_folder

    writers: dict[str, Writer] = {
        f"{name}.safetensors": lambda path: save_weights(state, path, name, note),
    }
    if how is not None:
        writers[f"{name}{SUFFIX}"] = text_writer(how.text(name))
    return write_together(folder or data_folder(), writers)
