"""`docs/production.md`, as a reader goes through it: its files are written, and its commands run in their order."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from test_docs import BLOCKS, ROOT, save_examples
from test_export import server_config

from cnndsl.cli.parser import parse
from cnndsl.train.data.fake import fake_data

PAGE = ROOT / "docs" / "production.md"
HERE = [block for block in BLOCKS if block.page == PAGE]


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The page's files in a repository whose main has half of the filters, a photograph, and a `cnndsl` to call."""
    save_examples(PAGE, tmp_path)
    text = (tmp_path / "small.arch").read_text()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (tmp_path / "small.arch").write_text(text.replace("32, /2", "16, /2"))
    for command in (["init", "-q", "-b", "main"], ["add", "small.arch"], ["commit", "-qm", "a network"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    (tmp_path / "small.arch").write_text(text)
    fake_data(10).held_out.image(3).save(tmp_path / "photo.png")
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, arguments in (("cnndsl", "-m cnndsl"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    return tmp_path


@pytest.mark.slow
def test_every_command_of_the_page_does_what_it_says(folder: Path) -> None:
    lines = "".join(block.body for block in HERE if block.word == "sh").replace("8000", str(free_port()))
    script = f"set -e\ntrap 'kill $(jobs -p)' EXIT\n{lines}cnndsl predict small-1.0 photo.png --top 1 --format csv\n"
    path = f"{folder / 'programs'}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    *_, served, _, predicted = done.stdout.splitlines()
    assert served == predicted.split(",")[2] and served.startswith("class")
    assert json.loads((folder / "cnndsl.sarif").read_text())["runs"][0]["results"] == []
    assert "small" in (folder / "diff.md").read_text() and "filters 16 -> 32" in (folder / "diff.md").read_text()
    said = json.loads((folder / "quantize.json").read_text())
    assert said["top1"]["float"]["right"] == json.loads((folder / "eval.json").read_text())["top1"]["right"]
    assert said["files"] == ["models/small/2/model.onnx"]
    assert server_config((folder / "models" / "small" / "config.pbtxt").read_text()).name == "small"
    versions = sorted(each.name for each in (folder / "models" / "small").iterdir())
    assert versions == ["1", "2", "config.pbtxt", "labels.txt"]


def test_workflows_and_hooks_of_the_page_are_understood() -> None:
    hooks, workflow = (yaml.safe_load(block.body) for block in HERE if block.word == "yaml")
    known = [hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))]
    assert [hook["id"] for hook in hooks["repos"][0]["hooks"]] == known
    steps = [step["run"] for step in workflow["jobs"]["review"]["steps"] if "run" in step]
    lines = [line.strip() for step in steps for line in step.splitlines()]
    ours = [line.partition(" || ")[0].partition(" > ")[0].split() for line in lines if line.startswith("cnndsl ")]
    for words in ours:
        parse(words[1:])
    assert [words[1] for words in ours] == ["diff", "check"]
