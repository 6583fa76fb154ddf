"""`cnndsl weights import MODEL FILE`: foreign weights become ours, found by structure, proved by running both."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from cnndsl.cli.arguments import MODEL_HELP, UsageError, add_request, destination, seed
from cnndsl.cli.checked import checked_network
from cnndsl.extras import require

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnndsl.alignment.align import Alignment
    from cnndsl.architecture import Architecture
    from cnndsl.photographs.preprocessing import Preprocessing
    from cnndsl.weights.adapt import Move
    from cnndsl.weights.transfer import Counterparts, Transfer


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
        "file", metavar="FILE", type=Path, nargs="?", help="safetensors, a torch checkpoint, .npz, or a .pkl of arrays"
    )
    action.add_argument(
        "--from",
        dest="source",
        metavar="LIBRARY:NAME",
        help="the module that FILE is for: torchvision:NAME or timm:NAME",
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

    if options.file is None and options.source is None:
        raise UsageError("give a FILE, or --from with the module to compare with")
    require("torch", "safetensors", extra="torch")
    preprocessing = _preprocessing(options.preprocess)
    network = checked_network(options)
    if network is None:
        return 1
    try:
        found = _by_graph(network, options) if options.source else _by_order(network, options)
    except Unmatched as error:
        print(f"cnndsl: {error}" + (":" if error.reasons else ""), file=sys.stderr)
        shown = [*error.reasons[:SHOWN], *[f"... and {len(error.reasons) - SHOWN} more"] * (len(error.reasons) > SHOWN)]
        print("\n".join(f"  {reason}" for reason in shown), file=sys.stderr)
        return 1
    print("\n".join(_told(found)))
    return _finish(network, found, preprocessing, options)


@dataclass(frozen=True)
class Found:
    """What goes where; with a foreign module also what it was aligned by, without one what the file leaves open."""

    transfer: Transfer
    tensors: dict[str, Tensor]
    module: nn.Module | None = None
    both: Counterparts | None = None
    alignment: Alignment | None = None
    questions: Sequence[str] = ()


def _by_graph(network: Architecture, options: argparse.Namespace) -> Found:
    from cnndsl.foreign.modules import build_foreign
    from cnndsl.weights.states import read_state
    from cnndsl.weights.trained import stir, trained_foreign
    from cnndsl.weights.transfer import by_graph, counterparts, lacking

    state = read_state(options.file, options.key) if options.file else None
    module, missing = (
        trained_foreign(options.source, state.tensors, new_head=options.new_head)
        if state
        else (build_foreign(options.source), [])
    )
    both = counterparts(network.graph, module, options.source, colours=True)
    alignment = lacking(both, both.alignment(), missing)
    transfer = by_graph(both, alignment, new_head=options.new_head, bgr=options.bgr)
    if state is None:
        stir(module, both.theirs)
    return Found(transfer, module.state_dict(), module, both, alignment)


def _by_order(network: Architecture, options: argparse.Namespace) -> Found:
    from cnndsl.alignment.graph_skeleton import skeleton_of
    from cnndsl.alignment.skeleton import Slot
    from cnndsl.weights.check import expected_shapes
    from cnndsl.weights.shape_matching import by_order
    from cnndsl.weights.states import check_whole_numbers, read_state
    from cnndsl.weights.transfer import in_rgb, own
    from cnndsl.weights.unproved import open_questions
    from cnndsl.weights.wrappers import without_prefixes

    state, ours = read_state(options.file, options.key), skeleton_of(network.graph)
    tensors = without_prefixes(state.tensors, expected_shapes(network.graph))
    check_whole_numbers(tensors, {name for name, tensor in tensors.items() if not tensor.dim()})
    slots = [Slot(name, tuple(tensor.shape)) for name, tensor in tensors.items()]
    heads = [name for each, name in zip(network.graph.outputs, ours.outputs, strict=True) if each.train_only]
    transfer = own(network.graph, slots)
    transfer = transfer or by_order(ours, heads, slots, ordered=state.ordered, new_head=options.new_head)
    transfer = in_rgb(ours, transfer) if options.bgr else transfer
    return Found(transfer, tensors, questions=open_questions(ours, transfer))


def _told(found: Found) -> Iterator[str]:
    """The map, a line for each layer, and what is to be said about it."""
    from cnndsl.alignment.align import by_place

    rows = list(_rows(found.transfer.moves))
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    yield f"{'ours':<{widths[0]}}  theirs"
    yield from (f"{one:<{widths[0]}}  {other:<{widths[1]}}  {shape}{how}" for one, other, shape, how in rows)
    moved = {move.theirs.name for move in found.transfer.moves}
    unused = [name for name, tensor in found.tensors.items() if name not in moved and tensor.dim()]
    yield f"{len(rows):,} layers, {len(found.transfer.moves):,} tensors"
    for name in found.transfer.kept:
        yield f"{name} keeps its initial weights"
    for name in unused:
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
    network: Architecture, found: Found, preprocessing: Preprocessing | None, options: argparse.Namespace
) -> int:
    """Verify, and write."""
    from cnndsl.weights.adapt import moved

    ours = network.compile(seed=options.seed)
    state = moved(found.transfer.moves, found.tensors, ours.state_dict())
    ours.double()  # in which both are compared
    ours.load_state_dict(moved(found.transfer.moves, found.tensors, ours.state_dict()))
    lines, agree = _verdict(found, ours, options)
    print("\n".join([*lines, *([] if found.module else _to_prove(network))]))
    if options.require_proof and found.module is None:
        print("cnndsl: unproved, so nothing is written", file=sys.stderr)
    if not agree or (options.require_proof and found.module is None):
        return 1
    if options.file is None:
        print(f"{options.source} is untrained here, so nothing is written: give a FILE with its weights")
        return 0
    note = f"imported from {options.source or 'a file alone'}; {lines[0]}"
    for path in _write(network.name, state, note, preprocessing, options.output):
        print(f"wrote {path}")
    return 0


def _verdict(found: Found, ours: nn.Module, options: argparse.Namespace) -> tuple[list[str], bool]:
    """What is said of the weights, the word on them first, and whether they may be written."""
    if found.module is None or found.both is None or found.alignment is None:
        return ["fits, unproved: a file does not say what its network computes", *_indented(found.questions)], True
    from cnndsl.alignment.difference import differences
    from cnndsl.weights.verdict import verdict

    lines, agree = verdict(found.both, found.alignment, ours, found.module, bgr=options.bgr)
    return (lines if agree else [*lines, *map(str, differences(found.both.ours, found.both.theirs))]), agree


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
    from cnndsl.weights import save_weights
    from cnndsl.weights.data_folder import data_folder

    writers: dict[str, Writer] = {
        f"{name}.safetensors": lambda path: save_weights(state, path, name, note),
    }
    if how is not None:
        writers[f"{name}{SUFFIX}"] = text_writer(how.text(name))
    return write_together(folder or data_folder(), writers)
