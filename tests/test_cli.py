"""The command line as a user meets it: output, exit codes, bad input, interrupted and read-only places."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from cnndsl.cli.main import main

GOOD = """network tiny(classes = 4) {
    input 3 x 8 x 8
    conv 3x3, 4 -> relu
    global_avgpool -> linear classes
}
"""
BAD = """network tiny {
    input 3 x 8 x 8
    conv 3x3, 4, groups=3
    cnov 3x3, 4
}
"""


def cnndsl(*arguments: str, cwd: Path, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", **settings}
    command = [sys.executable, "-m", "cnndsl", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, input=stdin, capture_output=True, text=True)


def exit_code(arguments: list[str]) -> int | str | None:
    try:
        return main(arguments)
    except SystemExit as end:  # argparse's way
        return end.code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny.arch").write_text(GOOD)
    (tmp_path / "bad.arch").write_text(BAD)
    (tmp_path / "two.arch").write_text(GOOD + GOOD.replace("tiny", "other"))
    return tmp_path


def test_check_of_a_good_file(folder: Path) -> None:
    done = cnndsl("check", "tiny.arch", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "tiny.arch: ok\n  tiny  132 params  6,928 MACs  depth 2\n"


def test_check_of_a_bad_file_reports_all_and_exits_1(folder: Path) -> None:
    done = cnndsl("check", "bad.arch", cwd=folder)
    assert done.returncode == 1
    assert "error[E204]" in done.stdout and "error[E301]" in done.stdout
    assert done.stdout.endswith("2 errors\n")


def test_compile_for_a_gpu_writes_a_plan_and_runs_it_interpreted(folder: Path) -> None:
    arguments = ("tiny.arch", "--backend", "triton", "--precision", "fp32", "--run-interpreted", "--explain")
    done = cnndsl("compile", *arguments, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in (folder / "tiny").iterdir()} == {"plan.json", "weights.safetensors"}
    assert "\nplan tiny: fp32, batch 1, sm_90\n" in done.stdout
    assert "ran a forward pass: 1 x 3 x 8 x 8 -> 1 x 4" in done.stdout and "in Triton's interpreter" in done.stdout


def test_compile_for_a_gpu_explains_and_emits(folder: Path) -> None:
    done = cnndsl("compile", "tiny.arch", "--backend", "triton", "--explain", "--emit", "plan", cwd=folder)
    assert done.returncode == 0 and not (folder / "tiny").exists()
    assert "tiny.arch:3: conv 3x3, 4 -> relu\n" in done.stdout and "kernel conv_gemm" in done.stdout


def test_compile_strict_names_the_line(folder: Path) -> None:
    (folder / "odd.arch").write_text("network odd {\n    input 4 x 8 x 8\n    layer_norm\n}\n")
    done = cnndsl("compile", "odd.arch", "--backend", "triton", "--strict", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "odd.arch:3:5: no Triton kernel serves `layer_norm` (layer_norm)\n"
    assert not (folder / "odd").exists()


def test_check_of_several_files(folder: Path) -> None:
    done = cnndsl("check", "tiny.arch", "bad.arch", cwd=folder)
    assert done.returncode == 1
    assert "tiny.arch: ok" in done.stdout and "bad.arch:3:" in done.stdout


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_machine_formats_are_json_and_nothing_else(folder: Path, form: str) -> None:
    for file in ("tiny.arch", "bad.arch"):
        json.loads(cnndsl("check", file, "--format", form, cwd=folder).stdout)


def test_github_format(folder: Path) -> None:
    lines = cnndsl("check", "bad.arch", "--format", "github", cwd=folder).stdout.splitlines()
    assert len(lines) == 2 and all(line.startswith("::error file=bad.arch,line=") for line in lines)


@pytest.mark.parametrize(
    ("settings", "colored"), [({"FORCE_COLOR": "1", "NO_COLOR": ""}, True), ({"FORCE_COLOR": "1"}, False)]
)
def test_color_obeys_the_environment(folder: Path, settings: dict[str, str], colored: bool) -> None:
    assert ("\x1b[" in cnndsl("check", "bad.arch", cwd=folder, **settings).stdout) is colored


def test_a_model_from_standard_input(folder: Path) -> None:
    done = cnndsl("check", "-", cwd=folder, stdin=BAD)
    assert done.returncode == 1 and "<stdin>:3:" in done.stdout


@pytest.mark.parametrize("model", ["googlenet", "googlenet:googlenet"])
def test_a_folder_does_not_hide_the_zoo(folder: Path, model: str) -> None:
    (folder / "googlenet").mkdir()  # as `cnndsl compile googlenet` leaves it
    assert "6,998,552 params" in cnndsl("check", model, cwd=folder).stdout


def test_parameters_and_input(folder: Path) -> None:
    done = cnndsl("summary", "tiny.arch", "-p", "classes=9", "--input", "3x16x16", "--format", "json", cwd=folder)
    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert "9" in done.stdout and "16" in done.stdout and summary


def test_a_parameter_may_be_any_value_of_the_language(folder: Path) -> None:
    text = "network n(unit: block, widths = [1]) {\n input 3 x 8 x 8\n for w in widths { conv 3x3, w -> unit }\n}\n"
    (folder / "n.arch").write_text(text)
    done = cnndsl("check", "n.arch", "-p", "unit=leaky_relu(0.1)", "-p", "widths=[2, 2 ** 3]", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_summary_of_a_broken_network_shows_it_up_to_its_mistake(folder: Path) -> None:
    (folder / "b.arch").write_text(GOOD.replace("global_avgpool ->", "maxpool 9x9, /1 ->"))
    done = cnndsl("summary", "b.arch", cwd=folder)
    assert done.returncode == 1
    assert "conv 3x3, 4" in done.stdout and "E202" in done.stderr


def test_summary_formats(folder: Path) -> None:
    rows = list(csv.reader(cnndsl("summary", "tiny.arch", "--format", "csv", cwd=folder).stdout.splitlines()))
    assert len(rows) > 3 and len({len(row) for row in rows}) == 1
    assert "MACs" in cnndsl("summary", "tiny.arch", cwd=folder).stdout


def test_compile_writes_runs_and_says_so(folder: Path) -> None:
    done = cnndsl("compile", "tiny.arch", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (folder / "tiny").iterdir()) == ["tiny.py", "tiny.safetensors"]
    assert "ran a forward pass: 1 x 3 x 8 x 8 -> 1 x 4" in done.stdout
    program = "from tiny import tiny; print(sum(p.numel() for p in tiny().parameters()))"
    alone = subprocess.run([sys.executable, "-c", program], cwd=folder / "tiny", capture_output=True, text=True)
    assert alone.stdout == "132\n", alone.stderr


def test_compile_runs_nothing_that_has_no_room(folder: Path) -> None:
    done = cnndsl("compile", "tiny.arch", "--input", "3x9000000x9000000", cwd=folder)
    assert done.returncode == 0 and "wrote" in done.stdout and "ran no forward pass" in done.stdout


def test_the_same_seed_writes_the_same_bytes(folder: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main(["compile", str(folder / "tiny.arch"), "-o", str(folder / name), "--seed", seed]) == 0
    weights = [(folder / name / "tiny.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]


def test_emit_ir_after_each_pass(folder: Path) -> None:
    before = cnndsl("compile", "tiny.arch", "--emit", "ir", "--after", "elaborate", cwd=folder)
    after = cnndsl("compile", "tiny.arch", "--emit", "ir", cwd=folder)
    assert before.returncode == after.returncode == 0
    assert "conv" in before.stdout and not (folder / "tiny").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "missing.arch"], "no such file"),
        (["check", "googlenett"], "did you mean googlenet?"),
        (["check", "."], "is a directory"),
        (["check", "latin.arch"], "not UTF-8"),
        (["check", "long.arch"], "a line of"),
        (["check", "big.arch"], "larger than"),
        (["check", "tiny.arch:tny"], "did you mean tiny?"),
        (["summary", "two.arch"], "two.arch:tiny, two.arch:other"),
        (["summary", "empty.arch"], "no network"),
        (["check", "tiny.arch", "-p", "clases=3"], "did you mean classes?"),
        (["check", "tiny.arch", "-p", "classes"], "NAME=VALUE"),
        (["check", "tiny.arch", "-p", "classes=[1"], "classes=[1"),
        (["check", "tiny.arch", "-p", 'classes="x"'], "classes"),
        (["check", "tiny.arch", "--input", "3x0x9"], "not a shape"),
        (["check", "tiny.arch", "--max-nodes", "0"], "not a positive integer"),
        (["check", "n" * 5000], "name too long"),
        (["check", "a\udcff.arch"], "no such file"),
        (["compile", "tiny.arch", "--seed", "9" * 30], "at most 18 digits"),
        (["compile", "tiny.arch", "--seed", "-1"], "from 0"),
        (["compile", "tiny.arch", "-p", "classes=10 ** 18"], "GiB of memory"),
        (["compile", "tiny.arch", "-o", "tiny.arch"], "tiny.arch"),
        (["compile", "tiny.arch", "-o", "/proc/nowhere"], "/proc/nowhere"),
        (["compile", "tiny.arch", "--after", "settle_bias"], "--emit ir"),
        (["compile", "tiny.arch", "--explain"], "--optimize"),
        (["compile", "tiny.arch", "--batch", "2"], "--backend triton"),
        (["compile", "tiny.arch", "--emit", "plan"], "--backend triton"),
        (["compile", "tiny.arch", "--backend", "triton", "--tune"], "no CUDA device"),
        (["compile", "tiny.arch", "--backend", "triton", "--optimize"], "--backend torch"),
        (["compile", "tiny.arch", "--backend", "triton", "--emit", "source"], "--backend torch"),
        (["compile", "tiny.arch", "--backend", "triton", "-o", "tiny.arch"], "tiny.arch"),
        (["compile", "tiny.arch", "--backend", "triton", "--batch", "100_000"], "65535 images at most"),
        (["compile", "tiny.arch", "--backend", "triton", "--input", "3x9000x90000", "--explain"], "32 bits"),
        (["compile", "tiny.arch", "--backend", "triton", "--precision", "bf16", "--run-interpreted"], "of bfloat16"),
        (["compile", "tiny.arch", "--backend", "triton", "--precision", "int8"], "--calibrate DATA"),
        (["compile", "tiny.arch", "--backend", "triton", "--calibrate", "fake"], "int8 or fp8"),
        (["compile", "tiny.arch", "--calibrate", "fake"], "--backend triton"),
        (
            ["compile", "tiny.arch", "--backend", "triton", "--precision", "fp8", "--calibrate", "x", "--emit", "plan"],
            "any pictures",
        ),
        (["compile", "tiny.arch", "--weights", "x.safetensors", "--emit", "ir"], "any weights"),
        (["compile", "tiny.arch", "--weights", "x.safetensors", "--seed", "1"], "--seed is of initial weights"),
        (["compile", "tiny.arch", "--emit", "ir", "--after", "settle_bais"], "settle_bias"),
        (["explain", "E999"], "no code E999"),
        (["ops", "cnov"], "did you mean conv?"),
        (["frobnicate"], "invalid choice"),
        (["check"], "MODEL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line_and_exit_code_2(
    folder: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: starting another for each takes longer than what it does."""
    (folder / "latin.arch").write_bytes("network é { }".encode("latin-1"))
    (folder / "empty.arch").write_text("")
    if "long.arch" in arguments:
        (folder / "long.arch").write_text("#" * 5_000_000)
    if "big.arch" in arguments:
        (folder / "big.arch").write_text("#\n" * 6_000_000)
    before = {path.name for path in folder.iterdir()}
    monkeypatch.chdir(folder)
    code = exit_code(arguments)
    done = capsys.readouterr()
    assert code == 2
    assert said in done.err and "Traceback" not in done.err
    message = [line for line in done.err.splitlines() if "error:" in line]
    assert len(message) == 1 and done.out.count("wrote") == 0
    assert {path.name for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):  # root may write anywhere: a file in the way is what stops it
        closed.rmdir()
        closed.write_text("")
    done = cnndsl("compile", "tiny.arch", "-o", "closed/deep", cwd=folder)
    assert done.returncode == 2 and "closed" in done.stderr and "Traceback" not in done.stderr


