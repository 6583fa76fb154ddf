"""Weights from files: every kind that is read, bare files by the order of shapes, and files that are no weights."""

from __future__ import annotations

import json
import os
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from foreign_networks import conv_bn
from oracles import torchvision_models
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import cnndsl
from cnndsl.alignment.graph_skeleton import skeleton_of
from cnndsl.alignment.skeleton import Slot
from cnndsl.backends.torch import build
from cnndsl.cli.main import main
from cnndsl.errors import MissingExtra, Unmatched, WeightsError
from cnndsl.weights import import_weights
from cnndsl.weights.adapt import REPEATED, SUMMED, moved
from cnndsl.weights.files.read import read_state
from cnndsl.weights.shape_matching import by_order
from cnndsl.weights.transfer import Transfer
from cnndsl.weights.unproved import open_questions

KERAS = Path(__file__).parent / "keras_files"
NET = "conv 3x3, 4 -> bn -> relu -> conv 3x3, 6 -> relu -> global_avgpool -> linear 5"


def theirs() -> nn.Sequential:
    torch.manual_seed(2)
    head = (nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))
    module = nn.Sequential(conv_bn(3, 4, 3), *head).eval()
    for name, tensor in module[0][1].state_dict().items():
        if name != "num_batches_tracked":
            tensor.uniform_(0.5, 1.5)
    return module


def network(body: str = NET, image: str = "3 x 8 x 8") -> cnndsl.Architecture:
    return cnndsl.loads(f"network net {{\ninput {image}\n{body}\n}}")


# --- kinds of files

State = Mapping[str, Tensor]


def without_names(state: State) -> list[np.ndarray]:
    return [tensor.numpy() for tensor in state.values() if tensor.dim()]


def save_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


def save_arrays(state: State, path: Path) -> None:
    """A folder of numpy arrays, those of each layer in one of their own."""
    for name, tensor in state.items():
        file = path / f"{name.replace('.', '/')}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, tensor.numpy())


