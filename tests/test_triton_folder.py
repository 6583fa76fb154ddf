"""A folder built ahead of time that is not as it was built is refused, with one kind of error and before it is run.

Kernels are only names here (`fake_gpu`): what is asked is whether anything of a spoilt folder reaches the driver.
"""

from __future__ import annotations

import copy
import ctypes
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from fake_gpu import SHARED, FakeDriver, pretend_to_build  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from triton_problems import by_boxes  # noqa: E402

import cnndsl  # noqa: E402
from cnndsl.backends.torch import build  # noqa: E402
from cnndsl.backends.triton import folder_checks, loader  # noqa: E402
from cnndsl.backends.triton.ahead import write_folder  # noqa: E402
from cnndsl.backends.triton.folder_form import FolderError  # noqa: E402
from cnndsl.backends.triton.lower import lower, rewritten  # noqa: E402
from cnndsl.backends.triton.packed import pack_weights  # noqa: E402
from cnndsl.backends.triton.plan import Plan  # noqa: E402
from cnndsl.kernels.targets import TARGETS  # noqa: E402

# Kernels, weights, and a layer of PyTorch's own.
NETWORK = """
network small {
    input 3 x 8 x 8
    conv 3x3, 8 -> relu -> conv 1x1, 16 -> conv_transpose 2x2, 8, stride=2
    global_avgpool -> flatten -> linear 3
}
"""
Place = tuple[Any, ...]  # the keys that lead to a value of a manifest


@pytest.fixture(scope="module")
def plan() -> Plan:
    return lower(rewritten(cnndsl.loads(NETWORK).graph), TARGETS["sm_90"], batch=2, choose=by_boxes)