def test_an_internal_failure_says_so_and_keeps_the_trace(folder: Path) -> None:
    program = (
        "import sys, cnndsl.checking as c; c.check_file = lambda *a: 1 / 0;"
        "from cnndsl.cli.main import main; sys.exit(main(['check', 'tiny.arch']))"
    )

    def run(**settings: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True)

    quiet, loud = run(CNNDSL_DEBUG=""), run(CNNDSL_DEBUG="1")
    assert quiet.returncode == loud.returncode == 3
    assert "internal error: ZeroDivisionError" in quiet.stderr and "CNNDSL_DEBUG=1" in quiet.stderr
    assert "Traceback" not in quiet.stderr and "Traceback" in loud.stderr


def test_ctrl_c_leaves_nothing_behind(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cnndsl", "compile", "googlenet", "-o", "out"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a runner in the background ignores it
    )
    assert process.stdout is not None
    process.stdout.readline()  # the summary is out; torch is being imported, weights drawn, files written
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    left = sorted(path.name for path in (folder / "out").iterdir()) if (folder / "out").exists() else []
    whole = ["googlenet.py", "googlenet.safetensors"]
    if errors:  # Python ends by the signal itself if the interrupt came through an `exec`; a shell calls both 130
        assert errors == "cnndsl: interrupted\n" and process.returncode in (130, -signal.SIGINT) and left in ([], whole)
    else:  # it was done, and Python had begun to end, where it hears no signal any more
        assert process.returncode in (0, -signal.SIGINT) and left == whole


