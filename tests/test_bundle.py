"""A trained network as one folder: what comes back, what is damaged and said by name, and what kills leave behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import pytest
import torch
from jsonschema import Draft202012Validator
from PIL import Image

import cnndsl
from cnndsl.bundle import manifest
from cnndsl.bundle.manifest import MANIFEST, parse_manifest
from cnndsl.bundle.sources import self_contained
from cnndsl.cli.main import main
from cnndsl.files import write_folder
from cnndsl.models import zoo_files, zoo_names
from cnndsl.photographs.preprocessing import PRESETS
from cnndsl.states import load_weights, save_weights

TINY = """\
use half from "../shared/blocks.arch"
use make_divisible, conv_bn from std

network tiny(width = 8, classes = 3) {
    input 3 x 16 x 16
    conv_bn 3x3, make_divisible(width) -> half
    global_avgpool -> linear classes
}
"""
BLOCKS = 'use two from "numbers.arch"\nblock half() { conv 3x3, in.channels // two(), /2 -> relu }\n'
NUMBERS = "let two() = 2\n"
SCHEMA = json.loads(Path(manifest.__file__).with_name("bundle.schema.json").read_text(encoding="utf-8"))
USING = [path for path in zoo_files() if "\nuse " in path.read_text(encoding="utf-8")]
FILES = {
    *("tiny.arch", "blocks.arch", "numbers.arch", "values.arch", "convolutions.arch"),
    *("tiny.safetensors", "tiny.preprocess.toml", "tiny.classes.txt", "bundle.json"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, whose sources are gone."""
    home = tmp_path_factory.mktemp("made")
    for path, text in {"nets/tiny.arch": TINY, "shared/blocks.arch": BLOCKS, "shared/numbers.arch": NUMBERS}.items():
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_text(text)
    net = cnndsl.load(home / "nets" / "tiny.arch", width=12, classes=4, input=(3, 20, 20))
    net.save(home / "tiny", state(net), preprocessing=PRESETS["torchvision"], classes=["a", "b", "c", "d"])
    for path in home.rglob("*.arch"):
        if path.parent.name != "tiny":
            path.unlink()
    return home / "tiny"


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return Path(copytree(made, tmp_path / "tiny"))


def state(net: cnndsl.Architecture) -> dict[str, torch.Tensor]:
    return dict(net.compile(seed=5).state_dict())


# --- what comes back


def test_a_bundle_is_the_network_that_was_saved(made: Path) -> None:
    found = cnndsl.load_bundle(made)
    assert {path.name for path in made.iterdir()} == FILES
    assert (found.architecture.input_shape, found.architecture.output_shape) == ((3, 20, 20), (4,))
    assert found.architecture.graph["conv_bn.conv"].shape[0] == 16
    assert found.classes == ("a", "b", "c", "d")
    assert found.preprocessing is not None and found.preprocessing.mean == PRESETS["torchvision"].mean
    module = found.compile()
    assert not module.training
    assert all(torch.equal(module.state_dict()[name], each) for name, each in state(found.architecture).items())


def test_a_bundle_of_a_bundle_is_the_same(made: Path, tmp_path: Path) -> None:
    found = cnndsl.load_bundle(made)
    found.architecture.save(tmp_path / "again", made, preprocessing=found.preprocessing, classes=found.classes)
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes(), name


