"""What lies in `editors/`: configurations that name what is there, and an extension that builds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from cnndsl.cli.parser import COMMANDS
from cnndsl.lsp.server import PICTURE

EDITORS = Path(__file__).resolve().parent.parent / "editors"
EXTENSION = EDITORS / "vscode"


def manifest() -> dict[str, object]:
    found: dict[str, object] = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    return found


def test_all_editors_start_the_server() -> None:
    helix = tomllib.loads((EDITORS / "helix" / "languages.toml").read_text(encoding="utf-8"))
    server = helix["language-server"]["cnndsl"]
    command = manifest()["contributes"]["configuration"]["properties"]["cnndsl.command"]["default"]  # type: ignore[index]
    neovim = (EDITORS / "neovim" / "cnndsl.lua").read_text(encoding="utf-8")
    assert 'cmd = { "cnndsl", "lsp" }' in neovim
    assert [server["command"], *server["args"]] == command == ["cnndsl", "lsp"]
    assert "lsp" in COMMANDS


def test_the_extension_asks_for_pictures_as_the_server_has_them() -> None:
    assert f'"{PICTURE}"' in (EXTENSION / "src" / "preview.ts").read_text(encoding="utf-8")


def test_the_extension_knows_its_words_as_the_language_does() -> None:
    settings = json.loads((EXTENSION / "language-configuration.json").read_text(encoding="utf-8"))
    assert re.fullmatch(settings["wordPattern"], "conv_bn2")
    rules = settings["indentationRules"]
    assert re.match(rules["increaseIndentPattern"], "    stage {  # 56 pixels") and re.match(
        rules["decreaseIndentPattern"], "  }"
    )
    assert not re.match(rules["increaseIndentPattern"], "# { }") and not re.match(
        rules["increaseIndentPattern"], "group { x }"
    )


@pytest.mark.slow
@pytest.mark.network
def test_the_extension_builds(tmp_path: Path) -> None:
    (tmp_path / "grammars").mkdir()
    shutil.copy(EDITORS.parent / "grammars" / "arch.tmLanguage.json", tmp_path / "grammars")
    shutil.copy(EDITORS.parent / "LICENSE", tmp_path)
    folder = tmp_path / "editors" / "vscode"
    shutil.copytree(EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "*.vsix"))
    for command in (["ci", "--no-audit", "--no-fund"], ["test"], ["run", "package"]):
        done = subprocess.run(["npm", *command], cwd=folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(folder / "cnndsl.vsix") as packed:
        names = packed.namelist()
    assert {"extension/dist/extension.js", "extension/dist/arch.tmLanguage.json", "extension/package.json"} <= {*names}
    assert not any("node_modules" in name or "src/" in name for name in names)
    assert (folder / "cnndsl.vsix").stat().st_size < 200_000