def test_a_signal_waits_for_what_is_being_imported(folder: Path) -> None:
    """An exception in the midst of PyTorch's C++ may end the process, and half a module cannot be imported again."""
    (folder / "half.py").write_text(
        "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(0.2); open('whole', 'w')"
    )
    program = (
        "import signal, sys, time, cnndsl.checking as c; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "c.check_file = lambda *a: __import__('half') and time.sleep(30);"
        "from cnndsl.cli.main import main; sys.exit(main(['check', 'tiny.arch']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "cnndsl: interrupted\n") and (folder / "whole").exists()


@pytest.mark.parametrize(
    "module", ["argparse", "cnndsl.cli.check", "cnndsl.syntax.parser", "cnndsl.elaborate.networks"]
)
def test_ctrl_c_while_a_module_is_imported(folder: Path, module: str) -> None:
    program = f"""
import os, runpy, signal, sys
class Finder:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["cnndsl", "check", "tiny.arch"]
runpy.run_module("cnndsl", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "cnndsl: interrupted\n")


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    command = f"{sys.executable} -m cnndsl ops | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, capture_output=True, text=True)
    assert done.stderr == "" and done.returncode == 0


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [("ops >&-", 0, ""), ("check nowhere.arch 2>&-", 2, ""), ("ops > /dev/full", 2, "no space left")],
)
def test_streams_that_take_nothing(folder: Path, shell: str, code: int, said: str) -> None:
    command = ["bash", "-c", f"{sys.executable} -m cnndsl {shell}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == code and said in done.stderr and len(done.stderr.splitlines()) == bool(said)


@pytest.mark.parametrize("name", [pytest.param("tiny", marks=pytest.mark.slow), "typing_extensions"])
def test_what_compile_proposes_next_runs_in_any_shell(folder: Path, name: str) -> None:
    """Also where Python has a module of the network's name."""
    (folder / "it's.arch").write_text(GOOD.replace("tiny(classes = 4)", f"{name}(classes)"))
    settings = ("-p", "classes=2 + 3", "-o", "a folder")
    done = cnndsl("compile", "it's.arch", *settings, cwd=folder, PATH="/usr/bin:/bin")
    first, second = done.stdout.partition("next:\n")[2].splitlines()
    for command, answer in ((first, "(conv): Conv2d(3, 4"), (second, "parameters")):
        ran = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True)
        assert answer in ran.stdout, ran.stderr