def test_the_manifest_is_of_the_schema_that_is_shipped(made: Path) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    said = json.loads((made / MANIFEST).read_text())
    Draft202012Validator(SCHEMA).validate(said)
    assert said["parameters"] == {"width": 12, "classes": 4} and said["input"] == [3, 20, 20]
    for name, entry in said["files"].items():
        content = (made / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": sha256(content).hexdigest()}


@pytest.mark.parametrize("path", USING, ids=lambda path: path.stem)
def test_a_network_is_the_same_with_the_texts_of_a_bundle_alone(path: Path, tmp_path: Path) -> None:
    for name, _ in [each for each in zoo_names() if each[1] == path]:
        with suppress(cnndsl.ArchError):  # a parameter has no default
            net = cnndsl.load(f"{path}:{name}")
            break
    for file, text in self_contained(net.module, name).items():
        (tmp_path / file).write_text(text, encoding="utf-8")
        assert not re.search(r"^use .* from std", text, re.MULTILINE)
    again = cnndsl.load(f"{tmp_path / name}.arch:{name}")
    assert [(n.name, n.op, n.shape) for n in again.graph] == [(n.name, n.op, n.shape) for n in net.graph]


# --- the command line


def test_a_bundle_is_a_model_of_every_command(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(bundle.parent)
    Image.new("RGB", (300, 260), (200, 30, 90)).save("photo.png")
    assert main(["check", "tiny"]) == 0 and "tiny/tiny.arch: ok" in capsys.readouterr().out
    assert main(["summary", "tiny"]) == 0 and main(["draw", "tiny", "-o", "tiny.svg"]) == 0
    assert main(["predict", "tiny", "photo.png"]) == 0
    assert sorted(line.split()[-1] for line in capsys.readouterr().out.splitlines()[-4:]) == list("abcd")
    assert main(["compile", "tiny", "-o", "out"]) == 0
    ours = load_weights(bundle / "tiny.safetensors")
    assert all(torch.equal(ours[name], each) for name, each in load_weights(Path("out/tiny.safetensors")).items())
    assert main(["compile", "tiny", "--optimize", "-o", "fast"]) == 0
    assert main(["export", "tiny", "--to", "pt2", "-o", "tiny.pt2"]) == 0
    exported = torch.export.load("tiny.pt2").state_dict
    assert torch.equal(ours["linear.weight"], exported["linear.weight"])
    assert main(["save", "tiny", "--weights", "tiny", "-o", "again"]) == 0
    assert {each.name for each in Path("again").iterdir()} == FILES
    capsys.readouterr()
    assert main(["check", "tiny", "--fix"]) == 2 and "is in a bundle" in capsys.readouterr().err
    assert main(["compile", "tiny", "-p", "classes=9", "-o", "nine"]) == 2
    assert "do not fit" in capsys.readouterr().err and not Path("nine").exists()


def test_a_check_of_a_bundle_needs_no_torch(bundle: Path) -> None:
    program = "import sys, cnndsl; cnndsl.load_bundle(sys.argv[1]); assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program, str(bundle)], check=True)


# --- damage


def change_byte(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[-1] ^= 1
        (folder / name).write_bytes(content)

    return change


def truncate(folder: Path) -> None:
    os.truncate(folder / "tiny.safetensors", 1000)


def link(folder: Path) -> None:
    (folder / "tiny.arch").rename(folder.parent / "elsewhere.arch")
    (folder / "tiny.arch").symlink_to("../elsewhere.arch")


def pipe(folder: Path) -> None:
    (folder / "tiny.classes.txt").unlink()
    os.mkfifo(folder / "tiny.classes.txt")


def rewritten(folder: Path, name: str, content: bytes) -> None:
    """Another file, of which the manifest knows."""
    (folder / name).write_bytes(content)
    said = json.loads((folder / MANIFEST).read_text())
    said["files"][name] = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    (folder / MANIFEST).write_text(json.dumps(said))


def resized(folder: Path) -> None:
    net = cnndsl.load("lenet5")
    save_weights(state(net), folder.parent / "other", "lenet5")
    rewritten(folder, "tiny.safetensors", (folder.parent / "other").read_bytes())


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncate, "tiny.safetensors has 1,000 bytes, not "),
    "weights": (change_byte("tiny.safetensors"), "tiny.safetensors was changed"),
    "text": (change_byte("tiny.arch"), "tiny.arch was changed"),
    "used": (change_byte("blocks.arch"), "blocks.arch was changed"),
    "classes": (change_byte("tiny.classes.txt"), "tiny.classes.txt was changed"),
    "missing": (lambda f: (f / "numbers.arch").unlink(), "numbers.arch is missing"),
    "no manifest": (lambda f: (f / MANIFEST).unlink(), "is no bundle"),
    "extra": (lambda f: (f / "setup.py").write_text("raise SystemExit"), "setup.py is not part of it"),
    "a folder": (lambda f: (f / "more").mkdir(), "more is not part of it"),
    "link": (link, "tiny.arch is a link or no file"),
    "pipe": (pipe, "tiny.classes.txt is a link or no file"),
    "outside": (
        lambda f: rewritten(f, "blocks.arch", b'use two from "../numbers.arch"\nblock half() { relu }\n'),
        "blocks.arch uses ../numbers.arch, which is not part of it",
    ),
    "std": (lambda f: rewritten(f, "numbers.arch", b"use fire from std\nlet two() = 2\n"), "uses std, which is not"),
    "other network": (resized, "these weights do not fit tiny"),
    "no weights": (lambda f: rewritten(f, "tiny.safetensors", b"\x00" * 64), "it is no safetensors file"),
    "preprocessing": (
        lambda f: rewritten(f, "tiny.preprocess.toml", PRESETS["caffe"].text("tiny").encode()),
        "names other classes than tiny.classes.txt",
    ),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_named(
    bundle: Path, damage: Callable[[Path], object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(bundle)
    with pytest.raises(cnndsl.Error, match=said) as caught:
        cnndsl.load_bundle(bundle)
    assert isinstance(caught.value, cnndsl.BundleError | cnndsl.WeightsError)
    if said != "is no bundle":  # then it is a folder like any other
        assert main(["check", str(bundle)]) == 2
        assert said in capsys.readouterr().err


NO_MANIFEST = {
    "no JSON": lambda said: "{",
    "deep": lambda said: "[" * 100_000,
    "another schema": lambda said: said | {"schema": "cnndsl.bundle/2"},
    "more keys": lambda said: said | {"run": "setup.py"},
    "fewer keys": lambda said: {key: said[key] for key in said if key != "input"},
    "a list": lambda said: [said],
    "outside": lambda said: said | {"files": said["files"] | {"../x": said["files"]["tiny.arch"]}},
    "absolute": lambda said: said | {"files": said["files"] | {"/etc/passwd": said["files"]["tiny.arch"]}},
    "itself": lambda said: said | {"files": said["files"] | {MANIFEST: said["files"]["tiny.arch"]}},
    "hidden": lambda said: said | {"files": said["files"] | {"..": said["files"]["tiny.arch"]}},
    "no file": lambda said: said | {"weights": "theirs.safetensors"},
    "no weights": lambda said: said | {"weights": None},
    "a digest": lambda said: said | {"files": said["files"] | {"tiny.arch": {"bytes": 1, "sha256": "0"}}},
    "bytes": lambda said: said | {"files": said["files"] | {"tiny.arch": {"bytes": -1, "sha256": "0" * 64}}},
    "an entry": lambda said: said | {"files": said["files"] | {"tiny.arch": 3}},
    "files": lambda said: said | {"files": []},
    "parameters": lambda said: said | {"parameters": {"width": None}},
    "no finite number": lambda said: json.dumps(said).replace('"width": 12', '"width": 1e999'),
    "lists in lists": lambda said: json.dumps(said).replace('"width": 12', f'"width": {"[" * 900}{"]" * 900}'),
    "names": lambda said: said | {"parameters": {"a b": 1}},
    "a shape": lambda said: said | {"input": [3, 0, 20]},
    "half a shape": lambda said: said | {"input": [3, 20]},
    "a network": lambda said: said | {"network": 7},
}


@pytest.mark.parametrize("change", NO_MANIFEST.values(), ids=NO_MANIFEST)
def test_what_is_no_manifest_is_refused_as_by_the_schema(bundle: Path, change: Callable[..., object]) -> None:
    said = change(json.loads((bundle / MANIFEST).read_text()))
    text = said if isinstance(said, str) else json.dumps(said)
    (bundle / MANIFEST).write_text(text)
    with pytest.raises(cnndsl.BundleError, match=r"is no bundle: bundle\.json") as caught:
        cnndsl.load_bundle(bundle)
    assert "\n" not in str(caught.value)
    no_file = said["weights"] == "theirs.safetensors" if isinstance(said, dict) else False  # which no schema can say
    if not isinstance(said, str) and not no_file:
        assert not Draft202012Validator(SCHEMA).is_valid(said)


def test_a_manifest_of_any_size_is_not_read(bundle: Path) -> None:
    with (bundle / MANIFEST).open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(cnndsl.BundleError, match="larger than 1 MiB"):
        cnndsl.load_bundle(bundle)


# --- writing


def test_a_bundle_takes_the_place_of_nothing(made: Path, tmp_path: Path) -> None:
    net, weights = cnndsl.load_bundle(made).architecture, made / "tiny.safetensors"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "empty").mkdir()
    for name in ("full", "file", "link"):
        with pytest.raises(cnndsl.OutputError, match="is there already"):
            net.save(tmp_path / name, weights)
    net.save(tmp_path / "empty", weights)
    net.save(tmp_path / "new" / "folder", weights)
    assert (tmp_path / "full" / "mine").read_text() == (tmp_path / "file").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["empty", "file", "full", "link", "new"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(made: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(cnndsl.OutputError, match="permission denied"):
        cnndsl.load_bundle(made).architecture.save(tmp_path / "new", made)


def test_nothing_is_written_of_what_does_not_fit(made: Path, tmp_path: Path) -> None:
    net, weights = cnndsl.load_bundle(made).architecture, load_weights(made / "tiny.safetensors")
    with pytest.raises(cnndsl.WeightsError, match="do not fit"):
        net.save(tmp_path / "a", state(cnndsl.load("lenet5")))
    for classes, said in (
        (["a"], "there are 1 names"),
        (["a", "b", "c", "d\n"], "one line"),
        ([*list("abc"), 1], "texts"),
    ):
        with pytest.raises(cnndsl.BundleError, match=said):
            net.save(tmp_path / "a", weights, classes=classes)
    with pytest.raises(cnndsl.BundleError, match="names its classes"):
        net.save(tmp_path / "a", weights, preprocessing=PRESETS["caffe"])
    assert os.listdir(tmp_path) == []


SLOWLY = """
import sys, time
from pathlib import Path
from cnndsl.files import write_folder
def write(path):
    with path.open("wb") as file:
        for _ in range(20):
            file.write(b"x" * 1000)
            file.flush()
            time.sleep(0.002)
print("ready", flush=True)
write_folder(Path(sys.argv[1]), {name: write for name in "abcde"})
"""


@pytest.mark.parametrize("after", [0.0, 0.03, 0.07, 0.12, 0.16, 0.2, 0.24])
def test_a_kill_leaves_a_whole_folder_or_none_and_the_next_run_tidies_up(tmp_path: Path, after: float) -> None:
    target = tmp_path / "bundle"
    with subprocess.Popen([sys.executable, "-c", SLOWLY, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
    if target.exists():
        assert {path.name: path.stat().st_size for path in target.iterdir()} == dict.fromkeys("abcde", 20_000)
    write_folder(tmp_path / "next", {"a": lambda path: path.write_text("whole")})
    assert {path.name for path in tmp_path.iterdir()} <= {"bundle", "next"}


def test_parse_of_what_was_written_is_what_was_said(made: Path) -> None:
    text = (made / MANIFEST).read_bytes()
    assert parse_manifest(text).text().encode() == text
