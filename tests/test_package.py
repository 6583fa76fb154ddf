"""The built wheel carries grammars and archs, and works in an empty environment from an unrelated folder."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), **settings}
    return subprocess.run(list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout by the build backend that is installed here."""
    target = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("*.whl")
    return built


def test_the_sdist_carries_what_the_readme_names(tmp_path: Path) -> None:
    command = ["-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = {link for link in re.findall(r"\]\(([^)#]+)", readme) if "://" not in link}
    run = set(re.findall(r"^(scripts/\w+)$", readme, re.MULTILINE))
    assert len(links) > 10 and len(run) == 2
    for path in links | run | {"scripts/setup", "docs/decisions.md"}:
        assert path in names or any(name.startswith(f"{path.rstrip('/')}/") for name in names), path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an empty environment into which the wheel and its two dependencies are installed.

    The dependencies are taken over from here as they are, so that no index is asked.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = next((folder / "lib").glob("python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    import lark
    import networkx

    for module in (lark, networkx):
        source = Path(module.__file__).parent
        (site / source.name).symlink_to(source)
    return python


def test_the_wheel_carries_grammars_and_archs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for path in (*(ROOT / "grammars").rglob("*.*"), *(ROOT / "archs").rglob("*.arch"), ROOT / "cnndsl" / "py.typed"):
        inside = path.relative_to(ROOT / "cnndsl" if path.name == "py.typed" else ROOT)
        assert f"cnndsl/{inside}" in names
    for path in (ROOT / "cnndsl" / "backends" / "triton" / "tuned").iterdir():
        assert str(path.relative_to(ROOT)) in names
    assert any(name.endswith(".dist-info/entry_points.txt") for name in names)


def test_check_from_an_unrelated_folder(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "-m", "cnndsl", "check", "googlenet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "6,998,552 params" in done.stdout


def test_blocks_from_std(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.arch").write_text("use fire from std\nnetwork tiny {\n input 8 x 9 x 9\n fire 4, 8, 8\n}\n")
    done = run(installed, "-m", "cnndsl", "check", "tiny.arch", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_missing_extra_is_one_line(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "-m", "cnndsl", "compile", "googlenet", "-o", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "cnndsl[torch]"' in done.stderr
    assert not (tmp_path / "out").exists()


def test_compile_from_an_unrelated_folder(installed: Path, tmp_path: Path) -> None:
    """With this environment's torch behind the wheel's own packages."""
    import torch

    behind = Path(torch.__file__).parent.parent
    (tmp_path / "tiny.arch").write_text("network tiny {\n input 3 x 9 x 9\n conv 3x3, 4 -> bn -> relu\n}\n")
    done = run(installed, "-m", "cnndsl", "compile", "tiny.arch", "-o", "out", cwd=tmp_path, PYTHONPATH=str(behind))
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["tiny.py", "tiny.safetensors"]
    assert "ran a forward pass" in done.stdout