def save_shards(state: State, path: Path) -> None:
    """Two files and an index, as large models are published."""
    path.mkdir()
    halves = [dict([*state.items()][:5]), dict([*state.items()][5:])]
    for number, half in enumerate(halves):
        save_file(half, path / f"model-{number}.safetensors")
    listed = {name: f"model-{number}.safetensors" for number, half in enumerate(halves) for name in half}
    (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": listed}))


FILES: dict[str, Callable[[State, Path], object]] = {
    "arrays": save_arrays,
    "shards": save_shards,
    "plain.pth": torch.save,
    "plain.safetensors": lambda state, path: save_file(dict(state), path),
    "old.pt": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    "training.ckpt": lambda state, path: torch.save({"epoch": 3, "state_dict": dict(state), "best": 0.5}, path),
    "parallel.pth": lambda state, path: torch.save({"module." + name: each for name, each in state.items()}, path),
    "half.bin": lambda state, path: torch.save({name: each.bfloat16() for name, each in state.items()}, path),
    "arrays.npz": lambda state, path: np.savez(path, **{name: each.numpy() for name, each in state.items()}),
    "arrays.pkl": lambda state, path: save_pickle({name: each.numpy() for name, each in state.items()}, path),
    "list.pkl": lambda state, path: save_pickle(without_names(state), path),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_is_read(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, module = tmp_path / name, theirs()
    FILES[name](module.state_dict(), path)
    (tmp_path / "net.arch").write_text(f"network net {{\ninput 3 x 8 x 8\n{NET}\n}}\n")
    arguments = ["weights", "import", str(tmp_path / "net.arch"), str(path), "-o", str(tmp_path / "out")]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "4 layers, 9 tensors\n" in said and "\nfits, unproved: " in said
    ours = network().compile().eval()
    ours.load_state_dict(cnndsl.weights.load_weights(tmp_path / "out" / "net.safetensors", network().graph))
    image = torch.randn(2, 3, 8, 8)
    close = 1e-2 if "half" in name else 1e-6
    with torch.no_grad():
        torch.testing.assert_close(ours(image), module(image), rtol=close, atol=close)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz", ".pkl"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_by_what_it_is(name: str, suffix: str, tmp_path: Path) -> None:
    FILES[name](theirs().state_dict(), tmp_path / name)
    wanted = read_state(tmp_path / name)
    found = read_state((tmp_path / name).rename(tmp_path / f"renamed{suffix}"))
    assert found.ordered == wanted.ordered and list(found.tensors) == list(wanted.tensors)


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5", "legacy.h5"])
def test_what_keras_writes_is_read(name: str) -> None:
    """In whatever order it keeps its layers; its kernels are in rows, columns, channels, filters."""
    body = "conv 3x3, 4 -> bn eps=1e-3 -> relu\nresidual { depthwise 3x3, bias=true }"
    net = network(f"{body}\nconv 3x3, 6 -> relu -> global_avgpool -> linear 5")
    found = import_weights(net, KERAS / name)
    assert not found.proved and found.lines[0].startswith("fits, unproved")
    ours = net.compile().eval()
    ours.load_state_dict(found.state)
    with np.load(KERAS / "expected.npz") as expected, torch.no_grad():
        images, outputs = (torch.from_numpy(expected[each]) for each in ("images", "outputs"))
        torch.testing.assert_close(ours(images.permute(0, 3, 1, 2)), outputs, rtol=1e-5, atol=1e-5)


def test_h5py_not_installed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None if name == "h5py" else name)
    with pytest.raises(MissingExtra, match=r'^this needs h5py: pip install "cnndsl\[hdf5\]"$'):
        read_state(KERAS / "model.keras")


# --- what fits and is not proved


def turned_and_not(folder: Path) -> tuple[str, list[Path]]:
    """A network, and its weights from two modules of which one flattens columns first. Both fit."""
    (folder / "tiny.arch").write_text(
        "network tiny { input 3 x 8 x 8\n conv 3x3, 4, pad=0 -> relu -> conv 3x3, 4\n flatten -> linear 5 }"
    )
    torch.manual_seed(0)
    state = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(144, 5)).state_dict()
    torch.save(state, folder / "rows.pth")
    state["2.weight"] = state["2.weight"].unflatten(1, (4, 6, 6)).mT.flatten(1)
    torch.save(state, folder / "columns.pth")
    return str(folder / "tiny.arch"), [folder / "rows.pth", folder / "columns.pth"]


@pytest.mark.parametrize("number", [0, 1])
def test_a_fit_is_said_to_be_no_proof(number: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, files = turned_and_not(tmp_path)
    arguments = ["weights", "import", model, str(files[number]), "-o", str(tmp_path / "out")]
    assert main([*arguments, "--require-proof"]) == 1
    said = capsys.readouterr()
    assert said.err == "cnndsl: unproved, so nothing is written\n" and not (tmp_path / "out").exists()
    assert said.out.splitlines()[-7:] == [
        "fits, unproved: a file does not say what its network computes",
        "  linear reads 4 x 6 x 6 as a vector: channels, rows, columns is assumed, any other order fits too",
        "  as many filters as channels, so that a turned weight would fit too: conv2",
        "  activations, strides, padding and eps are in no file",
        "what would prove it:",
        "  --from torchvision:NAME or timm:NAME, whose outputs are compared with ours",
        "  a picture whose label you know: cnndsl predict tiny PHOTO (see --preprocess)",
    ]
    assert main(arguments) == 0 and "fits, unproved" in metadata(tmp_path / "out" / "tiny.safetensors")


def metadata(path: Path) -> str:
    with safe_open(path, "pt") as file:
        return str(file.metadata())


def test_what_else_shapes_do_not_tell() -> None:
    body = "conv 3x3, 6, bias=false -> bn -> conv 3x3, 6 -> relu -> conv 3x3, 6 -> flatten -> linear 5"
    weights = ("3x3x3x6", *["6"] * 4, "3x3x6x6", "6", "3x3x6x6", "6", "384x5", "5")
    assert open_questions(skeleton_of(network(body).graph), transfer(body, *weights)) == [
        "linear reads 6 x 8 x 8 as a vector: rows, columns, channels is assumed, any other order fits too",
        "as many filters as channels, so that a turned weight would fit too: conv2, conv3",
        "equal shapes, told apart by the file's order alone: conv2, conv3",
        "several tensors of one shape, and no names that say which is which: bn",
        "activations, strides, padding and eps are in no file",
    ]


# --- by order and shapes


def transfer(body: str, *shapes: str, image: str = "3 x 8 x 8", **wishes: bool) -> Transfer:
    """A network's body and a file, each tensor of which is `NAME SHAPE`, or only a shape."""
    graph = network(body, image).graph
    file = []
    for number, text in enumerate(shapes):
        *name, shape = text.split()
        file.append(Slot(name[0] if name else f"t{number}", tuple(map(int, shape.split("x")))))
    skeleton = skeleton_of(graph)
    heads = [name for each, name in zip(graph.outputs, skeleton.outputs, strict=True) if each.train_only]
    return by_order(skeleton, heads, file, **wishes)


def pairs(found: Transfer) -> dict[str, str]:
    return {move.ours.name: move.theirs.name for move in found.moves}


def steps(found: Transfer) -> dict[str, tuple[str, ...]]:
    return {move.ours.name: move.steps for move in found.moves if move.steps}


TWO = "concat { | conv 1x1, 4 | conv 3x3, 4 -> conv 3x3, 6 }\nglobal_avgpool -> linear 5"
TWO_IN_ORDER = ("4x3x1x1", "4", "4x3x3x3", "4", "6x4x3x3", "6", "5x10", "5")
TWO_TURNED = ("4x3x3x3", "4", "6x4x3x3", "6", "4x3x1x1", "4", "5x10", "5")


@pytest.mark.parametrize(("file", "first"), [(TWO_IN_ORDER, "t0"), (TWO_TURNED, "t4")])
def test_branches_may_be_defined_in_any_order(file: tuple[str, ...], first: str) -> None:
    assert pairs(transfer(TWO, *file))["branch1.conv.weight"] == first


def test_heads_may_stand_anywhere_or_be_missing() -> None:
    body = "conv 3x3, 4\nhead aux, train_only=true { flatten -> linear 7 }\nconv 3x3, 6\nglobal_avgpool -> linear 5"
    main_part, aux = ("4x3x3x3", "4", "6x4x3x3", "6", "5x6", "5"), ("7x256", "7")
    for at in (2, 4, 6):
        found = transfer(body, *main_part[:at], *aux, *main_part[at:])
        assert pairs(found)["aux.linear.weight"] == f"t{at}" and not found.kept
    assert transfer(body, *main_part).kept == ("aux.linear",)


def test_what_stands_apart_by_its_shape_may_stand_anywhere() -> None:
    """As a projection that someone defines after the block that it goes around."""
    body = "residual shortcut={ conv 1x1, 4, /2 } { conv 3x3, 4, /2 -> conv 3x3, 4 } -> global_avgpool -> linear 5"
    late = transfer(body, "4x3x3x3", "4", "4x4x3x3", "4", "4x3x1x1", "4", "5x4", "5")
    early = transfer(body, "4x3x1x1", "4", "4x3x3x3", "4", "4x4x3x3", "4", "5x4", "5")
    (name,) = (name for name in pairs(late) if "shortcut" in name and name.endswith("weight"))
    assert (pairs(late)[name], pairs(early)[name]) == ("t4", "t0")


def test_rows_columns_channels_filters() -> None:
    found = transfer("conv 3x5, 4 -> conv 1x1, 6 -> flatten -> linear 5", "3x5x3x4", "4", "1x1x4x6", "6", "384x5", "5")
    assert steps(found) == {
        "conv1.weight": ("HWIO to OIHW",),
        "conv2.weight": ("HWIO to OIHW",),
        "linear.weight": ("transposed", "inputs from HWC to CHW"),
    }


def test_their_linear_over_an_image_in_hwc_computes_the_same() -> None:
    graph = network("conv 3x3, 4 -> flatten -> linear 5").graph
    kernel, weight = torch.randn(3, 3, 3, 4), torch.randn(256, 5)
    file = {"kernel": kernel, "bias": torch.zeros(4), "weight": weight, "bias2": torch.zeros(5)}
    found = by_order(skeleton_of(graph), [], [Slot(name, tuple(each.shape)) for name, each in file.items()])
    ours = build(graph)
    ours.load_state_dict(moved(found.moves, file, ours.state_dict()))
    image = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        maps = nn.functional.conv2d(image, kernel.double().permute(3, 2, 0, 1), padding=1)
        torch.testing.assert_close(ours.double()(image), maps.permute(0, 2, 3, 1).flatten(1) @ weight.double())


def test_depthwise_kernels_of_tensorflow() -> None:
    found = transfer("depthwise 3x3 -> conv 1x1, 8", "3x3x6x1", "6", "1x1x6x8", "8", image="6 x 8 x 8")
    assert steps(found)["depthwise.weight"] == ("HWC x multiplier to OIHW",)


def test_a_linear_may_be_a_convolution() -> None:
    found = transfer("global_avgpool -> conv 1x1, 7 -> flatten", "7x3", "7")
    assert steps(found) == {"conv.weight": ("linear as a convolution",)}


def test_a_head_of_another_size() -> None:
    file = ("4x3x3x3", "4", "9x4", "9")
    with pytest.raises(Unmatched, match="^heads differ; --new-head keeps"):
        transfer("conv 3x3, 4 -> global_avgpool -> linear 5", *file)
    assert transfer("conv 3x3, 4 -> global_avgpool -> linear 5", *file, new_head=True).kept == ("linear",)


BODIES = [
    ("conv 3x3, 4 -> global_avgpool -> linear 5", ("linear",)),
    (
        "conv 3x3, 4 -> flatten -> linear 9 -> relu -> linear 7 -> dropout -> linear 5",
        ("linear1", "linear2", "linear3"),
    ),
    ("conv 3x3, 4 -> relu -> conv 1x1, 5 -> global_avgpool", ("conv2",)),
]


@pytest.mark.parametrize(("body", "kept"), BODIES)
def test_a_file_without_a_head(body: str, kept: tuple[str, ...]) -> None:
    with pytest.raises(Unmatched, match="^heads differ; --new-head keeps") as caught:
        transfer(body, "4x3x3x3", "4")
    assert caught.value.reasons[-1].endswith(" filters or features, theirs none")
    found = transfer(body, "4x3x3x3", "4", new_head=True)
    assert sorted(found.kept) == list(kept) and len(found.moves) == 2


@pytest.mark.parametrize(("image", "theirs", "step"), [("1 x 8 x 8", 3, SUMMED), ("3 x 8 x 8", 1, REPEATED)])
@pytest.mark.parametrize("layout", ["OIHW", "HWIO"])
def test_grey_and_colours(image: str, theirs: int, step: str, layout: str) -> None:
    """Of a grey image both compute the same, as with timm's `adapt_input_conv`."""
    torchvision_models()
    from timm.models import adapt_input_conv

    body = "conv 3x5, 4 -> relu -> conv 3x3, 6 -> global_avgpool -> linear 5"
    first, second = (f"4x{theirs}x3x5", "6x4x3x3") if layout == "OIHW" else (f"3x5x{theirs}x4", "3x3x4x6")
    last = "5x6" if layout == "OIHW" else "6x5"
    found = transfer(body, first, "4", second, "6", last, "5", image=image)
    (move,) = (move for move in found.moves if move.ours.name == "conv1.weight")
    assert move.steps[-1] == step
    kernel, channels = torch.randn(move.theirs.shape, dtype=torch.float64), int(image[0])
    grey, mine = torch.randn(1, 1, 8, 8, dtype=torch.float64), move.apply(kernel)
    kernel = kernel if layout == "OIHW" else kernel.permute(3, 2, 0, 1)
    torch.testing.assert_close(
        nn.functional.conv2d(grey.expand(-1, channels, -1, -1), mine),
        nn.functional.conv2d(grey.expand(-1, theirs, -1, -1), kernel),
    )
    if channels == 1:
        torch.testing.assert_close(mine.float(), adapt_input_conv(1, kernel.float()))


# --- names say roles, and a sorted file says little else

NORM = "conv 3x3, 4 -> bn -> conv 3x3, 6"
SORTED = ("0.weight 4x3x3x3", "1.bias 4", "1.running_mean 4", "1.running_var 4", "1.weight 4", "2.bias 6")


def test_a_file_sorted_by_name_has_the_bias_first() -> None:
    found = pairs(transfer(NORM, *SORTED, "2.weight 6x4x3x3", ordered=False))
    roles = {"bn.weight": "1.weight", "bn.bias": "1.bias", "bn.running_mean": "1.running_mean"}
    assert found.items() >= roles.items() and found["conv2.bias"] == "2.bias"


@pytest.mark.parametrize("names", ["gamma beta moving_mean moving_variance", "scale beta mean var"])
def test_other_frameworks_have_other_words(names: str) -> None:
    turned = reversed([f"norm/{name}:0 4" for name in names.split()])
    found = pairs(transfer("conv 3x3, 4, bias=false -> bn", "conv/kernel:0 3x3x3x4", *turned))
    assert found["bn.weight"] == f"norm/{names.split()[0]}:0"
    assert found["bn.running_var"] == f"norm/{names.split()[3]}:0"


def test_a_name_that_says_another_role_does_not_fit() -> None:
    with pytest.raises(Unmatched, match="the shapes in the file do not fit"):
        transfer("conv 3x3, 4, bias=false -> bn", "a.weight 4x3x3x3", "b.bias 4", "c.weight 4", "d.var 4", "e.mean 4")


def test_sorted_names_are_an_order_if_they_are_numbered() -> None:
    layers = "conv 5x5, 3, bias=false -> relu -> conv 5x5, 3, bias=false"
    numbered = ("layer2.weight 3x3x5x5", "layer10.weight 3x3x5x5")
    assert pairs(transfer(layers, *numbered, ordered=False))["conv1.weight"] == "layer2.weight"
    with pytest.raises(Unmatched, match="^order and shapes leave open which is which") as caught:
        transfer(layers, "entry.weight 3x3x5x5", "exit.weight 3x3x5x5", ordered=False)
    assert caught.value.reasons == ("entry.weight and exit.weight are sorted by name and have equal shapes",)


# --- what is ambiguous, and what does not fit

OPEN = {
    "equal branches": (
        "concat { | conv 3x3, 4 -> relu | conv 3x3, 4 -> tanh }",
        ("4x3x3x3", "4", "4x3x3x3", "4"),
        "branch1.conv and branch2.conv begin branches of equal shapes",
    ),
    "both layouts": (
        "conv 3x3, 3, bias=false",
        ("3x3x3x3",),
        "the shapes fit as (out, in, height, width) and as (height, width, in, out)",
    ),
}


@pytest.mark.parametrize("what", OPEN)
def test_what_is_open_is_said_and_not_guessed(what: str) -> None:
    body, file, reason = OPEN[what]
    with pytest.raises(Unmatched, match="leave open which is which; --from tells how") as caught:
        transfer(body, *file)
    assert caught.value.reasons[0] == reason


FITS_NOT = {
    "another shape": (("4x3x5x5", "4", "5x4", "5"), "conv.weight is 4 x 3 x 3 x 3 where t0 is 4 x 3 x 5 x 5"),
    "too little": (("4x3x3x3",), "conv.bias is 4 where the file is at its end"),
    "too much": (("4x3x3x3", "4", "5x4", "5", "8x8", "8"), "nothing of ours is left for t4, t5"),
    "no bias": (("4x3x3x3", "5x4", "5"), "conv.bias is 4 where t1 is 5 x 4"),
    "nothing": ((), "conv.weight is 4 x 3 x 3 x 3 where the file is at its end"),
}


@pytest.mark.parametrize("what", FITS_NOT)
def test_the_furthest_that_fits_not_is_named(what: str) -> None:
    file, reason = FITS_NOT[what]
    with pytest.raises(Unmatched, match="^the shapes in the file do not fit, in whatever order") as caught:
        transfer("conv 3x3, 4 -> global_avgpool -> linear 5", *file)
    assert caught.value.reasons == (reason,)


# --- files that are no weights


class Evil:
    """Runs a command when it is unpickled in the usual way."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def spoilt(value: float) -> dict[str, Tensor]:
    state = {name: tensor.clone() for name, tensor in theirs().state_dict().items()}
    state["1.weight"][0, 0, 0, 0] = value
    return state


def half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def cut(save: Callable[[State, Path], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        save(theirs().state_dict(), path)
        half(path)

    return write


# How the file is made, and the end of the line that says what is wrong with it.
NO_WEIGHTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing.pth": (lambda path: None, "no such file or directory"),
    "missing.safetensors": (lambda path: None, "missing.safetensors"),
    "folder.pth": (lambda path: path.mkdir(), "is a directory"),
    "folder.npz": (lambda path: path.mkdir(), "is a directory"),
    "folder.pkl": (lambda path: path.mkdir(), "is a directory"),
    "empty.pth": (lambda path: path.touch(), "EOF"),
    "empty.npz": (lambda path: path.touch(), "No data left in file"),
    "empty.pkl": (lambda path: path.touch(), "Ran out of input"),
    "photo.pth": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0 JFIF"), "it is no checkpoint of tensors alone"),
    "cut.pth": (cut(torch.save), "failed finding central directory"),
    "cut.safetensors": (cut(FILES["plain.safetensors"]), "incomplete metadata, file not fully covered"),
    "cut.npz": (cut(FILES["arrays.npz"]), ""),
    "cut.pkl": (cut(FILES["arrays.pkl"]), ""),
    "module.pth": (lambda path: torch.save(theirs(), path), "and only tensors are read"),
    "evil.pth": (
        lambda path: torch.save({"w": Evil(f"touch {path}.ran")}, path),
        "it holds posix.system, and only tensors are read",
    ),
    "evil.pkl": (
        lambda path: save_pickle({"w": Evil(f"touch {path}.ran")}, path),
        "it holds posix.system, and only numpy arrays are read",
    ),
    "object.npz": (
        lambda path: np.savez(path, w=np.array([Evil(f"touch {path}.ran")], dtype=object)),
        "allow_pickle=False",
    ),
    "words.pth": (lambda path: torch.save(["no", "weights", 1], path), "holds no tensors by name"),
    "words.pkl": (lambda path: save_pickle({"no": "weights"}, path), "holds no tensors by name"),
    "alone.pth": (lambda path: torch.save(torch.ones(3), path), "holds no tensors by name"),
    "nan.pth": (lambda path: torch.save(spoilt(float("nan")), path), "1.weight holds values that are no numbers"),
    "inf.safetensors": (
        lambda path: save_file(spoilt(float("inf")), path),
        "1.weight holds values that are no numbers",
    ),
}


def changed(name: str, change: Callable[[Tensor], Tensor]) -> Callable[[Path], None]:
    return lambda path: torch.save({**theirs().state_dict(), name: change(theirs().state_dict()[name])}, path)


def quantized(tensor: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is going out of use
        return torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)


def index(**listed: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(json.dumps({"weight_map": listed})) and None


def linked(path: Path) -> None:
    """HDF5 that has its values in another file."""
    with h5py.File(path, "w") as file:
        file.create_dataset("w", shape=(4,), dtype="f4", external=[("/etc/hostname", 0, 16)])


def promised(path: Path) -> None:
    """HDF5 that says to hold a terabyte of zeros."""
    with h5py.File(path, "w") as file:
        file.create_dataset("w", shape=(2**38,), dtype="f4", chunks=(2**20,))


def folder_with(name: str, content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.mkdir()
        (path / name).write_bytes(content)

    return write


NO_WEIGHTS |= {
    "words.json": (lambda path: path.write_text('{"weight_map": [1]}'), "it is no index of safetensors"),
    "outside.json": (index(w="../other.safetensors"), "../other.safetensors is no file beside it"),
    "absent.json": (index(w="absent"), "there is no absent beside it"),
    "linked.h5": (linked, "w is in another file"),
    "promised.h5": (promised, "w is larger than the file"),
    "cut.h5": (lambda path: path.write_bytes((KERAS / "legacy.h5").read_bytes()[:9000]), "truncated file"),
    "cut.keras": (lambda path: path.write_bytes((KERAS / "model.keras").read_bytes()[:9000]), ""),
    "broken": (folder_with("w.npy", b"\x93NUMPY"), "w.npy: "),
    "program.onnx": (lambda path: path.write_bytes(b"\x08\x09\x12\x03abc"), "it is no ONNX file"),
    "complex.pth": (changed("1.weight", lambda each: each.to(torch.complex64)), "1.weight is complex64"),
    "quantized.pth": (changed("1.weight", quantized), "1.weight is qint8"),
    "eight.pth": (changed("1.weight", lambda each: each.to(torch.float8_e4m3fn)), "1.weight is float8_e4m3fn"),
    "sparse.pth": (changed("1.weight", Tensor.to_sparse), "1.weight is sparse"),
    "complex.npz": (lambda path: np.savez(path, w=np.ones(3, dtype=complex)), "w is complex128"),
    "long.npz": (lambda path: np.savez(path, w=np.ones(3, dtype=np.longdouble)), "w is "),
    "two.pth": (
        lambda path: torch.save({"params": theirs().state_dict(), "params_ema": theirs().state_dict()}, path),
        "it holds 2 sets of weights: params, params_ema; choose one with --key",
    ),
    "nothing.pth": (lambda path: torch.save({"epoch": 1, "lr": 0.1}, path), "by name; it has epoch, lr"),
}


@pytest.mark.parametrize("name", NO_WEIGHTS)
def test_what_is_wrong_with_a_file_is_one_line_and_nothing_runs(name: str, tmp_path: Path) -> None:
    make, reason = NO_WEIGHTS[name]
    make(tmp_path / name)
    with pytest.raises(WeightsError) as caught:
        read_state(tmp_path / name)
    said = str(caught.value)
    assert name in said and "\n" not in said and "\x1b" not in said and len(said.replace(str(tmp_path), "")) < 160
    assert reason in said
    assert not (tmp_path / f"{name}.ran").exists()


@pytest.mark.parametrize("name", ["cut.pth", "nan.pth", "evil.pkl", "cut.safetensors"])
def test_nothing_is_written_then(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    NO_WEIGHTS[name][0](tmp_path / name)
    out = tmp_path / "out"
    assert main(["weights", "import", "lenet5", str(tmp_path / name), "-o", str(out)]) == 2
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1 and not out.exists()