@pytest.fixture(scope="module")
def pristine(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    write_folder(pretend_to_build(plan), pack_weights(plan, build(cnndsl.loads(NETWORK).graph).state_dict()), folder)
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """One of its own."""
    return Path(shutil.copytree(pristine, tmp_path / "built"))


@pytest.fixture(scope="module")
def driver(plan: Plan) -> FakeDriver:
    return FakeDriver(plan)


def opened(folder: Path, driver: FakeDriver) -> loader.Network:
    """As `load` opens it; the driver must not have been asked for anything if that fails."""
    driver.library.modules.clear()
    try:
        return loader.Network(folder, folder_checks.read(folder), driver)
    except FolderError:
        assert not driver.library.modules
        raise


def written(manifest: Any, folder: Path, *, sealed: bool = True) -> None:
    """As someone would who also knows how to make the digest."""
    if sealed and isinstance(manifest, dict):
        manifest["sha256"] = folder_checks.digest(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return found


def test_a_folder_as_it_was_built_is_opened(folder: Path, driver: FakeDriver) -> None:
    opened(folder, driver)
    written(manifest_of(folder), folder)  # in another order of lines and spaces
    opened(folder, driver)


# --- its manifest


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    yield here
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from places(each, (*here, key))


DELETED = object()
VALUES = (DELETED, None, True, -1, 0, 3, 2**63, 1.5, "", "../evil.py", "/etc/passwd", "arena", [], [1], {}, {"a": 1})


def changed(manifest: dict[str, Any], place: Place, value: Any) -> Any:
    if not place:
        return value
    made = copy.deepcopy(manifest)
    *above, last = place
    owner: Any = made
    for key in above:
        owner = owner[key]
    if value is DELETED:
        del owner[last]
    else:
        owner[last] = value
    return made


def changes(manifest: dict[str, Any]) -> Iterator[tuple[Place, Any, Any]]:
    """Every field of every kind, with every value that it has not."""
    kinds = set()
    for place in places(manifest):
        kind = tuple("*" if isinstance(key, int) or "." in key else key for key in place)
        if kind in kinds:
            continue
        kinds.add(kind)
        for value in VALUES[not place :]:
            made = changed(manifest, place, value)
            if json.dumps(made) != json.dumps(manifest):
                yield place, value, made


def test_every_change_of_a_manifest_is_refused(folder: Path, driver: FakeDriver) -> None:
    count = 0
    for place, value, made in changes(manifest_of(folder)):
        written(made, folder, sealed=False)
        with pytest.raises(FolderError, match=r"^manifest\.json "):
            opened(folder, driver)
            pytest.fail(f"{place} may be {value!r}")
        count += 1
    assert count > 500


def test_a_manifest_with_a_new_digest_still_reaches_nothing_outside(folder: Path, driver: FakeDriver) -> None:
    """It is refused, or it says something that could have been built."""
    passed = 0
    for place, _, made in changes(manifest_of(folder)):
        if place == ("sha256",):
            continue
        written(made, folder)
        try:
            network = opened(folder, driver)
        except FolderError:
            continue
        passed += 1
        assert network.manifest == made
        within_its_memory(made)
    assert 0 < passed < 100


def within_its_memory(manifest: dict[str, Any]) -> None:
    for launch in manifest["launches"]:
        for argument in launch.get("arguments", ()):
            if "offset" in argument:
                assert 0 <= argument["offset"] <= manifest["memory"][argument["memory"]] - argument["bytes"]


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another format": (
        lambda m: m.update({"cnndsl manifest": 1}),
        "is a manifest of format 1, and this run.py reads 5",
    ),
    "a path out": (lambda m: layer(m).update(program="../evil.py"), "must be a file in layers/, not '../evil.py'"),
    "an absolute path": (lambda m: layer(m).update(program="/tmp/evil.py"), "must be a file in layers/"),
    "a kernel's path": (lambda m: m["kernels"][0].update(file="kernels/../x.cubin"), "must be a file in kernels/"),
    "another's path": (lambda m: m["files"].update({"../x.py": {"bytes": 1, "sha256": 64 * "0"}}), "must be a file of"),
    "no digest of a kernel": (lambda m: m["files"].pop(m["kernels"][0]["file"]), "does not say what kernels/"),
    "a grid of nothing": (lambda m: first(m)["grid"].__setitem__(0, 0), "grid[0] must be a whole number from 1"),
    "true": (lambda m: first(m)["grid"].__setitem__(0, True), "must be a whole number from 1 to 2147483647, not True"),
    "an argument less": (lambda m: first(m)["arguments"].pop(), "arguments, and its kernel takes"),
    "no such kernel": (lambda m: first(m).update(kernel=99), "kernel is 99, of"),
    "beyond the arena": (lambda m: m["memory"].update(arena=64), "of arena"),
    "beyond the weights": (lambda m: m["memory"].update(weights=16), "of weights"),
    "beyond by strides": (lambda m: m["outputs"][0].update(strides=[2**30, 1]), "bytes beyond the"),
    "between numbers": (lambda m: m["outputs"][0].update(offset=1), "lies at 1, between two numbers"),
    "another batch": (lambda m: m.update(batch=3), "is no tensor of this batch"),
    "a large block": (lambda m: m["kernels"][0].update(threads=2048), "must be a whole number from 32 to 1024"),
    "a weight elsewhere": (lambda m: next(iter(m["weights"].values())).update(offset=2**20), "bytes beyond the"),
    "a box beyond": (lambda m: box(m)["shape"].__setitem__(0, 99), "bytes beyond the"),
    "a crooked box": (lambda m: box(m)["strides"].__setitem__(0, 7), "does not step in whole vectors of 16 bytes"),
    "a box of other ranks": (lambda m: box(m)["block"].pop(), "and a block of"),
    "too large a box": (lambda m: box(m)["block"].__setitem__(0, 512), "must be a whole number from 1 to 256"),
    "too long a number": (lambda m: m.update(batch=10**5000), "must be a whole number"),
}


def layer(manifest: dict[str, Any]) -> Any:
    return next(launch for launch in manifest["launches"] if "program" in launch)


def box(manifest: dict[str, Any]) -> Any:
    arguments = (each for launch in manifest["launches"] for each in launch.get("arguments", ()))
    return next(each["box"] for each in arguments if "box" in each)