def test_lines_are_not_cut_when_piped(folder: Path) -> None:
    wide = cnndsl("summary", "googlenet", cwd=folder, COLUMNS="40").stdout
    assert "…" not in wide and max(map(len, wide.splitlines())) > 80


def test_a_read_only_home_is_no_hindrance(folder: Path) -> None:
    done = cnndsl("check", "tiny.arch", cwd=folder, XDG_CACHE_HOME="/proc/none", HOME="/proc/none")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_damaged_cache_is_no_hindrance(folder: Path) -> None:
    cache = folder / "cache"
    assert cnndsl("check", "tiny.arch", cwd=folder, CNNDSL_CACHE_DIR=str(cache)).returncode == 0
    (tables,) = cache.iterdir()
    tables.write_bytes(tables.read_bytes()[:100])
    done = cnndsl("check", "tiny.arch", cwd=folder, CNNDSL_CACHE_DIR=str(cache))
    assert (done.returncode, done.stderr) == (0, "")


def test_version_and_help(folder: Path) -> None:
    assert cnndsl("--version", cwd=folder).stdout.startswith("cnndsl 0.")
    assert cnndsl("--help", cwd=folder).returncode == 0
    assert cnndsl(cwd=folder).returncode == 2


def test_explain_and_ops_list_everything(folder: Path) -> None:
    from cnndsl.diagnostics.codes import all_codes
    from cnndsl.ops import all_layers

    listed = cnndsl("explain", cwd=folder).stdout
    assert all(code.code in listed for code in all_codes())
    listed = cnndsl("ops", cwd=folder).stdout
    assert all(word in listed for word in all_layers())
    assert "Wrong:" in cnndsl("explain", "e203", cwd=folder).stdout
    assert "kernel" in cnndsl("ops", "conv", cwd=folder).stdout


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("import nothing_there", "ModuleNotFoundError: No module named 'nothing_there'"),
        ("Own = 3", "TypeError: 3 is neither a layer nor a module"),
        ("class Own(__import__('cnndsl').Op):\n    word = 'relu'", "ValueError: a layer called 'relu' exists already"),
    ],
)
def test_a_package_whose_layers_cannot_be_loaded(folder: Path, module: str, said: str) -> None:
    """It is in the way of files that use its layers, and of no other."""
    (folder / "own.py").write_text(f"{module}\n")
    (folder / "own_layers-1.0.dist-info").mkdir()
    (folder / "own_layers-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: own-layers\nVersion: 1.0\n"
    )
    (folder / "own_layers-1.0.dist-info" / "entry_points.txt").write_text("[cnndsl.layers]\nown = own:Own\n")
    (folder / "own.arch").write_text(GOOD.replace("relu", "own"))
    done = cnndsl("check", "own.arch", cwd=folder)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"own-layers brings a layer own (own:Own) that cannot be loaded: {said}" in done.stderr
    assert cnndsl("check", "googlenet", cwd=folder).returncode == 0
