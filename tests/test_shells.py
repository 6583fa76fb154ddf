"""The command line in its surroundings: help whose examples run, completion in real shells, the manual page, hooks."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from cnndsl.cli import shells
from cnndsl.cli.command_lines import command_lines, flat
from cnndsl.cli.main import main
from cnndsl.cli.manual import manual
from cnndsl.cli.parser import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "man" / "cnndsl.1"
# Their examples need torch, networks of others, or many seconds.
HEAVY = (
    "bench",
    "compile",
    "save",
    "export",
    "weights",
    "conform",
    "lift",
    "predict",
    "zoo",
    "train",
    "eval",
    "curves",
    "features",
    "quantize",
)
ENDLESS = ("--watch", "lsp")  # which have tests of their own
DIFFERS = {"diff": 1}  # the exit code that says that something was found
NETWORK = "network net {\n    input 3 x 32 x 32\n    conv 3x3, 8 -> relu\n    global_avgpool -> linear 10\n}\n"
EVERY = [example for command in command_lines() for example in dict.fromkeys(command.examples)]


def installed(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed: scripts/setup dev")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a user may be: a file, in a repository of git that has an older one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "archs").mkdir()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q"], check=True)
    for text in (NETWORK, NETWORK.replace("8", "16")):
        (tmp_path / "net.arch").write_text(text, encoding="utf-8")
        (tmp_path / "archs" / "mine.arch").write_text(text, encoding="utf-8")
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "a network"], check=True)
    return tmp_path


def run_example(example: str) -> None:
    words = shlex.split(example.partition(" > ")[0])[1:]
    assert main(words) == DIFFERS.get(words[0], 0), example


def heavy(example: str) -> bool:
    return example.split()[1] in HEAVY or "--effective" in example


# --- help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_two_examples_of_every_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    shown = capsys.readouterr().out
    lines = re.findall(r"^  (cnndsl .*)$", shown.partition("examples:")[2], re.M)
    assert len([line for line in lines if line.split()[1] == name]) >= 2
    assert import_module(f"cnndsl.cli.{name}").EXAMPLES.strip() in shown


@pytest.mark.parametrize("example", [each for each in EVERY if not heavy(each)])
def test_examples_run(example: str, folder: Path) -> None:
    if not any(word in example.split() for word in ENDLESS):
        run_example(example)


@pytest.mark.slow
def test_heavy_examples_run(folder: Path) -> None:
    import torch
    from oracles import torchvision_models
    from PIL import Image

    from cnndsl.photographs.preprocessing import PRESETS

    Image.new("RGB", (256, 256), "teal").save(folder / "photo.jpg")
    torch.save(torchvision_models().resnet18().state_dict(), folder / "theirs.pth")
    assert main(["compile", "resnet18", "-p", "classes=10", "-o", "runs"]) == 0
    assert main(["compile", "squeezenet1_1", "-o", "."]) == 0
    said = replace(PRESETS["torchvision"], classes="resnet18.classes.txt")
    (folder / "runs" / "resnet18.preprocess.toml").write_text(said.text("resnet18"), encoding="utf-8")
    (folder / "runs" / "resnet18.classes.txt").write_text("\n".join("abcdefghij"), encoding="utf-8")
    for example in dict.fromkeys(each for each in EVERY if heavy(each)):
        run_example(example)


# --- completion


def completed(shell: str, words: list[str], folder: Path) -> set[str]:
    """What a shell offers for the last of `words`."""
    script = {"bash": shells.bash, "fish": shells.fish}[shell]()
    (folder / "completion").write_text(script, encoding="utf-8")
    if shell == "fish":
        program = f"source completion; complete -C {shlex.quote(' '.join(words))}"
        done = subprocess.run(["fish", "--no-config", "-c", program], cwd=folder, capture_output=True, text=True)
        assert done.stderr == ""
        return {line.partition("\t")[0] for line in done.stdout.splitlines()}
    program = f"source completion; COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}"
    program += '; _cnndsl; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-c", program], cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""
    return {*done.stdout.split()}


ASKED = [
    (["cnndsl", "c"], {"check", "compile", "conform", "completion"}, {"draw"}),
    (["cnndsl", "check", "googlenet_"], {"googlenet_torchvision"}, {"googlenet"}),
    (["cnndsl", "check", "n"], {"net.arch", "nin_cifar10"}, {"check"}),
    (["cnndsl", "check", "--fo"], {"--format"}, {"--fix"}),
    (["cnndsl", "check", "--format", ""], {"text", "json", "sarif"}, {"net.arch"}),
    (["cnndsl", "fmt", "ne"], {"net.arch"}, set()),
    (["cnndsl", "weights", ""], {"import"}, set()),
    (["cnndsl", "completion", ""], {"bash", "zsh", "fish"}, set()),
]


@pytest.mark.parametrize("shell", [pytest.param(each, marks=installed(each)) for each in ("bash", "fish")])
@pytest.mark.parametrize(
    ("words", "offered", "not_offered"), ASKED, ids=lambda each: " ".join(each) if isinstance(each, list) else None
)
def test_completion(shell: str, words: list[str], offered: set[str], not_offered: set[str], tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text(NETWORK, encoding="utf-8")
    found = completed(shell, words, tmp_path)
    assert offered <= found and not not_offered & found


@installed("zsh")
def test_completion_in_zsh(tmp_path: Path) -> None:
    """zsh's own functions say what they were handed: no terminal is there to complete in."""
    (tmp_path / "_cnndsl").write_text(shells.zsh(), encoding="utf-8")
    program = """
        fpath=($PWD $fpath); autoload -Uz _cnndsl
        _arguments() { print -rl -- "$@" }
        _describe() { print -rl -- "${(@P)4}" }
        words=(cnndsl ''); CURRENT=2; _cnndsl; echo '=='
        words=(cnndsl check ''); CURRENT=3; _cnndsl; echo '=='
        words=(cnndsl weights ''); CURRENT=3; _cnndsl
    """
    done = subprocess.run(["zsh", "-f", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    commands, check, weights = (part.split("\n") for part in done.stdout.split("==\n"))
    assert {line.partition(":")[0] for line in commands if line} == {*COMMANDS}
    assert "*:MODEL:_cnndsl_model" in check and "*--format[]:choice:(text json github sarif)" in check
    assert "1:action:(import)" in weights


# --- the manual page


def test_the_manual_page_is_fresh(renew: bool) -> None:
    if renew:
        PAGE.write_text(manual(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == manual()


@installed("groff")
def test_the_manual_page_can_be_shown() -> None:
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-P-cbou", str(PAGE)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for command in flat(command_lines()):
        assert f"cnndsl {' '.join(command.words)}" in " ".join(done.stdout.split())


# --- watching


@pytest.fixture
def watching(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cnndsl", "check", "net.arch", "--watch"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    alarm = threading.Timer(60, process.kill)  # nothing is read for ever
    alarm.start()
    yield process
    alarm.cancel()
    process.kill()
    process.wait(10)


def test_watching_checks_again_when_a_file_changes(watching: subprocess.Popen[str], folder: Path) -> None:
    assert watching.stdout is not None
    path = folder / "net.arch"

    def lines_until(pattern: str) -> None:
        """Read on until a line says that."""
        assert watching.stdout is not None
        while not re.search(pattern, line := watching.stdout.readline()):
            assert line, f"it ended before it said {pattern}"

    lines_until("net.arch: ok")
    path.write_text(NETWORK.replace("conv 3x3", "conf 3x3"), encoding="utf-8")
    lines_until("E301.*no layer or block")
    path.write_text('use twice from "more.arch"\n' + NETWORK, encoding="utf-8")
    lines_until("E311")
    path.unlink()
    lines_until("cnndsl: error: .*net.arch")
    path.write_text(NETWORK, encoding="utf-8")
    lines_until("net.arch: ok")


def test_watching_goes_with_neither_pipe_nor_fix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--watch", "-"]) == main(["check", "--watch", "--fix", "net.arch"]) == 2
    assert "--watch looks at files again and again" in capsys.readouterr().err


# --- hooks and workflows


@pytest.fixture
def on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a `cnndsl` that can be called."""
    programs = folder / ".programs"
    programs.mkdir()
    (programs / "cnndsl").write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m cnndsl "$@"\n')
    (programs / "cnndsl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return folder


def test_hooks_find_what_is_wrong(on_path: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (on_path / "wide.arch").write_text(NETWORK.replace("conv 3x3", "conv   3x3"), encoding="utf-8")
    (on_path / "wrong.arch").write_text(NETWORK.replace("relu", "rely"), encoding="utf-8")
    outcomes = {}
    for hook in hooks:
        files = [path.name for path in sorted(on_path.glob("*")) if re.search(hook["files"], path.name)]
        assert files == ["net.arch", "wide.arch", "wrong.arch"]
        done = subprocess.run([*shlex.split(hook["entry"]), *files], capture_output=True, text=True)
        outcomes[hook["id"]] = (done.returncode, "E301" in done.stdout)
    assert outcomes == {"cnndsl-fmt": (0, False), "cnndsl-check": (1, True)}
    assert (on_path / "wide.arch").read_text(encoding="utf-8") == NETWORK  # the hook changed it, so the commit stops


def test_the_workflow_uploads_what_it_finds(on_path: Path) -> None:
    page = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
    shown = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)]
    (workflow,) = (each for each in shown if "jobs" in each)
    (on_path / "net.arch").write_text(NETWORK.replace("relu", "rely"), encoding="utf-8")
    steps = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    outcomes = [subprocess.run(step, shell=True, capture_output=True).returncode for step in steps if "pip" not in step]
    assert outcomes == [0, 1]
    (uploaded,) = (
        step["with"]["sarif_file"]
        for step in workflow["jobs"]["check"]["steps"]
        if "sarif_file" in step.get("with", {})
    )
    sarif = json.loads((on_path / uploaded).read_text(encoding="utf-8"))
    assert sarif["version"] == "2.1.0" and sarif["runs"][0]["results"][0]["ruleId"] == "E301"
    (hooks,) = (each for each in shown if "repos" in each)
    known = [hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))]
    assert [hook["id"] for hook in hooks["repos"][0]["hooks"]] == known