def first(manifest: dict[str, Any]) -> Any:
    return manifest["launches"][0]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault: str, folder: Path, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    change, message = FAULTS[fault]
    if fault == "too long a number":
        (folder / "manifest.json").write_text(f'{{"cnndsl manifest": 4, "batch": 1{"0" * 5000}}}')
        message = "cannot be read: "
    else:
        manifest = manifest_of(folder)
        change(manifest)
        written(manifest, folder)
    with pytest.raises(FolderError) as told:
        opened(folder, driver)
    assert message in str(told.value) and str(told.value).startswith("manifest.json ")


NO_MANIFESTS = ("", "[", "[]", "null", "3", '"x"', "[" * 100_000, '{"batch": NaN}', "\x00", '{"a": 1}')


@pytest.mark.parametrize("text", NO_MANIFESTS, ids=range(len(NO_MANIFESTS)))
def test_what_is_no_manifest_is_said(text: str, folder: Path, driver: FakeDriver) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(FolderError, match=r"^manifest\.json (cannot be read|is no manifest)"):
        opened(folder, driver)
    (folder / "manifest.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(FolderError, match=r"^manifest\.json cannot be read"):
        opened(folder, driver)


# --- its files


def flipped(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def linked(path: Path) -> None:
    """To the very same bytes, outside."""
    outside = path.parent.parent / f"outside_{path.name}"
    os.replace(path, outside)
    path.symlink_to(outside)


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], object]] = {
    "first bit": lambda path: flipped(path, 0),
    "last bit": lambda path: flipped(path, -1),
    "a byte less": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "a byte more": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "gone": Path.unlink,
    "a link": linked,
    "a folder": replaced_by_a_folder,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_damage_of_every_file_is_refused(damage: str, pristine: Path, tmp_path: Path, driver: FakeDriver) -> None:
    names = sorted(str(path.relative_to(pristine)) for path in pristine.rglob("*") if path.is_file())
    assert {*manifest_of(pristine)["files"], "manifest.json"} == {*names}
    for name in names:
        if name == "manifest.json" and damage in ("a link", "a byte less"):
            continue  # it says nothing of itself but by its digest, for which a line end less is no change
        spoilt = Path(shutil.copytree(pristine, tmp_path / name.replace("/", "_")))
        DAMAGE[damage](spoilt / name)
        with pytest.raises(FolderError) as told:
            opened(spoilt, driver)
        assert str(told.value).startswith(f"{name} "), told.value


@pytest.mark.parametrize("damage", ["files", "manifest"])
def test_swapped_kernels_are_refused(damage: str, folder: Path, driver: FakeDriver) -> None:
    manifest = manifest_of(folder)
    one, other, *_ = manifest["kernels"]
    if damage == "files":
        paths = folder / one["file"], folder / other["file"]
        contents = [path.read_bytes() for path in paths]
        for path, content in zip(paths, reversed(contents), strict=True):
            path.write_bytes(content)
    else:
        one["file"], other["file"] = other["file"], one["file"]
        written(manifest, folder, sealed=False)
    with pytest.raises(FolderError, match=r"sha256|has \d+ bytes"):
        opened(folder, driver)


def test_a_folder_of_kernels_elsewhere_is_refused(folder: Path, driver: FakeDriver) -> None:
    os.replace(folder / "kernels", folder.parent / "elsewhere")
    (folder / "kernels").symlink_to(folder.parent / "elsewhere")
    with pytest.raises(FolderError, match=r"^kernels/\S+ is a link, or in a folder that is one"):
        opened(folder, driver)


OTHER_WEIGHTS: dict[str, Callable[[dict[str, Any], str], object]] = {
    "one number": lambda weights, name: weights.update({name: weights[name].flatten()[:1].clone()}),
    "another type": lambda weights, name: weights.update({name: weights[name].double()}),
    "a narrower type": lambda weights, name: weights.update({name: weights[name].to(torch.bfloat16)}),
    "flat": lambda weights, name: weights.update({name: weights[name].flatten().unsqueeze(0)}),
    "none": lambda weights, name: weights.pop(name),
    "one more": lambda weights, name: weights.update(more=weights[name].clone()),
}


@pytest.mark.parametrize("other", OTHER_WEIGHTS)
def test_other_weights_are_refused(other: str, folder: Path, driver: FakeDriver) -> None:
    """Also where the manifest was written anew for their file."""
    weights, manifest = load_file(folder / "weights.safetensors"), manifest_of(folder)
    for name in [*manifest["weights"]]:
        spoilt = dict(weights)
        OTHER_WEIGHTS[other](spoilt, name)
        save_file(spoilt, folder / "weights.safetensors")
        reseal(folder, "weights.safetensors")
        with pytest.raises(FolderError, match=r"^weights\.safetensors (has|lacks) '"):
            opened(folder, driver)


def reseal(folder: Path, name: str) -> None:
    manifest = manifest_of(folder)
    manifest["files"][name] = folder_checks.described(folder / name)
    written(manifest, folder)


@pytest.mark.parametrize("content", [b"", b"\x08", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0[]", b"\x02\0\0\0\0\0\0\0{}"])
def test_what_are_no_weights_is_said(content: bytes, folder: Path, driver: FakeDriver) -> None:
    (folder / "weights.safetensors").write_bytes(content)
    reseal(folder, "weights.safetensors")
    with pytest.raises(FolderError, match=r"^weights\.safetensors "):
        opened(folder, driver)


def test_half_of_the_weights_is_said(folder: Path, driver: FakeDriver) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    reseal(folder, path.name)
    with pytest.raises(FolderError, match=r"^weights\.safetensors cannot be read"):
        opened(folder, driver)


OTHER_LAYERS = (
    "",
    "import torch\nOther = torch.nn.Identity",
    "def {builder}(): return __import__('torch').nn.Linear(1, 1)",
)


@pytest.mark.parametrize("text", OTHER_LAYERS)
def test_another_layer_is_said(text: str, folder: Path, driver: FakeDriver) -> None:
    found = layer(manifest_of(folder))
    (folder / found["program"]).write_text(text.format(builder=found["builder"]))
    reseal(folder, found["program"])
    driver.library.modules.clear()
    with pytest.raises(FolderError, match=rf"^{found['program']} has (no|other weights)"):
        loader.Network(folder, folder_checks.read(folder), driver)


# --- and the GPU


def test_kernels_that_need_more_than_the_gpu_has_are_not_loaded(folder: Path, plan: Plan) -> None:
    class Small(FakeDriver):
        most_shared = SHARED - 1

    driver = Small(plan)
    with pytest.raises(
        RuntimeError, match=f"a kernel needs {SHARED} bytes of shared memory: this GPU has {SHARED - 1}"
    ):
        opened(folder, driver)
    assert not driver.library.modules


def test_the_driver_gets_whole_numbers(plan: Plan) -> None:
    """Handles of 64 bits, and a grid that is as large as it may be."""
    seen: list[tuple[Any, ...]] = []
    library = SimpleNamespace(**{name: SimpleNamespace() for name in loader.ARGUMENTS})
    assert loader._typed(library).cuLaunchKernel.argtypes == loader.LAUNCH
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, *loader.LAUNCH)
    driver = FakeDriver(plan)
    driver.library = SimpleNamespace(cuLaunchKernel=prototype(lambda *given: seen.append(given) or 0))
    values = (ctypes.c_void_p * 2)(2**63, 2**40)
    kernel = {"threads": 128, "shared": 2**17, "early": False}
    driver.launch(ctypes.c_void_p(2**47 + 1), [2**31 - 1, 65535, 1], kernel, values)
    assert seen == [(2**47 + 1, 2**31 - 1, 65535, 1, 128, 1, 1, 2**17, 77, ctypes.addressof(values), None)]


def test_a_driver_that_is_too_old_is_said(folder: Path, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors came with CUDA 12."""
    monkeypatch.delattr(type(driver.library), "cuTensorMapEncodeTiled")
    with pytest.raises(RuntimeError, match=r"^this driver has no cuTensorMapEncodeTiled: it is too old$"):
        opened(folder, driver)
