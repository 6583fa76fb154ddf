"""What is written: whole or not at all, links replaced, devices refused, and what killed runs left is swept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from cnndsl.cli.main import main
from cnndsl.errors import OutputError
from cnndsl.files import HOST, write_file, write_together

ARCH = "network tiny {\n    input 3 x 8 x 8\n    conv 3x3, 4 -> relu\n}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tiny.arch").write_text(ARCH)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_and_what_it_names_stays(folder: Path, there: bool) -> None:
    if there:
        Path("theirs").write_text("theirs")
    Path("tiny.svg").symlink_to("theirs")
    assert main(["draw", "tiny.arch", "-o", "tiny.svg"]) == 0
    assert not Path("tiny.svg").is_symlink() and Path("tiny.svg").read_text().startswith("<svg")
    assert Path("theirs").exists() is there and (not there or Path("theirs").read_text() == "theirs")


def test_a_link_comes_back_after_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a").symlink_to("nowhere")
    replace = os.replace

    def fail(source: Path, target: Path) -> None:
        if Path(target).name == "b":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OutputError, match="no space left"):
        write_together(folder, {name: lambda path: path.write_text("new") for name in "ab"})
    assert sorted(os.listdir()) == ["a", "tiny.arch"] and os.readlink("a") == "nowhere"


def test_a_file_is_in_its_place_whoever_writes_it_anew(tmp_path: Path) -> None:
    """Also in the moment in which another run replaces what is just being kept aside."""

    def write(turn: int) -> set[str]:
        write_together(tmp_path, {name: lambda path: path.write_text("whole") for name in "ab"})
        return {(tmp_path / name).read_text() for name in "ab"}

    with ThreadPoolExecutor(8) as writers:
        assert set().union(*writers.map(write, range(200))) == {"whole"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_devices_and_pipes_are_not_replaced(folder: Path) -> None:
    os.mkfifo("pipe")
    Path("stdout").symlink_to("/proc/self/fd/1")
    for name in ("pipe", "stdout"):
        with pytest.raises(OutputError, match="a device or a pipe"):
            write_file(Path(name), "")
    assert Path("pipe").is_fifo() and Path("stdout").is_symlink()


def test_files_are_as_the_umask_has_them(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(Path("a"), "")
    finally:
        os.umask(before)
    assert Path("a").stat().st_mode & 0o777 == 0o640


def test_what_killed_runs_left_is_swept_and_nothing_else(folder: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    dead, live = ended.stdout.strip(), os.getpid()
    left = [f".a.svg.cnndsl-{HOST}-{dead}-01234567", f".a.cnndsl-{HOST}-{dead}-01234567.old"]
    others = [f".a.cnndsl-{HOST}-{live}-01234567", f".a.cnndsl-00000000-{dead}-01234567", ".a.svg.01234567", "a"]
    moved = f".moved.cnndsl-{HOST}-{dead}-01234567.old"
    for name in (*left, *others, moved):
        Path(name).write_text(name)
    write_file(Path("new"), "")
    assert set(os.listdir()) == {*others, "moved", "new", "tiny.arch"}


@pytest.mark.parametrize("command", [["draw", "tiny.arch"], ["compile", "tiny.arch"], ["weights", "import", "t", "f"]])
@pytest.mark.parametrize("place", ["", "-"])
def test_a_place_must_be_named(
    folder: Path, command: list[str], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "-o", place])
    assert ended.value.code == 2 and "is no place to write to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGHUP, "hung up")]
)
def test_a_signal_ends_a_run_that_leaves_nothing(folder: Path, number: int, said: str) -> None:
    program = (
        "import sys, time; from pathlib import Path; from cnndsl.cli import draw; from cnndsl.cli.main import main\n"
        "import cnndsl.files as files\n"
        "def slow(path, text):\n"
        "    def writer(path): path.write_text('half'); print('now', flush=True); time.sleep(60)\n"
        "    files.write_together(path.parent, {path.name: writer})\n"
        "files.write_file = slow; sys.exit(main(['draw', 'tiny.arch', '-o', 'new/tiny.svg']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, number, signal.SIG_DFL),  # a runner in the background ignores some
    )
    assert process.stdout is not None and process.stdout.readline() == "now\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (128 + number, f"cnndsl: {said}\n")
    assert os.listdir() == ["tiny.arch"]


def test_what_a_kill_leaves_the_next_run_takes_away(folder: Path) -> None:
    program = (
        "import os, pathlib, time; from cnndsl.files import write_together\n"
        "def slow(path): path.write_text('half'); os.kill(os.getpid(), 9)\n"
        "write_together(pathlib.Path('.'), {'a': slow})"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
    assert len(os.listdir()) == 2
    write_file(Path("a"), "whole")
    assert sorted(os.listdir()) == ["a", "tiny.arch"]


COMMANDS = (
    ["compile", "tiny.arch"],
    ["compile", "tiny.arch", "--optimize", "--explain"],
    ["compile", "tiny.arch", "--backend", "triton"],
    ["compile", "tiny.arch", "--backend", "triton", "--explain"],
    ["predict", "tiny.arch", "photo.jpg"],
    ["weights", "import", "tiny.arch", "a.pth"],
    ["conform", "tiny.arch", "--against", "torchvision:resnet18"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_missing_extra_is_told_before_anything(
    folder: Path, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cnndsl.extras.find_spec", lambda name: None)
    code, said = main(command), capsys.readouterr()
    assert (code, said.out, said.err.count("\n")) == (2, "", 1) and 'pip install "cnndsl[' in said.err
